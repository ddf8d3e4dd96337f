//! What happens to machines, second by second. Each script runs through the program and through its parts.

use std::thread;

use super::figures::Compared;
use super::library::Library;
use super::machine::{FIELDS, GUEST, GUEST_NICE, IDLE, IOWAIT, Machine, NICE, STEAL, SYSTEM, USER};
use super::program;
use super::stage::Content;

/// How often the program is given a script anew when the machine is too busy to keep step.
const ATTEMPTS: u32 = 4;

/// A history: its name, and what stands at `/proc/stat` in each second.
struct Script {
    name: &'static str,
    steps: Vec<Content>,
}

impl Script {
    fn new(name: &'static str, steps: impl IntoIterator<Item = Machine>) -> Self {
        Self { name, steps: steps.into_iter().map(Content::Machine).collect() }
    }
}

fn scripts() -> Vec<Script> {
    vec![
        a_core_goes_and_comes_back(),
        cores_are_added(),
        counters_fall_a_little(),
        counters_are_reset(),
        time_stands_still(),
        files_that_are_cut_off(),
        files_of_something_else(),
        files_that_cannot_be_opened(),
        files_that_cannot_be_read(),
        guests_and_steal(),
        digits(),
        old_kernels(),
        a_thousand_cores(),
    ]
}

fn a_core_goes_and_comes_back() -> Script {
    let mut machine = Machine::with_cores(3);
    let mut steps = vec![machine.run(&[10, 80, 0]), machine.run(&[10, 80, 0])];
    machine.take_offline(1);
    steps.extend([machine.run(&[10, 33]), machine.run(&[11, 0])]);
    // Its idle time has gone on, by more than can be.
    machine.bring_back(1, 90_000);
    steps.extend([machine.run(&[1, 99, 2]), machine.run(&[1, 98, 2])]);
    machine.take_offline(0);
    steps.push(machine.run(&[97, 3]));
    Script::new("a core goes offline and comes back", steps)
}

fn cores_are_added() -> Script {
    let mut machine = Machine::with_cores(1);
    let mut steps = vec![machine.run(&[1]), machine.run(&[2])];
    machine.add(5, [70_000; FIELDS]);
    steps.extend([machine.run(&[3, 100]), machine.run(&[3, 99])]);
    machine.add(2, [0; FIELDS]);
    steps.extend([machine.run(&[3, 100, 4]), machine.run(&[0, 0, 0])]);
    Script::new("cores are added", steps)
}

fn counters_fall_a_little() -> Script {
    let mut machine = Machine::with_cores(2);
    let mut steps = vec![machine.run(&[20, 30])];
    for changes in [
        &[(IOWAIT, 50)][..],
        &[(IOWAIT, -20)],
        &[(IOWAIT, 10)],
        &[(IOWAIT, 15)],
        &[(USER, -299)],
        &[(USER, -100), (SYSTEM, -1)],
        &[(GUEST, -7), (STEAL, -299)],
    ] {
        machine.change(changes);
        steps.push(machine.run(&[20, 30]));
    }
    Script::new("iowait falls a little, and user under full dynticks", steps)
}

fn counters_are_reset() -> Script {
    let mut machine = Machine::with_cores(2);
    let mut steps = vec![machine.run(&[20, 30]), machine.run(&[20, 30])];
    steps.push(machine.change(&[(USER, -350), (IDLE, 60)]));
    steps.push(machine.run(&[7, 8]));
    machine.total = [3; FIELDS];
    for counters in machine.online.values_mut() {
        *counters = [1; FIELDS];
    }
    steps.extend([machine.clone(), machine.run(&[41, 9]), machine.run(&[1, 0])]);
    Script::new("one counter is reset, then all are", steps)
}

fn time_stands_still() -> Script {
    let mut machine = Machine::with_cores(2);
    let mut steps = vec![machine.run(&[50, 50]), machine.run(&[50, 51])];
    steps.extend([machine.clone(), machine.clone(), machine.clone()]);
    steps.extend([machine.run(&[5, 5]), machine.run(&[6, 5])]);
    Script::new("time stands still", steps)
}

/// Each `bad` content between seconds that can be read.
fn between_good(bad: impl IntoIterator<Item = Content>) -> Vec<Content> {
    let mut machine = Machine::with_cores(2);
    let mut steps = vec![Content::Machine(machine.run(&[1, 2])), Content::Machine(machine.run(&[3, 99]))];
    for (index, bad) in bad.into_iter().enumerate() {
        // Time goes on while nobody can see it.
        machine.run(&[90 + index as u64, 95]);
        steps.extend([bad, Content::Machine(machine.run(&[index as u64, 4]))]);
    }
    steps.push(Content::Machine(machine.run(&[5, 6])));
    steps
}

fn files_that_are_cut_off() -> Script {
    let text = Machine::with_cores(2).stat();
    let (head, _) = text.split_at(text.find("ctxt").unwrap());
    let bad = [b"", &text.as_bytes()[..20], head.as_bytes()].map(|text| Content::Text(text.to_vec()));
    Script { name: "files that are empty or cut off", steps: between_good(bad) }
}

fn files_of_something_else() -> Script {
    let text = Machine::with_cores(2).stat();
    let garbage = "\0\u{7f}ELF\n\n cpu\n".to_owned();
    let bad = [garbage, text.replacen("cpu  ", "cpu  -", 1), text.replacen("cpu1", "cpu0", 1)];
    let bad = bad.map(|text| Content::Text(text.into_bytes()));
    Script { name: "files of garbage and of impossible lines", steps: between_good(bad) }
}

fn files_that_cannot_be_opened() -> Script {
    let bad = [Content::Gone, Content::Directory, Content::Loop];
    Script { name: "files that are gone or of another kind", steps: between_good(bad) }
}

fn files_that_cannot_be_read() -> Script {
    let forbidden = Content::Forbidden(Machine::with_cores(2).run(&[1, 2]).change(&[(IDLE, 150)]));
    Script { name: "files that are broken or forbidden", steps: between_good([Content::Broken, forbidden]) }
}

fn guests_and_steal() -> Script {
    let mut machine = Machine::with_cores(2);
    let mut steps = vec![machine.run(&[0, 0])];
    for changes in [
        // All of user is a guest's: it counts once.
        &[(USER, 120), (GUEST, 120), (IDLE, 80)][..],
        &[(NICE, 60), (GUEST_NICE, 60), (IDLE, 140)],
        // The guest's part alone moves: no time has passed.
        &[(GUEST, 40)],
        &[(STEAL, 77), (IOWAIT, 23), (IDLE, 100)],
        &[(STEAL, 200)],
        &[(IOWAIT, 200)],
    ] {
        steps.push(machine.change(changes));
    }
    Script::new("guests and steal", steps)
}

fn digits() -> Script {
    let mut machine = Machine::with_cores(1);
    let mut steps = vec![machine.clone()];
    for (busy, idle) in
        [(1, 2), (2, 1), (1, 6), (1, 1_999_999), (3, 1_999_997), (999_999, 1), (1, 0), (0, 1), (123, 877)]
    {
        steps.push(machine.change(&[(SYSTEM, busy), (IDLE, idle)]));
    }
    Script::new("ratios of every kind, to the last digit", steps)
}

fn old_kernels() -> Script {
    let mut machine = Machine::with_cores(2);
    machine.fields = 4;
    let mut steps = vec![machine.run(&[10, 20]), machine.run(&[11, 23])];
    for fields in [7, 8, 9, 10] {
        machine.fields = fields;
        steps.push(machine.run(&[12, fields as u64]));
    }
    Script::new("kernels that know 4 to 10 modes", steps)
}

fn a_thousand_cores() -> Script {
    let mut machine = Machine::with_cores(1_024);
    let loads = |hottest: usize| -> Vec<u64> {
        (0..1_024).map(|core| if core == hottest { 93 } else { core as u64 % 50 }).collect()
    };
    let steps: Vec<_> = [0, 1_023, 512, 7, 1_000].map(|hottest| machine.run(&loads(hottest))).into();
    Script::new("1,024 cores", steps)
}

fn check(name: &str, results: &[Compared]) {
    for (index, Compared { got, expected }) in results.iter().enumerate() {
        assert_eq!(got, expected, "{name}, step {index}: left is what came, right is what had to");
    }
    assert!(results.iter().any(|step| step.got.is_some()), "{name} gives a sample");
}

#[test]
fn the_program_gives_what_the_oracle_says() {
    let play = |script: &Script| {
        for _ in 0..ATTEMPTS {
            match program::play(&script.steps) {
                Ok(results) => return check(script.name, &results),
                Err(out_of_step) => eprintln!("{}, once more: {out_of_step:?}", script.name),
            }
        }
        panic!("{}: {ATTEMPTS} times this machine was too busy to keep step with the agent", script.name);
    };
    thread::scope(|scope| {
        for script in scripts() {
            scope.spawn(move || play(&script));
        }
    });
}

#[test]
fn its_parts_give_what_the_oracle_says() {
    for script in scripts() {
        let mut library = Library::new();
        let results: Vec<_> = script.steps.iter().map(|content| library.step(content)).collect();
        check(script.name, &results);
    }
}
