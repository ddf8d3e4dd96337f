//! What is true is shown, and moves.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use cpumon_browser::fleet::{Agent, Agents};
use serde_json::json;

use crate::stage::{PIXELS, Stage, row};

/// What covers the heat map: a number that changes when a pixel does.
const SUM: &str = "let sum = 0; \
    for (const colour of pixels(document.querySelector('#heat canvas'))) sum = (sum * 31 + colour) >>> 0; return sum";

#[test]
fn without_an_agent_it_says_how_to_start_one_and_shows_it_when_it_comes() {
    let stage = Stage::open();
    let command = format!("AGENT_EXPORTERS=127.0.0.1:{} cpumon-agent", stage.exporter.ingest.port());
    assert_eq!(stage.text("#empty-command"), command);

    let _agent = Agent::join(stage.exporter.ingest, "web-1", 42.0, json!({"cpus": 8})).unwrap();
    stage.shows(1);
    assert!(stage.browser.run::<bool>("return document.getElementById('empty').hidden").unwrap());
    stage.browser.wait_for(&format!("{}.innerText.includes('42.0')", row("web-1"))).unwrap();
    assert_eq!(stage.text("#up"), "1");
    stage.end();
}

#[test]
fn values_appear_and_move_and_nobody_else_is_asked() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let agents = Agents::start(stage.exporter.ingest, "web-", 200).unwrap();
    browser.wait_for("document.getElementById('up').textContent === '200'").unwrap();

    let read = || {
        let pixels: u32 = browser.run(&format!("{PIXELS}{SUM}")).unwrap();
        (pixels, stage.text("#rows"), stage.text("#clock"))
    };
    let mut before = read();
    for _ in 0..3 {
        browser.wait_for(&format!("document.getElementById('clock').innerText !== {:?}", before.2)).unwrap();
        // The clock is written in the same frame as all else.
        let after = read();
        assert!(after.0 != before.0 && after.1 != before.1, "{before:?} and {after:?}");
        before = after;
    }

    let hosts: Vec<String> = browser
        .run("return [...new Set(performance.getEntriesByType('resource').map(entry => new URL(entry.name).host))]")
        .unwrap();
    assert_eq!(hosts, [stage.exporter.http.to_string()]);
    agents.leave().unwrap();
    stage.end();
}

#[test]
fn one_agent_is_shown_with_modes_load_and_pressure() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let totals = |second: u64| {
        let idle = 400_000 * second;
        json!({
            "cpus": 1, "load_ppm": [2_500_000, 1_000_000, 500_000], "pressure_us": 250_000 * second,
            "cpu_us": {
                "user": 300_000 * second, "nice": 0, "system": 200_000 * second, "idle": idle, "iowait": 0,
                "irq": 0, "softirq": 0, "steal": 100_000 * second,
            },
            "top": [{"comm": "rustc", "cores_ppm": 550_000}],
        })
    };
    let mut agent = Agent::join(stage.exporter.ingest, "web-1", 60.0, totals(1)).unwrap();
    stage.shows(1);
    browser.run::<()>(&format!("{}.querySelector('a').click()", row("web-1"))).unwrap();
    browser.wait_for("document.getElementById('a-name').textContent === 'web-1'").unwrap();

    let begun = Instant::now();
    let mut second = 1;
    let is_shown = "['user 30.0 %', 'system 20.0 %', 'steal 10.0 %'].every(text => \
        document.getElementById('a-modes').innerText.replace(/\\s+/g, ' ').includes(text))";
    while !browser.run::<bool>(&format!("return {is_shown}")).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", stage.text("#a-modes"));
        second += 1;
        agent.sample(60.0, totals(second)).unwrap();
        std::thread::sleep(Duration::from_millis(400));
    }
    let load = stage.text("#a-load").replace('\n', " ");
    assert!(load.contains("2.50 (2.50 a CPU)") && load.contains("25.0 % of the time"), "{load}");
    assert!(stage.text("#a-top").contains("rustc"));
    assert_eq!(stage.text("#a-state"), "up");

    browser.run::<()>("document.querySelector('.back a').click()").unwrap();
    browser.wait_for("!document.getElementById('fleet').hidden").unwrap();
    stage.end();
}

#[test]
fn cores_are_asked_for_and_shown_while_somebody_looks_at_the_agent() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let mut agent = Agent::join(stage.exporter.ingest, "web-1", 50.0, json!({"cpus": 2})).unwrap();
    stage.shows(1);
    assert!(!agent.sample(50.0, json!({"cpus": 2})).unwrap(), "nobody looks yet");

    browser.run::<()>(&format!("{}.querySelector('a').click()", row("web-1"))).unwrap();
    browser.wait_for("document.getElementById('a-name').textContent === 'web-1'").unwrap();
    let times = |busy: u64, idle: u64| {
        json!({
            "user": busy, "nice": 0, "system": 0, "idle": idle, "iowait": 0, "irq": 0, "softirq": 0, "steal": 0,
        })
    };
    let begun = Instant::now();
    let mut second = 0;
    while stage.text("#a-cores").split_whitespace().ne(["0", "75.0", "%", "1", "25.0", "%"]) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", stage.text("#agent"));
        if agent.sample(50.0, json!({"cpus": 2})).unwrap() {
            second += 1;
            let (much, little) = (750_000 * second, 250_000 * second);
            let cores = [(0, times(much, little)), (1, times(little, much))];
            agent.cores(&cores.map(|(core, times)| json!({"core": core, "cpu_us": times, "guest_us": {"user": 0, "nice": 0}})).into()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(400));
    }
    stage.end();
}

#[test]
fn a_death_shows_within_six_seconds_however_it_comes() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let ingest = stage.exporter.ingest;
    let mut survivor = Agent::join(ingest, "survivor", 10.0, json!({})).unwrap();
    let killed = Agent::join(ingest, "killed", 20.0, json!({})).unwrap();
    let leaving = Agent::join(ingest, "leaving", 30.0, json!({})).unwrap();
    stage.shows(3);
    let says = |agent: &str, text: &str| format!("{}?.innerText.includes({text:?})", row(agent));

    // The process is killed: its connection ends.
    drop(killed);
    let died = Instant::now();
    browser.wait_for(&says("killed", "missing since")).unwrap();
    assert!(died.elapsed() < Duration::from_secs(6), "{:?}", died.elapsed());
    assert_eq!(stage.text("#missing li").lines().next(), Some("killed"));

    // One that says bye is not missed.
    leaving.leave().unwrap();
    browser.wait_for(&says("leaving", "has left")).unwrap();

    // The machine hangs: nothing ends, there are no more samples. It lived for a second after its last one.
    survivor.sample(11.0, json!({})).unwrap();
    let died = Instant::now() + Duration::from_secs(1);
    browser.wait_for(&says("survivor", "missing since")).unwrap();
    assert!(died.elapsed() < Duration::from_secs(6), "{:?}", died.elapsed());
    assert_eq!(stage.text("#up"), "0");

    // It comes back. What it says first may be as old as its silence; what it says next is not.
    survivor.sample(12.0, json!({})).unwrap();
    survivor.sample(12.0, json!({})).unwrap();
    browser.wait_for(&says("survivor", "12.0")).unwrap();
    assert!(!browser.run::<bool>(&format!("return {}", says("survivor", "missing"))).unwrap());
    stage.end();
}

#[test]
fn a_token_is_given_as_a_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "a-token-for-the-page-of-this-test\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    let token = [("EXPORTER_HTTP_TOKEN_FILE", file.to_str().unwrap())];
    let stage = Stage::open_with(&token, ":a-token-for-the-page-of-this-test@");
    let _agent = Agent::join(stage.exporter.ingest, "web-1", 42.0, json!({})).unwrap();
    stage.shows(1);
    stage.browser.run::<()>("location.hash = '#/agent/web-1'").unwrap();
    stage.browser.wait_for("document.getElementById('a-link').innerText.includes('s ago')").unwrap();
    stage.end();
}
