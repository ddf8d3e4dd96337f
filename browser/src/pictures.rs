//! Pictures of the page for the documentation, of fleets that were made up.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::browser::{Browser, Look};
use crate::exporter::Exporter;
use crate::scene::Scene;
use anyhow::Context;

/// How long a scene runs before it is taken, so that there is some past to show.
const PAST: Duration = Duration::from_secs(125);

/// Takes all of them into `directory`.
///
/// # Errors
///
/// When a program does not run or a file cannot be written.
pub fn take(binary: &Path, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let browser = Browser::start()?;
    let save = |name: &str| {
        // A frame after the size has changed.
        sleep(Duration::from_millis(1_500));
        fs::write(directory.join(name), browser.picture()?).context("cannot write a picture")
    };

    let mut exporter = Exporter::start(binary, &[])?;
    browser.look(Look::DESKTOP)?;
    browser.open(exporter.http, "/")?;
    browser.wait_for("!document.getElementById('empty').hidden")?;
    save("page-empty.png")?;

    let fleet = Scene::start(exporter.ingest, 400);
    fleet.doomed(301, PAST.as_secs() - 70);
    fleet.doomed(302, PAST.as_secs() - 8);
    sleep(PAST);
    save("page-fleet.png")?;
    browser.look(Look::DESKTOP.dark())?;
    save("page-fleet-dark.png")?;
    browser.look(Look::PHONE)?;
    save("page-phone.png")?;
    browser.look(Look::DESKTOP.dark())?;
    browser.run::<()>("location.hash = '#/agent/worker-3'")?;
    browser.wait_for("document.getElementById('a-modes').innerText.includes('%')")?;
    sleep(PAST / 2);
    save("page-agent-dark.png")?;
    browser.look(Look::DESKTOP)?;
    save("page-agent.png")?;

    browser.run::<()>("location.hash = '#/'")?;
    exporter.stop()?;
    browser.wait_for("document.body.dataset.connection === 'gone'")?;
    save("page-gone.png")?;
    drop(fleet);

    for agents in [1, 3, 10_000] {
        let exporter = Exporter::start(binary, &[])?;
        let _fleet = Scene::start(exporter.ingest, agents);
        browser.open(exporter.http, "/")?;
        sleep(PAST / 3);
        save(&format!("page-{agents}.png"))?;
    }
    browser.end()
}
