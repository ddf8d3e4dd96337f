//! The exporter goes away while the page is open, and comes back.

use std::time::{Duration, Instant};

use cpumon_browser::fleet::Agents;

use crate::stage::{PIXELS, Stage};

#[test]
fn the_exporter_stops_at_once_and_the_page_says_so_and_comes_back() {
    let mut stage = Stage::open();
    let agents = Agents::start(stage.exporter.ingest, "web-", 20).unwrap();
    stage.shows(20);

    let began = Instant::now();
    let (status, last) = stage.exporter.stop().unwrap();
    let took = began.elapsed();
    assert!(status.success() && last.contains("stopped, every connection ended"), "{status}: {last}");
    assert!(took < Duration::from_secs(3), "an open page keeps nobody waiting: {took:?}");
    stage.browser.wait_for("document.body.dataset.connection === 'gone'").unwrap();
    let said = stage.text("#connection");
    assert!(said.starts_with("Exporter gone, trying again (as of "), "{said}");
    let history = format!(
        "{PIXELS} const drawn = pixels(document.querySelector('#rows .spark')); \
         let n = 0; for (let i = 3; i < drawn.length; i += 4) n += drawn[i] > 0; return n"
    );
    let known: u32 = stage.browser.run(&history).unwrap();
    assert!(known > 0);

    stage.exporter.start_again().unwrap();
    let took = stage.browser.wait_for("document.body.dataset.connection === 'live'").unwrap();
    assert!(took < Duration::from_secs(12), "{took:?}");
    stage.browser.wait_for("document.getElementById('up').textContent === '20'").unwrap();
    let kept: u32 = stage.browser.run(&history).unwrap();
    assert!(kept > known / 2, "what was seen before is remembered: {kept} pixels, and {known} before");
    agents.leave().unwrap();

    // The browser itself says that nobody listened; the page says nothing.
    let complaints = stage.browser.complaints(|message| message.contains("net::ERR_")).unwrap();
    assert_eq!(complaints, [] as [&str; 0]);
    stage.end();
}
