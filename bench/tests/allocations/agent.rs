//! The agent's tick: read, record, send, and take the answer.

use std::fs;
use std::path::Path;

use cpumon_agent::link::rendezvous::Place;
use cpumon_agent::link::{Action, Link, LinkSettings};
use cpumon_agent::recorder::{Kept, Recorder};
use cpumon_agent::sampling::Source;
use cpumon_agent::sampling::proc::ProcSource;
use cpumon_load::machine;
use cpumon_protocol::model::{AgentName, Micros, Moment};
use cpumon_protocol::session::exporter::acknowledge;

const WARM_UP: u64 = 100;
const TICKS: u64 = 300;

/// Writes what the kernel would show after so many seconds, two cores being half busy.
fn write_procfs(root: &Path, second: u64) {
    let core = format!("{} 0 {} {} 0 0 0 0 0 0", second * 40, second * 10, second * 50);
    let stat = format!("cpu  {core}\ncpu0 {core}\ncpu1 {core}\nctxt {}\nprocs_running 1\n", second * 1_000);
    fs::write(root.join("stat"), stat).unwrap();
    fs::write(root.join("loadavg"), "0.07 0.11 0.11 1/108 17075\n").unwrap();
    let pressure = format!("some avg10=1.08 avg60=0.76 avg300=0.75 total={second}\n");
    fs::write(root.join("pressure/cpu"), pressure).unwrap();
}

#[test]
fn a_tick_needs_no_memory() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("pressure")).unwrap();
    let mut source = ProcSource::new(root.path());
    let mut recorder = Recorder::new(Kept::default());
    let hello = machine::hello(AgentName::new("a").unwrap(), Micros::from_secs(1));
    let mut link = Link::new(LinkSettings::default(), hello, 1);
    let (mut out, mut answer) = (Vec::new(), Vec::new());
    let (mut acked, mut counted) = (0, 0);

    for second in 1..=WARM_UP + TICKS {
        write_procfs(root.path(), second);
        let now = Moment(second * 1_000_000);
        let mut action = Action::None;
        let used = allocation_counter::measure(|| {
            out.clear();
            if let Ok(sample) = recorder.tick(now, source.read()).result {
                action = link.tick(now, sample, true, &mut out);
            }
        });
        // Another second, another answer: the first ones open the connection.
        answer.clear();
        if action == Action::Resolve {
            let place = Place { address: ([127, 0, 0, 1], 8080).into(), exporter: 0 };
            assert_eq!(link.resolved(now, Ok(&[place])), Action::Open(place));
            assert_eq!(link.connected(now, &mut out), Action::None);
            answer.extend_from_slice(b"{\"v\":1,\"t\":\"welcome\",\"stale_ms\":5000}\n");
        } else if link.is_live() {
            acked += 1;
            acknowledge(acked, false, &mut answer);
        }
        out.clear();
        let of_answer = allocation_counter::measure(|| {
            assert_eq!(link.receive(now, &answer, &mut out), Action::None);
            while link.next_event().is_some() {}
        });
        // Welcome is answered with the sample that hello announced.
        if !out.is_empty() {
            acked += 1;
            answer.clear();
            acknowledge(acked, false, &mut answer);
            assert_eq!(link.receive(now, &answer, &mut out), Action::None);
        }
        if second > WARM_UP {
            counted += used.count_total + of_answer.count_total;
        }
    }
    assert!(acked > TICKS, "samples were answered: {acked}");
    assert_eq!(counted, 0, "allocations in {TICKS} ticks");
}

#[test]
fn a_reading_of_this_machine_needs_no_memory() {
    let mut source = ProcSource::new(Path::new("/proc"));
    source.read().unwrap();
    let used = allocation_counter::measure(|| assert!(source.read().is_ok()));
    assert_eq!(used.count_total, 0);
}
