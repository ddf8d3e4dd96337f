//! Long random histories of machines to which everything happens.

use proptest::prelude::*;

use super::figures::Compared;
use super::library::Library;
use super::machine::{Counters, FIELDS, Machine};
use super::stage::Content;

/// What happens in one second.
#[derive(Clone, Debug)]
enum Event {
    /// All online cores were busy for so many ticks, or so much of them.
    Run(Vec<u64>),
    /// The line `cpu` changes by this.
    Change(Vec<(usize, i64)>),
    /// Nothing moves.
    Stand,
    /// A core goes offline, or comes back, and the others run.
    Toggle(u32, Vec<u64>),
    /// A core is added, and all run.
    Add(u32, Counters, Vec<u64>),
    /// Everything starts from these.
    Reset(Counters),
    /// Nothing can be learnt.
    Fail(Content),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let change = (0..FIELDS, prop_oneof![4 => 0i64..300, 1 => -310i64..0]);
    let counters = prop::array::uniform10(0u64..100_000);
    let busy = prop::collection::vec(0u64..=100, 12);
    let event = prop_oneof![
        8 => busy.clone().prop_map(Event::Run),
        4 => prop::collection::vec(change, 0..8).prop_map(Event::Change),
        1 => Just(Event::Stand),
        2 => (0u32..8, busy.clone()).prop_map(|(core, busy)| Event::Toggle(core, busy)),
        1 => (8u32..12, counters.clone(), busy).prop_map(|(core, from, busy)| Event::Add(core, from, busy)),
        1 => counters.prop_map(Event::Reset),
        2 => prop_oneof![
            Just(Content::Gone), Just(Content::Directory), Just(Content::Loop), Just(Content::Broken),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Content::Text),
        ].prop_map(Event::Fail),
    ];
    prop::collection::vec(event, 1..90)
}

impl Event {
    /// What stands at `/proc/stat` after it.
    fn happen(self, machine: &mut Machine) -> Content {
        match self {
            Self::Run(busy) => run(machine, &busy),
            Self::Change(changes) => {
                for (field, ticks) in changes {
                    let counter = &mut machine.total[field];
                    *counter = counter.saturating_add_signed(ticks);
                }
            }
            Self::Stand => {}
            Self::Toggle(core, busy) => {
                if machine.online.contains_key(&core) {
                    machine.take_offline(core);
                } else {
                    machine.bring_back(core, 12_345);
                }
                run(machine, &busy);
            }
            Self::Add(core, counters, busy) => {
                if !machine.online.contains_key(&core) {
                    machine.add(core, counters);
                }
                run(machine, &busy);
            }
            Self::Reset(counters) => machine.total = counters,
            Self::Fail(content) => return content,
        }
        Content::Machine(machine.clone())
    }
}

/// A second passes; there are loads for as many cores as there can be.
fn run(machine: &mut Machine, busy: &[u64]) {
    machine.run(&busy[..machine.online.len()]);
}

proptest! {
    #[test]
    fn any_history_gives_what_the_oracle_says(events in events()) {
        let mut machine = Machine::with_cores(8);
        let mut library = Library::new();
        for (second, event) in events.into_iter().enumerate() {
            let content = event.clone().happen(&mut machine);
            let Compared { got, expected } = library.step(&content);
            if let Some(figures) = &got {
                let ratios = [Some(figures.utilization), figures.utilization_max, figures.hottest_core];
                prop_assert!(ratios.into_iter().flatten().all(|ratio| ratio <= 1_000_000));
            }
            prop_assert_eq!(got, expected, "second {}, {:?}", second, event);
        }
    }
}
