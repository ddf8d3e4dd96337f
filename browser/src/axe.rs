//! The accessibility rules of axe-core, run in the page.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::browser::Browser;

/// The rules that are held: WCAG 2 to level AA, and what axe's authors recommend beyond.
const TAGS: &str = r#"["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]"#;

/// axe-core's script.
#[derive(Clone, Debug)]
pub struct Axe(String);

/// Something on the page that breaks a rule.
#[derive(Clone, Debug, Deserialize)]
pub struct Violation {
    /// The rule's name.
    pub id: String,
    /// What it asks for.
    pub help: String,
    /// The elements that break it, and how.
    pub nodes: Vec<String>,
}

impl Axe {
    /// Finds the script in the Python environment that `scripts/python-env` of this checkout makes, where a package
    /// brings it.
    ///
    /// # Errors
    ///
    /// When that environment cannot be made.
    pub fn load(checkout: &Path) -> anyhow::Result<Self> {
        let find = "import axe_playwright_python as axe, pathlib; \
            print(next(pathlib.Path(axe.__file__).parent.rglob('axe.min.js')))";
        let output = Command::new(checkout.join("scripts/python-env")).output()?;
        let python = String::from_utf8(output.stdout)?;
        ensure!(
            output.status.success(),
            "scripts/python-env failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = Command::new(python.trim()).args(["-c", find]).output()?;
        let path = String::from_utf8(found.stdout)?;
        fs::read_to_string(path.trim()).map(Self).context("axe-core's script is not where it should be")
    }

    /// Checks what the page shows now.
    ///
    /// # Errors
    ///
    /// When the script does not run.
    pub fn check(&self, browser: &Browser) -> anyhow::Result<Vec<Violation>> {
        // The page's own policy lets no script in; the debugger may.
        let script = json!({ "expression": format!("{}; typeof axe", self.0) });
        browser.cdp("Runtime.evaluate", &script)?;
        browser
            .run_async(&format!(
                "const found = await axe.run(document, {{ runOnly: {TAGS}, resultTypes: ['violations'] }}); \
                 return found.violations.map(({{ id, help, nodes }}) => ({{ id, help, nodes: nodes.map(n => n.html + ': ' + n.failureSummary) }}))"
            ))
    }
}
