//! Reads a manifest from standard input into typed objects, as the tests do with the files; says of which kinds they are.
//!
//! For what kustomize makes of them: `kubectl kustomize deploy/kubernetes/base | cargo run --example read-manifest`.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use cpumon_deploy::manifest;

fn main() -> ExitCode {
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text).map_err(|error| error.to_string());
    let objects = read.and_then(|_| manifest::read(&text).map_err(|error| error.to_string()));
    let (answer, code) = match &objects {
        Ok(objects) => {
            (objects.iter().map(|object| format!("{}\n", object.kind())).collect(), ExitCode::SUCCESS)
        }
        Err(error) => (format!("{error}\n"), ExitCode::FAILURE),
    };
    let written = io::stdout().write_all(answer.as_bytes());
    if written.is_err() { ExitCode::FAILURE } else { code }
}
