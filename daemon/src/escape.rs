//! Text from outside, made safe for one line of a terminal or a log.

use std::fmt::{self, Write};

/// Whether `character` could break a line in two, move the cursor or reorder what a reader sees.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Shows a text on one line: control characters, line separators and marks of direction are written as
/// Rust would (`\n`, `\u{1b}`), all else stays.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaping::new(f, usize::MAX).write_str(self.0)
    }
}

/// A writer that escapes what passes through it as [`Escaped`] does, and cuts it at a length.
#[derive(Debug)]
pub struct Escaping<W> {
    to: W,
    room: usize,
    cut: bool,
}

impl<W: Write> Escaping<W> {
    /// Lets about `room` bytes through to `to`; the first character that does not fit becomes `…`, the rest
    /// is left out.
    pub const fn new(to: W, room: usize) -> Self {
        Self { to, room, cut: false }
    }

    /// Takes `length` bytes of the room; false, with the mark written once, when there is too little.
    fn take(&mut self, length: usize) -> Result<bool, fmt::Error> {
        if self.cut {
            return Ok(false);
        }
        if let Some(left) = self.room.checked_sub(length) {
            self.room = left;
            return Ok(true);
        }
        self.cut = true;
        self.to.write_char('…')?;
        Ok(false)
    }
}

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Most text is clean: pass it on whole.
        if text.len() <= self.room && !self.cut && !text.contains(is_unsafe) {
            self.room -= text.len();
            return self.to.write_str(text);
        }
        for character in text.chars() {
            if is_unsafe(character) {
                let escaped = character.escape_default();
                if !self.take(escaped.len())? {
                    break;
                }
                write!(self.to, "{escaped}")?;
            } else {
                if !self.take(character.len_utf8())? {
                    break;
                }
                self.to.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_mislead_and_nothing_else() {
        for (text, shown) in [
            (
                "plain `text` with \"quotes\" \\ and ünïcode ☃",
                "plain `text` with \"quotes\" \\ and ünïcode ☃",
            ),
            ("two\r\nlines\t", "two\\r\\nlines\\t"),
            ("\u{1b}[31mred\0\u{7f}\u{9b}", "\\u{1b}[31mred\\u{0}\\u{7f}\\u{9b}"),
            (
                "right\u{202e}left\u{2028}\u{2066}\u{200f}\u{feff}",
                "right\\u{202e}left\\u{2028}\\u{2066}\\u{200f}\\u{feff}",
            ),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn cuts_between_characters_and_marks_it_once() -> fmt::Result {
        for (room, shown) in [(0, "…"), (1, "a…"), (2, "a…"), (3, "aé…"), (5, "aé\\n…"), (6, "aé\\nb")]
        {
            let mut out = String::new();
            let mut escaping = Escaping::new(&mut out, room);
            write!(escaping, "aé")?;
            writeln!(escaping)?;
            write!(escaping, "b")?;
            assert_eq!(out, shown, "room {room}");
        }
        Ok(())
    }
}
