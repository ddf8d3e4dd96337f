//! Every file of the corpora goes through its body, on the stable compiler; so do inputs that were found to matter.
#![cfg(test)]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use cpumon_fuzz_bodies::{BODIES, run};

#[test]
fn every_file_of_the_corpora_is_stood() {
    for (name, body) in BODIES {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name);
        let files = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            let input = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| body(&input));
            assert!(outcome.is_ok(), "{name} does not stand {}", path.display());
            count += 1;
        }
        assert!(count >= 5, "{count} files in {}", corpus.display());
    }
}

#[test]
fn the_empty_input_is_stood() {
    for (name, _) in BODIES {
        run(name, b"");
    }
}

/// Found by the target `original`: a float rounds it to zero, and it is negative. The oracle was wrong, not the parser.
#[test]
fn a_negative_number_that_rounds_to_zero_may_be_refused() {
    run("original", br#"{"The Percentage Of CPU USAGE":-1e-400}"#);
}

/// Found by the target `original`: such a number is good JSON, and its field is ignored. The oracle was wrong.
#[test]
fn a_number_that_no_float_holds_may_stand_in_a_field_that_is_ignored() {
    run("original", br#"{"The Percentage Of CPU USAGE":12.5,"x":1e3018}"#);
    run("original", br#"{"x":-1e3018,"The Percentage Of CPU USAGE":100}"#);
}

/// Found by the target `original`, of a golden input: such a number is above 100, and a float says that it is not. The
/// oracle was wrong.
#[test]
fn a_number_above_100_that_rounds_to_it_may_be_refused() {
    run("original", br#"{"The Percentage Of CPU USAGE":100.00000000000000000001}"#);
}

/// Found by the target `auth`, of a golden input: such a number is good JSON, and its field is ignored. The oracle was
/// wrong.
#[test]
fn a_number_that_no_float_holds_may_stand_beside_a_token() {
    run("auth", br#"{"token":"s3cret","v":1,"t":"hello","agent":"web-1","run":"r1","later":[{"a":1e400}]}"#);
}

/// Found by the target `answers`: an agent that talks to the original's server waits for its next tick, and for
/// nothing else. The body was wrong, not the link.
#[test]
fn between_two_samples_a_link_needs_no_deadline() {
    run("answers", b"\xff\xff\"The Percentage Of CPU USAGE\": 14.6}");
}

/// Found with the first seeds: two series of one name.
#[test]
fn a_command_named_twice_makes_one_series() {
    let hello = r#"{"v":1,"t":"hello","agent":"a","run":"r","The Percentage Of CPU USAGE":1}"#;
    let top = r#"{"comm":"sh","cores_ppm":1}"#;
    let sample =
        format!(r#"{{"v":1,"t":"sample","seq":1,"The Percentage Of CPU USAGE":1,"top":[{top},{top}]}}"#);
    run("hello", format!("{hello}{sample}").as_bytes());
}
