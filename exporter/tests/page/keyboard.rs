//! Every control by keyboard; nothing wider than the window.

use cpumon_browser::browser::{Key, Look};
use cpumon_browser::fleet::Agents;

use crate::stage::{Stage, rows};

/// What can be used, but is not reached by the tabulator: nothing may be left of it.
const UNREACHED: &str = "const all = [...document.querySelectorAll('a[href], button, input, select, [role=listbox]')]; \
    return all.filter(e => e.checkVisibility() && e.tabIndex === 0 && !window.reached.has(e)) \
        .map(e => e.outerHTML.slice(0, 120))";

/// Where the focus is, as a word.
const FOCUS: &str = "const e = document.activeElement; window.reached ??= new Set(); window.reached.add(e); \
    return e.id || e.dataset.sort || e.dataset.show || e.textContent";

#[test]
fn every_control_is_reached_and_works_without_a_mouse() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let agents = Agents::start(stage.exporter.ingest, "web-", 60).unwrap();
    browser.wait_for("document.getElementById('up').textContent === '60'").unwrap();
    let focus = || browser.run::<String>(FOCUS).unwrap();

    let mut seen = Vec::new();
    for _ in 0..40 {
        browser.press([Key::Tab]).unwrap();
        seen.push(focus());
        if seen.iter().filter(|word| **word == seen[0]).count() > 1 {
            break;
        }
    }
    let unreached: Vec<String> = browser.run(UNREACHED).unwrap();
    assert_eq!(unreached, [] as [&str; 0], "{seen:?}");
    for control in ["heat", "heat-column", "filter", "down", "name", "utilization", "load1"] {
        assert!(seen.iter().any(|word| word == control), "{control} in {seen:?}");
    }

    // The heat map: arrows, then Enter; Escape leads back to it.
    let told = "document.getElementById('heat-cell').getAttribute('aria-label')";
    browser.run::<()>("document.getElementById('heat').focus()").unwrap();
    browser.press([Key::Right, Key::Right]).unwrap();
    browser.wait_for(&format!("{told}.startsWith('web-00002: ')")).unwrap();
    browser.press([Key::End]).unwrap();
    browser.wait_for(&format!("{told}.startsWith('web-00059: ')")).unwrap();
    browser.press([Key::Home, Key::Enter]).unwrap();
    browser.wait_for("document.activeElement.textContent === 'web-00000'").unwrap();
    browser.press([Key::Escape]).unwrap();
    browser.wait_for("document.activeElement.id === 'heat'").unwrap();

    // The mark stays on its cell when all cells are laid out anew.
    browser.press([Key::End]).unwrap();
    browser.look(Look::PHONE).unwrap();
    let cell = "document.getElementById('heat-cell').getBoundingClientRect()";
    let map = "document.querySelector('#heat canvas').getBoundingClientRect()";
    browser.wait_for(&format!("{map}.width % {cell}.width === 0 && {map}.bottom === {cell}.bottom")).unwrap();
    browser.look(Look::DESKTOP).unwrap();

    // The list: order, arrows through rows that do not exist yet, Enter.
    browser.run::<()>("document.querySelector('[data-sort=name]').focus()").unwrap();
    browser.press([Key::Enter]).unwrap();
    browser.wait_for(&format!("{}[0].innerText.includes('web-00000')", rows())).unwrap();
    let sorted = "document.querySelector('[data-sort=name]').parentElement.getAttribute('aria-sort')";
    browser.wait_for(&format!("{sorted} === 'ascending'")).unwrap();
    browser.run::<()>(&format!("{}[0].querySelector('a').focus()", rows())).unwrap();
    browser.press([Key::Down, Key::Down, Key::Down]).unwrap();
    assert_eq!(focus(), "web-00003");
    browser.press([Key::End]).unwrap();
    assert_eq!(focus(), "web-00059");
    browser.press([Key::Home]).unwrap();
    assert_eq!(focus(), "web-00000");
    browser.press([Key::Enter]).unwrap();
    browser.wait_for("location.hash === '#/agent/web-00000'").unwrap();
    browser.press([Key::Escape]).unwrap();

    // The filter.
    browser.run::<()>("document.getElementById('filter').focus()").unwrap();
    browser.type_text("0001").unwrap();
    stage.shows(11);
    agents.leave().unwrap();
    stage.end();
}

#[test]
fn nothing_is_wider_than_a_telephone() {
    let stage = Stage::open();
    let browser = &stage.browser;
    let wider = "const w = document.documentElement; \
        const isCut = e => e !== document.body && (getComputedStyle(e).overflowX !== 'visible' || isCut(e.parentElement)); \
        const end = e => Math.min(w.clientWidth, e.closest('.card')?.getBoundingClientRect().right ?? Infinity); \
        return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.skip, .hidden') \
            && e.getBoundingClientRect().right > end(e) + 0.5 && !isCut(e.parentElement)) \
            .map(e => e.outerHTML.slice(0, 120)) \
            .concat(w.scrollWidth > w.clientWidth ? ['the page scrolls'] : [])";
    let check = |what: &str| {
        for look in [Look::PHONE, Look { width: 768, ..Look::DESKTOP }, Look::DESKTOP] {
            browser.look(look).unwrap();
            // Layout follows the size at once, canvases with the next frame.
            browser.run_async::<bool>("await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r))); return true").unwrap();
            let found: Vec<String> = browser.run(wider).unwrap();
            assert_eq!(found, [] as [&str; 0], "{what} at {}", look.width);
        }
    };
    check("empty");
    let long = "a-very-long-name.of-a-machine.in-some-rack.in-some-hall.of-some-data-center.example.org-";
    let few = Agents::start(stage.exporter.ingest, long, 3).unwrap();
    stage.shows(3);
    check("three with long names");
    browser.run::<()>(&format!("{}[0].querySelector('a').click()", rows())).unwrap();
    browser.wait_for("document.getElementById('a-modes').children.length > 0").unwrap();
    check("one agent");
    browser.run::<()>("location.hash = ''").unwrap();
    let many = Agents::start(stage.exporter.ingest, "web-", 500).unwrap();
    browser.wait_for("document.getElementById('total').textContent === '503'").unwrap();
    check("many");
    few.leave().unwrap();
    many.leave().unwrap();
    stage.end();
}
