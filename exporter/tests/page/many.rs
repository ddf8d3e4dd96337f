//! Many agents: the page stays quick and its memory small. (`make bench-page` measures ten thousand for two minutes.)

use cpumon_browser::fleet::Agents;
use serde::Deserialize;

use crate::stage::Stage;

/// Notes how long the page's thread was kept busy by tasks that one could feel, until told.
const WATCH: &str = "window.long = 0; \
    new PerformanceObserver(list => list.getEntries().forEach(e => window.long += e.duration)).observe({type: 'longtask'})";

#[derive(Debug, Deserialize)]
struct Watched {
    seconds: f64,
    long_ms: f64,
    rows: usize,
}

#[test]
fn three_thousand_agents_leave_the_page_quick() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let agents = Agents::start(stage.exporter.ingest, "web-", 3_000).unwrap();
    browser.wait_for("document.getElementById('up').textContent === '3,000'").unwrap();
    browser.run::<()>(WATCH).unwrap();
    let watched: Watched = browser
        .run_async(
            "const begun = performance.now(); await new Promise(r => setTimeout(r, 8000)); \
             return { seconds: (performance.now() - begun) / 1000, long_ms: window.long, \
                      rows: document.querySelectorAll('#rows [role=row]').length }",
        )
        .unwrap();
    let a_second = watched.long_ms / watched.seconds;
    assert!(a_second <= 200.0, "{a_second} ms of long tasks a second: {watched:?}");
    assert!(watched.rows < 60, "only rows in sight exist: {watched:?}");

    // The last row can be scrolled to.
    browser.run::<()>("scrollTo(0, document.body.scrollHeight)").unwrap();
    browser.wait_for("document.querySelector('#rows [aria-rowindex=\"3001\"]')").unwrap();
    agents.leave().unwrap();
    stage.end();
}
