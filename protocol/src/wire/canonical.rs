//! Samples, and their answers, in the form in which our own programs write them, without a general parser.
//!
//! Nearly every frame that an exporter ever sees is one of these: the same fields in the same order, numbers and
//! nothing else. This form is read to the byte, in one pass that also finds its end; at the first byte that differs it
//! is given up, and the general way decides. So what is not read here is not wrong, and what is read here is what
//! the general way would have made of it: a property test holds the two together.

pub(crate) mod write;

use super::client::{Cgroup, CpuTimes, GuestTimes, Histogram, Kind, Update};
use super::number::{self, Percent};
use crate::model::histogram::BUCKETS;

/// Reads a sample at the beginning of `input`; gives it with its length, the line end included if there is one.
pub(crate) fn sample(input: &[u8]) -> Option<(Update<'static>, usize)> {
    let mut form = Form { rest: input };
    form.text(br#"{"v":1,"t":"sample","seq":"#)?;
    let seq = form.number()?;
    form.text(br#","The Percentage Of CPU USAGE":"#)?;
    let update = Update {
        v: super::VERSION,
        t: Kind::Sample,
        reason: None,
        seq: Some(seq),
        percent: Some(form.percent()?),
        max_ppm: form.after(br#","max_ppm":"#, Form::small)?,
        hottest_core_ppm: form.after(br#","hottest_core_ppm":"#, Form::small)?,
        histogram: form.after(br#","histogram":{"buckets":["#, Form::histogram)?,
        cpu_us: form.after(br#","cpu_us":{"user":"#, Form::cpu_times)?,
        guest_us: form.after(br#","guest_us":{"user":"#, Form::guest_times)?,
        cpus: form.after(br#","cpus":"#, Form::small)?,
        load_ppm: form.after(br#","load_ppm":["#, Form::numbers)?,
        procs_running: form.after(br#","procs_running":"#, Form::number)?,
        context_switches: form.after(br#","context_switches":"#, Form::number)?,
        pressure_us: form.after(br#","pressure_us":"#, Form::number)?,
        missed: form.after(br#","missed":"#, Form::number)?,
        skipped: form.after(br#","skipped":"#, Form::number)?,
        rtt_us: form.after(br#","rtt_us":"#, Form::number)?,
        cgroup: form.after(br#","cgroup":{"#, Form::cgroup)?,
        top: Vec::new(),
    };
    form.text(b"}")?;
    // The line's end is part of no frame, but to be done with it here saves looking for the next frame.
    let _ = form.text(b"\n");
    Some((update, input.len() - form.rest.len()))
}

/// Reads an ack that asks for nothing, as our exporters write it; gives its number.
pub(crate) fn ack(object: &[u8]) -> Option<u64> {
    let mut form = Form { rest: object };
    form.text(br#"{"v":1,"t":"ack","seq":"#)?;
    let seq = form.number()?;
    form.text(b"}")?;
    form.rest.is_empty().then_some(seq)
}

/// What is left to read.
struct Form<'a> {
    rest: &'a [u8],
}

impl Form<'_> {
    /// Exactly this.
    fn text<const LENGTH: usize>(&mut self, text: &[u8; LENGTH]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// What `read` finds after `text`, where that is there; none inside when it is not.
    fn after<T, const LENGTH: usize>(
        &mut self,
        text: &[u8; LENGTH],
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.text(text).is_none() {
            return Some(None);
        }
        read(self).map(Some)
    }

    /// A whole number as JSON writes it, of at most 19 digits: those fit.
    fn number(&mut self) -> Option<u64> {
        let has_leading_zero = matches!(self.rest, [b'0', b'0'..=b'9', ..]);
        let (mut value, mut digits) = (0u64, 0);
        while let [digit @ b'0'..=b'9', tail @ ..] = self.rest {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            digits += 1;
            self.rest = tail;
        }
        ((1..=19).contains(&digits) && !has_leading_zero).then_some(value)
    }

    fn small(&mut self) -> Option<u32> {
        self.number().and_then(|number| u32::try_from(number).ok())
    }

    /// A percentage without exponent or sign, and with a digit on either side of its point.
    fn percent(&mut self) -> Option<Percent> {
        let before = self.rest;
        self.number()?;
        if self.text(b".").is_some() {
            let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            self.rest = self.rest.get(digits..).filter(|_| digits > 0)?;
        }
        let text = before.get(..before.len() - self.rest.len())?;
        number::percent(std::str::from_utf8(text).ok()?).map(Percent)
    }

    /// Numbers with commas between them, and the array's end.
    fn numbers<const COUNT: usize>(&mut self) -> Option<[u64; COUNT]> {
        let mut numbers = [0; COUNT];
        for (index, number) in numbers.iter_mut().enumerate() {
            if index > 0 {
                self.text(b",")?;
            }
            *number = self.number()?;
        }
        self.text(b"]")?;
        Some(numbers)
    }

    fn histogram(&mut self) -> Option<Histogram> {
        let buckets = self.numbers::<BUCKETS>()?;
        self.text(br#","sum_ppm":"#)?;
        let sum_ppm = self.number()?;
        self.text(b"}")?;
        Some(Histogram { buckets, sum_ppm })
    }

    fn cpu_times(&mut self) -> Option<CpuTimes> {
        let times = CpuTimes {
            user: self.number()?,
            nice: self.number_after(br#","nice":"#)?,
            system: self.number_after(br#","system":"#)?,
            idle: self.number_after(br#","idle":"#)?,
            iowait: self.number_after(br#","iowait":"#)?,
            irq: self.number_after(br#","irq":"#)?,
            softirq: self.number_after(br#","softirq":"#)?,
            steal: self.number_after(br#","steal":"#)?,
        };
        self.text(b"}")?;
        Some(times)
    }

    fn guest_times(&mut self) -> Option<GuestTimes> {
        let times = GuestTimes { user: self.number()?, nice: self.number_after(br#","nice":"#)? };
        self.text(b"}")?;
        Some(times)
    }

    /// As an agent writes it that has a group: use comes first, and after it whatever else there is.
    fn cgroup(&mut self) -> Option<Cgroup> {
        self.text(br#""utilization_ppm":"#)?;
        let cgroup = Cgroup {
            utilization_ppm: Some(self.small()?),
            usage_us: self.after(br#","usage_us":"#, Self::number)?,
            limit_cpus_ppm: self.after(br#","limit_cpus_ppm":"#, Self::number)?,
            periods: self.after(br#","periods":"#, Self::number)?,
            throttled_periods: self.after(br#","throttled_periods":"#, Self::number)?,
            throttled_us: self.after(br#","throttled_us":"#, Self::number)?,
        };
        self.text(b"}")?;
        Some(cgroup)
    }

    fn number_after<const LENGTH: usize>(&mut self, text: &[u8; LENGTH]) -> Option<u64> {
        self.text(text)?;
        self.number()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// The form with every field, and some numbers to put into it.
    const FORM: &str = concat!(
        r#"{"v":1,"t":"sample","seq":#,"The Percentage Of CPU USAGE":12.5,"max_ppm":#,"hottest_core_ppm":#,"#,
        r#""histogram":{"buckets":[#,#,#,#,#,#,#,#,#,#,#,#,#],"sum_ppm":#},"#,
        r#""cpu_us":{"user":#,"nice":#,"system":#,"idle":#,"iowait":#,"irq":#,"softirq":#,"steal":#},"#,
        r#""guest_us":{"user":#,"nice":#},"cpus":#,"load_ppm":[#,#,#],"procs_running":#,"context_switches":#,"#,
        r#""pressure_us":#,"missed":#,"skipped":#,"rtt_us":#,"cgroup":{"utilization_ppm":#,"usage_us":#,"#,
        r#""limit_cpus_ppm":#,"periods":#,"throttled_periods":#,"throttled_us":#}}"#
    );

    fn filled(numbers: &[u64]) -> String {
        let mut numbers = numbers.iter().cycle();
        let fill = |part: &str| format!("{part}{}", numbers.next().copied().unwrap_or_default());
        let text: String = FORM.split('#').map(fill).collect();
        // A number was written after the last part, too.
        text.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
    }

    /// What the general way makes of `text`, as its own text.
    fn general(text: &str) -> Option<String> {
        let update = serde_json::from_str::<Update<'_>>(text).ok()?;
        serde_json::to_string(&update).ok()
    }

    fn quick(text: &str) -> Option<(String, usize)> {
        let (update, length) = sample(text.as_bytes())?;
        Some((serde_json::to_string(&update).ok()?, length))
    }

    #[test]
    fn the_whole_form_is_read_and_its_line_end_is_taken() {
        let text = filled(&[0, 7, 1_234_567_890]);
        assert_eq!(quick(&text), general(&text).map(|general| (general, text.len())));
        let line = format!(
            "{text}
{{"
        );
        assert_eq!(quick(&line).map(|(_, length)| length), Some(text.len() + 1));
    }

    #[test]
    fn an_ack_is_read_whole_or_not_at_all() {
        for (text, seq) in [
            (r#"{"v":1,"t":"ack","seq":17}"#, Some(17)),
            (r#"{"v":1,"t":"ack","seq":0}"#, Some(0)),
            (r#"{"v":1,"t":"ack","seq":17} "#, None),
            (r#"{"v":1,"t":"ack","seq":017}"#, None),
            (r#"{"v":1,"t":"ack","seq":}"#, None),
            (r#"{"v":1,"t":"ack","seq":17"#, None),
            (r#"{"v":1,"t":"ack","seq":17,"want":["cores"]}"#, None),
            (r#"{"v":2,"t":"ack","seq":17}"#, None),
        ] {
            assert_eq!(ack(text.as_bytes()), seq, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_json_is_not_read() {
        let with =
            |seq: &str| format!(r#"{{"v":1,"t":"sample","seq":{seq},"The Percentage Of CPU USAGE":0.0}}"#);
        for (seq, is_read) in [
            ("0", true),
            ("9999999999999999999", true),
            ("18446744073709551615", false),
            ("18446744073709551616", false),
            ("00", false),
            ("01", false),
            ("010", false),
            ("-1", false),
            ("1.0", false),
            ("1e3", false),
            ("", false),
            ("null", false),
        ] {
            assert_eq!(quick(&with(seq)).is_some(), is_read, "{seq}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(5_000)))]

        /// Whatever happens to the text: either it is not read, or it means what it always did.
        #[test]
        fn what_is_read_is_what_the_general_way_reads(
            numbers in prop::collection::vec(prop_oneof![0..2_000_000u64, any::<u64>()], 1..40),
            percent in prop_oneof!["[0-9]{1,3}(\\.[0-9]{0,7})?", "[0-9.e+-]{0,6}"],
            changes in prop::collection::vec((any::<Index>(), 0..4usize, "[ -~\n]"), 0..3),
        ) {
            let mut text = filled(&numbers).replace("12.5", &percent).into_bytes();
            for (at, kind, byte) in changes {
                let (at, byte) = (at.index(text.len()), byte.as_bytes()[0]);
                match kind {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    2 => drop(text.remove(at)),
                    // As if a field were left out, or its comma.
                    _ => drop(text.drain(at..(at + 12).min(text.len()))),
                }
                if text.is_empty() {
                    return Ok(());
                }
            }
            let text = String::from_utf8(text).unwrap();
            if let Some((read, length)) = quick(&text) {
                prop_assert_eq!(Some(read), general(&text[..length]));
            }
        }
    }
}
