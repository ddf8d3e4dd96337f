//! One line for each sample on a terminal, with the exporter's answer, as the original's client had it.

use std::io::{self, IsTerminal, Write};

use cpumon_protocol::model::{Micros, Ratio};

/// Where the lines go, if anywhere.
#[derive(Debug)]
pub struct Terminal<W = io::Stdout> {
    out: Option<W>,
    /// Whether a line waits for its answer.
    open: bool,
}

impl Terminal {
    /// Standard output when that is a terminal, else nothing.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        Self::new(stdout.is_terminal().then_some(stdout))
    }
}

impl<W: Write> Terminal<W> {
    const fn new(out: Option<W>) -> Self {
        Self { out, open: false }
    }

    /// Begins the line of a sample.
    pub fn sample(&mut self, utilization: Ratio) {
        self.close("no answer");
        let percent = utilization.millionths() / 10_000;
        let tenths = utilization.millionths() / 1_000 % 10;
        self.write(format_args!("CPU {percent:>3}.{tenths} %"));
        self.open = true;
    }

    /// Ends it with the answer, which came after `rtt`.
    pub fn answered(&mut self, rtt: Micros) {
        let (millis, micros) = (rtt.0 / 1_000, rtt.0 % 1_000);
        if self.open {
            self.write(format_args!("  answered after {millis}.{micros:03} ms\n"));
        }
        self.open = false;
    }

    /// Ends it with a remark in place of an answer.
    pub fn close(&mut self, remark: &str) {
        if self.open {
            self.write(format_args!("  {remark}\n"));
        }
        self.open = false;
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        if let Some(out) = &mut self.out
            && out.write_fmt(text).and_then(|()| out.flush()).is_err()
        {
            // The terminal went away; the agent stays.
            self.out = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_sample() {
        let ratio = |millionths| Ratio::from_millionths(millionths).unwrap();
        let mut terminal = Terminal::new(Some(Vec::new()));
        terminal.sample(ratio(125_000));
        terminal.answered(Micros(412));
        terminal.answered(Micros(9));
        terminal.sample(ratio(1_000_000));
        terminal.sample(ratio(999));
        terminal.close("no exporter");
        terminal.sample(ratio(45_678));
        terminal.answered(Micros(1_234_567));
        let text = String::from_utf8(terminal.out.unwrap()).unwrap();
        let expected = "\
CPU  12.5 %  answered after 0.412 ms
CPU 100.0 %  no answer
CPU   0.0 %  no exporter
CPU   4.5 %  answered after 1234.567 ms
";
        assert_eq!(text, expected);
    }
}
