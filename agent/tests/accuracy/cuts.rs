//! Files that are cut off: at each byte, they give the whole or nothing.

use std::fs;

use super::figures::Compared;
use super::library::Library;
use super::machine::Machine;
use super::stage::Content;

/// Cuts off what a machine's kernel wrote at each byte, each time between seconds that can be read.
#[test]
fn a_file_cut_off_at_any_byte_is_whole_or_a_missed_second() {
    let mut machine = Machine::with_cores(3);
    let mut library = Library::new();
    library.step(&Content::Machine(machine.run(&[1, 2, 3])));
    let length = machine.stat().len();
    for cut in 0..=length {
        machine.run(&[50, 60, 70]);
        let text = machine.stat();
        // Nothing is missing if all that is read is there, each line with its end.
        let needed = text.find("procs_blocked").unwrap();
        let is_whole = cut >= needed && text[..cut].ends_with('\n');
        let content = Content::Text(text.as_bytes()[..cut].to_vec());
        let Compared { got, expected } =
            if is_whole { library.step_learning(&content, &machine) } else { library.step(&content) };
        assert_eq!(got.is_some(), is_whole, "cut off at byte {cut} of {length}");
        assert_eq!(got, expected, "cut off at byte {cut} of {length}");
        let Compared { got, expected } =
            library.step(&Content::Machine(machine.run(&[cut as u64 % 100, 0, 99])));
        assert_eq!(got, expected, "after a file cut off at byte {cut} of {length}");
    }
}

/// The same with what this machine's kernel writes, whose counters nobody made up.
#[test]
fn this_machines_file_cut_off_at_any_byte_is_whole_or_a_missed_second() {
    let text = fs::read_to_string("/proc/stat").unwrap();
    let whole = Content::Text(text.clone().into_bytes());
    let mut library = Library::new();
    library.step(&whole);
    let needed = text.find("procs_blocked").unwrap();
    for cut in 0..text.len() {
        let content = Content::Text(text.as_bytes()[..cut].to_vec());
        let Compared { got, .. } = library.step(&content);
        // Its time stands still, so a sample could only come of half a number.
        assert_eq!(got, None, "cut off at byte {cut}");
        let is_whole = cut >= needed && text[..cut].ends_with('\n');
        assert_eq!(library.could_read(), is_whole, "cut off at byte {cut} of {}", text.len());
    }
}
