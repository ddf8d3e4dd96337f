//! `/proc/stat`: CPU time by mode, context switches, boot time, runnable tasks; see proc_stat(5).
//!
//! The form that is accepted: the first line is `cpu`, the next ones are `cpu<number>`, each with 4 to 10
//! decimal numbers (old kernels have fewer modes) or more (of which later ones are ignored), and every line
//! ends. Everything else is a fault: half a file has half a number in it, which looks like a number.

use cpumon_protocol::model::{CoreTimes, CpuTimes, GuestTimes, Micros, Mode, WallTime};

use super::decimal::{self, NoNumber};
use crate::sampling::{Fault, Times};

/// What `/proc/stat` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) times: Times,
    pub(super) context_switches: Option<u64>,
    pub(super) procs_running: Option<u64>,
    pub(super) boot_time: Option<WallTime>,
}

/// How long the kernel's unit of CPU time (1/USER_HZ s) is.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserClock {
    ticks_per_second: u64,
}

const MICROS_PER_SECOND: u64 = 1_000_000;

/// The most CPU time in one mode: 73,000 years of one core. So the changes of all modes can be summed.
const TIME_MAX: u64 = u64::MAX / Mode::ALL.len() as u64;

/// Modes and both guest times, as many numbers as proc_stat(5) knows.
const FIELDS: usize = Mode::ALL.len() + 2;

/// Kernels before 2.6 counted user, nice, system and idle only.
const FIELDS_MIN: usize = 4;

const CPU_LINE: &str = "`cpu` and 4 to 10 decimal numbers, such as `cpu  10 0 7 300`";
const CORE_LINE: &str = "`cpu`, a core's number and 4 to 10 decimal numbers, such as `cpu0 10 0 7 300`";
const CORE_ONCE: &str = "the only one of its core";
const CTXT_LINE: &str = "`ctxt` and a decimal number";
const RUNNING_LINE: &str = "`procs_running` and a decimal number";

impl UserClock {
    /// A clock of so many ticks a second; 0 counts as the usual 100.
    pub(super) const fn new(ticks_per_second: u64) -> Self {
        Self { ticks_per_second: if ticks_per_second == 0 { 100 } else { ticks_per_second } }
    }

    fn micros(self, ticks: u64) -> Result<Micros, NoNumber> {
        let micros = if MICROS_PER_SECOND.is_multiple_of(self.ticks_per_second) {
            ticks.checked_mul(MICROS_PER_SECOND / self.ticks_per_second)
        } else {
            let exact = u128::from(ticks) * u128::from(MICROS_PER_SECOND) / u128::from(self.ticks_per_second);
            u64::try_from(exact).ok()
        };
        micros.filter(|&m| m <= TIME_MAX).map(Micros).ok_or(NoNumber::TooLarge)
    }
}

/// Reads `text` into `stat`, whose memory is reused. After an error `stat` holds nothing of use.
pub(super) fn parse(text: &[u8], clock: UserClock, stat: &mut Stat) -> Result<(), Fault> {
    let Some((b'\n', _)) = text.split_last() else {
        return Err(if text.is_empty() { Fault::Empty } else { Fault::Truncated });
    };
    let mut lines = Lines { rest: text, number: 0 };
    parse_total(&mut lines, clock, stat)?;
    let after_cores = parse_cores(&mut lines, clock, &mut stat.times.cores)?;
    parse_others(after_cores, &mut lines, stat)
}

fn parse_total(lines: &mut Lines<'_>, clock: UserClock, stat: &mut Stat) -> Result<(), Fault> {
    let line = lines.next().unwrap_or_default();
    let numbers = line.strip_prefix(b"cpu").filter(|rest| rest.first() == Some(&b' '));
    let fields = numbers.ok_or(NoNumber::NotDigits).and_then(|text| parse_fields(text, clock));
    let fields = fields.map_err(|e| lines.fault(e, CPU_LINE))?;
    stat.times.total = fields.modes();
    stat.times.guest = fields.guest();
    Ok(())
}

/// Reads the lines of all cores; gives back the first line that is none of them.
fn parse_cores<'a>(
    lines: &mut Lines<'a>,
    clock: UserClock,
    cores: &mut Vec<CoreTimes>,
) -> Result<Option<&'a [u8]>, Fault> {
    cores.clear();
    let mut ascending = true;
    let after = loop {
        let line = lines.next();
        let Some(named) = line.and_then(|line| line.strip_prefix(b"cpu")) else { break line };
        let core = parse_core(named, clock).map_err(|e| lines.fault(e, CORE_LINE))?;
        ascending &= cores.last().is_none_or(|last| last.core < core.core);
        cores.push(core);
    };
    if !ascending {
        cores.sort_unstable_by_key(|c| c.core);
        if cores.windows(2).any(|pair| matches!(pair, [a, b] if a.core == b.core)) {
            return Err(lines.fault(NoNumber::NotDigits, CORE_ONCE));
        }
    }
    Ok(after)
}

fn parse_core(named: &[u8], clock: UserClock) -> Result<CoreTimes, NoNumber> {
    let (number, rest) = decimal::leading(named)?;
    let core = u32::try_from(number).map_err(|_| NoNumber::TooLarge)?;
    let fields = parse_fields(rest, clock)?;
    Ok(CoreTimes { core, times: fields.modes(), guest: fields.guest().unwrap_or_default() })
}

/// Looks for the lines that matter after the cores, and at no line after them. The boot time stands between the two that
/// end the search.
fn parse_others<'a>(mut line: Option<&'a [u8]>, lines: &mut Lines<'a>, stat: &mut Stat) -> Result<(), Fault> {
    (stat.context_switches, stat.procs_running, stat.boot_time) = (None, None, None);
    while let Some(text) = line {
        if let Some(number) = text.strip_prefix(b"ctxt ") {
            let value = decimal::whole(number).map_err(|e| lines.fault(e, CTXT_LINE))?;
            stat.context_switches = Some(value);
        } else if let Some(number) = text.strip_prefix(b"btime ") {
            // No sample depends on it.
            stat.boot_time =
                decimal::whole(number).ok().map(|seconds| WallTime(Micros::from_secs(seconds).0));
        } else if let Some(number) = text.strip_prefix(b"procs_running ") {
            let value = decimal::whole(number).map_err(|e| lines.fault(e, RUNNING_LINE))?;
            stat.procs_running = Some(value);
        }
        if stat.context_switches.is_some() && stat.procs_running.is_some() {
            break;
        }
        line = lines.next();
    }
    Ok(())
}

/// The numbers of one CPU line.
struct Fields {
    values: [Micros; FIELDS],
    count: usize,
}

impl Fields {
    fn modes(&self) -> CpuTimes {
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = self.values;
        CpuTimes([user, nice, system, idle, iowait, irq, softirq, steal])
    }

    fn guest(&self) -> Option<GuestTimes> {
        let [.., user, nice] = self.values;
        (self.count > Mode::ALL.len()).then_some(GuestTimes { user, nice })
    }
}

fn parse_fields(text: &[u8], clock: UserClock) -> Result<Fields, NoNumber> {
    let mut fields = Fields { values: [Micros::ZERO; FIELDS], count: 0 };
    let mut rest = text;
    while let [b' ', tail @ ..] = rest {
        rest = tail;
        // Two spaces follow `cpu`, and a space may end the line.
        if matches!(rest, [] | [b' ', ..]) {
            continue;
        }
        let (ticks, after) = decimal::leading(rest)?;
        if let Some(value) = fields.values.get_mut(fields.count) {
            *value = clock.micros(ticks)?;
            fields.count += 1;
        }
        rest = after;
    }
    if rest.is_empty() && fields.count >= FIELDS_MIN { Ok(fields) } else { Err(NoNumber::NotDigits) }
}

/// The lines of a text whose last byte is a line end, counted.
struct Lines<'a> {
    rest: &'a [u8],
    number: u32,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number = self.number.saturating_add(1);
        Some(line)
    }

    fn fault(&self, why: NoNumber, expected: &'static str) -> Fault {
        match why {
            NoNumber::NotDigits => Fault::Malformed { line: self.number, expected },
            NoNumber::TooLarge => Fault::NumberTooLarge { line: self.number },
        }
    }
}
