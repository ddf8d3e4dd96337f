//! An exporter, and a browser that looks at it.

use std::path::Path;

use cpumon_browser::browser::Browser;
use cpumon_browser::exporter::Exporter;

/// The exporter's program.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cpumon-exporter");

/// An exporter and a browser that has its page open.
pub(crate) struct Stage {
    pub(crate) exporter: Exporter,
    pub(crate) browser: Browser,
}

impl Stage {
    /// Opens the page of an exporter without agents.
    pub(crate) fn open() -> Self {
        Self::open_with(&[], "")
    }

    /// Opens it with these variables, as a user whose `name:password@` stands in the address.
    pub(crate) fn open_with(variables: &[(&str, &str)], user: &str) -> Self {
        let exporter = Exporter::start(Path::new(BINARY), variables).unwrap();
        let browser = Browser::start().unwrap();
        browser.open_as(user, exporter.http, "/").unwrap();
        browser.wait_for("document.body.dataset.connection === 'live'").unwrap();
        Self { exporter, browser }
    }

    /// Waits until the page shows so many agents in its list.
    pub(crate) fn shows(&self, agents: usize) {
        let rows = "document.getElementById('table').ariaRowCount";
        self.browser.wait_for(&format!("{rows} === '{}'", agents + 1)).unwrap();
    }

    /// The text of an element, as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.browser.run(&format!("return document.querySelector({selector:?}).innerText")).unwrap()
    }

    /// Ends both; nobody has complained, and the exporter stopped in order.
    pub(crate) fn end(mut self) {
        let complaints = self.browser.complaints(|_| false).unwrap();
        assert_eq!(complaints, [] as [&str; 0]);
        self.browser.end().unwrap();
        let (status, last) = self.exporter.stop().unwrap();
        assert!(status.success() && last.contains("stopped, every connection ended"), "{status}: {last}");
    }
}

/// A function `pixels` that gives the colours of a canvas. (A copy, as the browser warns of reading what is drawn to.)
pub(crate) const PIXELS: &str = "const pixels = from => { \
    const copy = new OffscreenCanvas(from.width, from.height).getContext('2d', { willReadFrequently: true }); \
    copy.drawImage(from, 0, 0); return copy.getImageData(0, 0, from.width, from.height).data; }; ";

/// The rows of the list that are in sight, as an expression.
pub(crate) fn rows() -> &'static str {
    "[...document.querySelectorAll('#rows [role=row]')]"
}

/// The row of one agent, if it is in sight, as an expression.
pub(crate) fn row(agent: &str) -> String {
    format!("{}.find(row => row.querySelector('a').textContent === {agent:?})", rows())
}
