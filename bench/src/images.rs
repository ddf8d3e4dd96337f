//! How large the images are, where there are any.

use std::process::Command;

use anyhow::{Context, ensure};

use crate::extent::Extent;
use crate::stats::Runs;
use crate::table::{Row, Table, Target};

/// Images by the names that the Dockerfiles give, what is to be their size in all and on top of their base, in MB.
const IMAGES: [(&str, f64, f64); 2] = [("cpumon-agent", 20.0, 5.0), ("cpumon-exporter", 25.0, 10.0)];

/// Looks at the images of this machine; where there are none, the table says so.
///
/// # Errors
///
/// None: to measure the programs, no image is needed.
pub fn measure(_: &Extent, table: &mut Table) -> anyhow::Result<()> {
    for (image, most, most_on_top) in IMAGES {
        match sizes(image) {
            Ok((all, on_top)) => {
                let row = |what: &str, size| {
                    Row::new(format!("image {image}: {what}"), "MB", Runs::from_iter([size]))
                };
                table.push(&row("in all", all).target(Target::AtMost(most)));
                table.push(&row("on top of its base", on_top).target(Target::AtMost(most_on_top)));
            }
            Err(why) => table.not_measured(&format!("image {image}"), &format!("{why:#}")),
        }
    }
    Ok(())
}

/// The image's size, and that of the layers which are not its base's, in MB.
fn sizes(image: &str) -> anyhow::Result<(f64, f64)> {
    let all: f64 = docker(&["image", "inspect", "--format", "{{.Size}}", image])?.trim().parse()?;
    // The layers that a Dockerfile's own lines made; those of the base come after them in this list.
    let history =
        docker(&["history", "--no-trunc", "--human=false", "--format", "{{.Size}} {{.CreatedBy}}", image])?;
    let own = history.lines().filter(|line| line.contains("COPY")).filter_map(|line| line.split(' ').next());
    let on_top: f64 = own.filter_map(|size| size.parse::<f64>().ok()).sum();
    Ok((all / 1e6, on_top / 1e6))
}

fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("docker").args(arguments).output().context("docker cannot be run")?;
    // It complains in more than one way; the first will do.
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", complaint.lines().next().unwrap_or_default());
    Ok(String::from_utf8(output.stdout)?)
}
