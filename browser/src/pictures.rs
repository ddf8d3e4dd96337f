//! Pictures of the page, of fleets that were made up: those of the documentation, and more to look at.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;

use crate::browser::{Browser, Look};
use crate::exporter::Exporter;
use crate::scene::Scene;

/// How long a scene runs before it is taken, so that there is some past to show.
const PAST: Duration = Duration::from_secs(115);

/// How long the page has to draw anew after its size or its theme has changed.
const REDRAWN: Duration = Duration::from_millis(1_500);

/// Takes those that the documentation shows into `directory`.
///
/// # Errors
///
/// When a program does not run or a file cannot be written.
pub fn of_the_documentation(binary: &Path, directory: &Path) -> anyhow::Result<()> {
    let camera = Camera::new(directory)?;
    let exporter = Exporter::start(binary, &[])?;
    let _fleet = a_fleet(&camera, &exporter)?;
    camera.take("page-fleet", Look::DESKTOP)?;
    camera.take("page-fleet-dark", Look::DESKTOP.dark())?;
    camera.take("page-phone", Look::PHONE)?;
    one_agent(&camera)?;
    // As tall as what there is to be seen of it.
    let whole = Look { height: 1_090, ..Look::DESKTOP };
    camera.take("page-agent", whole)?;
    camera.take("page-agent-dark", whole.dark())?;
    camera.browser.end()
}

/// Takes one of everything that the page can look like into `directory`: for whoever changes how it looks.
///
/// # Errors
///
/// When a program does not run or a file cannot be written.
pub fn of_everything(binary: &Path, directory: &Path) -> anyhow::Result<()> {
    let camera = Camera::new(directory)?;
    let mut exporter = Exporter::start(binary, &[])?;
    camera.browser.open(exporter.http, "/")?;
    camera.browser.wait_for("!document.getElementById('empty').hidden")?;
    camera.take("empty", Look::DESKTOP)?;

    let fleet = a_fleet(&camera, &exporter)?;
    for (name, look) in
        [("fleet", Look::DESKTOP), ("fleet-dark", Look::DESKTOP.dark()), ("fleet-phone", Look::PHONE)]
    {
        camera.take(name, look)?;
    }
    one_agent(&camera)?;
    for (name, look) in
        [("agent", Look::DESKTOP), ("agent-dark", Look::DESKTOP.dark()), ("agent-phone", Look::PHONE)]
    {
        camera.take(name, look)?;
    }
    camera.browser.run::<()>("location.hash = '#/agent/web-301'")?;
    camera.browser.wait_for("document.getElementById('a-state').innerText.includes('missing')")?;
    camera.take("agent-dead", Look::DESKTOP)?;
    camera.browser.run::<()>("location.hash = '#/'")?;
    exporter.stop()?;
    camera.browser.wait_for("document.body.dataset.connection === 'gone'")?;
    camera.take("gone", Look::DESKTOP)?;
    drop(fleet);

    for agents in [1, 3, 10_000] {
        let exporter = Exporter::start(binary, &[])?;
        let _fleet = Scene::start(exporter.ingest, agents);
        camera.browser.open(exporter.http, "/")?;
        sleep(PAST / 4);
        camera.take(&agents.to_string(), Look::DESKTOP)?;
        camera.take(&format!("{agents}-dark"), Look::DESKTOP.dark())?;
    }
    camera.browser.end()
}

/// A fleet with two that have died, and the page of it with some past.
fn a_fleet(camera: &Camera<'_>, exporter: &Exporter) -> anyhow::Result<Scene> {
    let fleet = Scene::start(exporter.ingest, 400);
    fleet.doomed(301, PAST.as_secs() - 70);
    fleet.doomed(302, PAST.as_secs() - 8);
    camera.browser.open(exporter.http, "/")?;
    sleep(PAST);
    Ok(fleet)
}

/// Looks at one of its agents for a while.
fn one_agent(camera: &Camera<'_>) -> anyhow::Result<()> {
    camera.browser.run::<()>("location.hash = '#/agent/worker-3'")?;
    camera.browser.wait_for("document.getElementById('a-modes').innerText.includes('%')")?;
    sleep(PAST / 2);
    Ok(())
}

/// A browser, and where its pictures go.
struct Camera<'a> {
    browser: Browser,
    directory: &'a Path,
}

impl<'a> Camera<'a> {
    fn new(directory: &'a Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self { browser: Browser::start()?, directory })
    }

    fn take(&self, name: &str, look: Look) -> anyhow::Result<()> {
        self.browser.look(look)?;
        sleep(REDRAWN);
        let path = self.directory.join(format!("{name}.png"));
        fs::write(&path, self.browser.picture()?).with_context(|| format!("cannot write {}", path.display()))
    }
}
