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
