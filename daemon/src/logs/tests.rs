//! What comes out of the whole set-up, whatever goes in.

use std::{
    io,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use tracing::{info, info_span, warn};

use super::*;

/// Collects the writes of a subscriber.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `events` writes to the log.
fn logged(format: LogFormat, filter: &str, colour: bool, events: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let settings = Settings { filter: LogFilter::from_text(filter).unwrap(), format };
    let subscriber = subscriber(&settings, colour, move || writer.clone());
    tracing::subscriber::with_default(subscriber, events);
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

/// One event with `text` in every place that a text from outside can take.
fn event_with(text: &str) {
    let _span = info_span!("link", peer = %text, name = ?text, plain = text).entered();
    let error = io::Error::other(text.to_owned());
    info!(shown = %text, debugged = ?text, plain = text, error = &error as &dyn std::error::Error, "got {text}");
}

/// Checks that `line` is one line without any control character, and gives it without its newline.
fn one_line(line: &str) -> &str {
    let line = line.strip_suffix('\n').expect("a line ends with a newline");
    assert!(!line.chars().any(char::is_control), "{line:?}");
    line
}

/// Texts in which trouble is likely.
fn nasty_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        '\n', '\r', '\u{1b}', '\0', '\u{9b}', '\u{85}', '\u{202e}', '"', '\\', '{', '=',
    ]);
    let character = prop_oneof![nasty, any::<char>()];
    prop::collection::vec(character, 0..40).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn a_text_event_is_one_line_whatever_it_holds(text in nasty_text()) {
        let line = logged(LogFormat::Text, "info", false, || event_with(&text));
        prop_assert!(one_line(&line).contains("INFO cpumon_daemon::logs::tests: link{"), "{line:?}");
    }

    #[test]
    fn a_json_event_is_one_line_and_gives_back_what_it_holds(text in nasty_text()) {
        let line = logged(LogFormat::Json, "info", false, || event_with(&text));
        let event: serde_json::Value = serde_json::from_str(one_line(&line)).unwrap();
        prop_assert_eq!(&event["level"], "INFO");
        prop_assert_eq!(&event["message"], &format!("got {text}"));
        prop_assert_eq!(&event["fields"]["plain"], &text);
        prop_assert_eq!(&event["fields"]["shown"], &text);
        prop_assert_eq!(event["spans"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn text_lines_look_so() {
    let line = logged(LogFormat::Text, "info", false, || warn!(count = 3, peer = "a", "rejected"));
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(rest, " WARN cpumon_daemon::logs::tests: rejected count=3 peer=\"a\"\n");
}

#[test]
fn colour_is_for_the_level_alone() {
    let line = logged(LogFormat::Text, "info", true, || info!("\u{1b}[2J"));
    assert!(line.contains(" \u{1b}[32m INFO\u{1b}[0m "), "{line:?}");
    assert_eq!(line.matches('\u{1b}').count(), 2, "{line:?}");
}

#[test]
fn json_keeps_numbers_and_switches() {
    let line = logged(LogFormat::Json, "info", false, || {
        info!(less = -1, more = u64::MAX, share = 0.5, none = f64::NAN, on = true, "m");
    });
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({"less": -1, "more": u64::MAX, "share": 0.5, "none": "NaN", "on": true});
    assert_eq!(event["fields"], expected);
    assert_eq!(event["message"], "m");
    assert_eq!(event.get("spans"), None);
}

#[test]
fn the_filter_goes_by_level_and_target() {
    let events = || {
        info!("plain");
        info!(target: "chatty", "chatter");
        warn!(target: "chatty", "trouble");
    };
    for (filter, expected) in
        [("info", 3), ("warn", 1), ("info,chatty=warn", 2), ("off,chatty=info", 2), ("off", 0)]
    {
        assert_eq!(logged(LogFormat::Text, filter, false, events).lines().count(), expected, "{filter}");
    }
}

#[test]
fn libraries_say_no_more_than_info_unless_they_are_named() {
    let events = || {
        tracing::trace!("ours");
        tracing::debug!(target: "warp::filters::path", "theirs");
        info!(target: "warp::filters::path", "theirs");
    };
    for (filter, expected) in [("trace", 2), ("debug", 1), ("trace,warp=trace", 3), ("warn", 0)] {
        assert_eq!(logged(LogFormat::Text, filter, false, events).lines().count(), expected, "{filter}");
    }
}

#[test]
fn long_texts_are_cut() {
    let long = "x".repeat(1_000_000);
    for format in [LogFormat::Text, LogFormat::Json] {
        let line = logged(format, "info", false, || info!(long, "m"));
        assert!(line.len() < LINE_MAX + 200 && line.contains('…'), "{format:?}: {}", line.len());
    }
}

/// Strings as a wire may bring them: any bytes, read as well as they can be.
fn from_the_wire(count: usize) -> impl Iterator<Item = String> {
    // xorshift: the same strings at each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(move |_| {
        let length = next() % 64;
        let bytes: Vec<u8> = (0..length).map(|_| next().to_be_bytes()[0]).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[test]
fn a_hundred_thousand_strings_from_the_wire_are_a_line_each() {
    const STRINGS: usize = 100_000;
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = logged(format, "trace", false, || {
            for text in from_the_wire(STRINGS) {
                warn!(peer = %text, detail = ?text, "refused {text}");
            }
        });
        assert_eq!(log.lines().count(), STRINGS, "{format:?}");
        assert!(log.bytes().all(|byte| byte >= 0x20 || byte == b'\n'), "{format:?}");
        assert!(log.ends_with('\n'), "{format:?}");
    }
}
