//! axe-core finds nothing, in either theme, whatever is shown.

use std::path::Path;

use cpumon_browser::axe::Axe;
use cpumon_browser::browser::Look;
use cpumon_browser::fleet::{Agent, Agents};
use serde_json::json;

use crate::stage::Stage;

#[test]
fn axe_has_nothing_to_say() {
    let axe = Axe::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).unwrap();
    let mut stage = Stage::open();
    check(&axe, &stage, "no agent");

    let ingest = stage.exporter.ingest;
    let agents = Agents::start(ingest, "web-", 40).unwrap();
    let hot = Agent::join(ingest, "hot", 97.0, json!({"cpus": 2, "load_ppm": [1, 2, 3]})).unwrap();
    drop(Agent::join(ingest, "dead", 20.0, json!({})).unwrap());
    stage.browser.wait_for("document.getElementById('missing').innerText.includes('dead')").unwrap();
    check(&axe, &stage, "a fleet");

    stage.browser.run::<()>("document.getElementById('heat').focus()").unwrap();
    check(&axe, &stage, "a cell of the heat map");

    stage.browser.run::<()>("location.hash = '#/agent/web-00001'").unwrap();
    stage.browser.wait_for("document.getElementById('a-modes').innerText.includes('%')").unwrap();
    check(&axe, &stage, "one agent");
    stage.browser.run::<()>("location.hash = '#/agent/dead'").unwrap();
    stage.browser.wait_for("document.getElementById('a-state').innerText.includes('missing')").unwrap();
    check(&axe, &stage, "a dead one");

    stage.browser.run::<()>("location.hash = '#/'").unwrap();
    drop(hot);
    agents.leave().unwrap();
    stage.exporter.stop().unwrap();
    stage.browser.wait_for("document.body.dataset.connection === 'gone'").unwrap();
    check(&axe, &stage, "an exporter that is gone");
}

fn check(axe: &Axe, stage: &Stage, what: &str) {
    for look in [Look::DESKTOP, Look::DESKTOP.dark(), Look::PHONE] {
        stage.browser.look(look).unwrap();
        let violations = axe.check(&stage.browser).unwrap();
        assert!(violations.is_empty(), "{what}, {look:?}: {violations:#?}");
    }
}
