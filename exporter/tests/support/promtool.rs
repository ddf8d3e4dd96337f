//! What promtool says of a page.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Fails with promtool's own words if it does not accept `page`, and says how to get promtool where there is none.
pub(crate) fn check_metrics(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut promtool = Command::new(root.join("scripts/promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where it cannot be started it reads nothing, and says why.
    let _ = promtool.stdin.take().unwrap().write_all(page.as_bytes());
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}
