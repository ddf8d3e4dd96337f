//! The Python that has what tests need.

use std::path::Path;
use std::process::{Command, Stdio};

/// The interpreter. Without it the test fails and says what to do: what it proves can be proved in no other way.
pub(crate) fn python() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/python-env");
    let made = Command::new(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(
        made.status.success(),
        "this test needs Python packages, which scripts/python-env installs below target/; it needs python3 with its \
         venv module (on Debian: apt-get install python3-venv) and says above what else is missing"
    );
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}
