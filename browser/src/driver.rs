//! chromedriver as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, bail};

/// Chromium, as a program that does not outlive the driver that started it.
pub const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chromium");

/// A running chromedriver on a port of its own. It ends with this value, or with the thread that has started it, however
/// that ends; with it ends every browser whose program is [`BROWSER`].
#[derive(Debug)]
pub struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it is not installed, and then says how it can be.
    pub fn start() -> anyhow::Result<Self> {
        // A test that is killed cannot end what it has started. The kernel does, on its behalf.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "chromedriver", "--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver; on Debian: apt-get install chromium chromium-driver")?;
        let output = child.stdout.take().context("chromedriver has no output")?;
        let mut driver = Self { child, port: 0 };
        let mut output = BufReader::new(output).lines();
        // `ChromeDriver was started successfully on port 40001.`
        for line in output.by_ref() {
            if let Some((_, port)) = line?.rsplit_once("successfully on port ") {
                driver.port = port.trim_end_matches('.').parse()?;
                // Read on: who writes to a pipe that nobody reads may wait for ever.
                thread::spawn(move || output.for_each(drop));
                return Ok(driver);
            }
        }
        bail!("chromedriver ended without saying its port")
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
