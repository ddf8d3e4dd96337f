//! One window of Chromium, without a screen.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::driver::{BROWSER, Driver};
use crate::webdriver::Session;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How the page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Width of the window's content, in CSS pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Whether the user prefers dark colours.
    pub is_dark: bool,
}

impl Look {
    /// A desktop.
    pub const DESKTOP: Self = Self { width: 1280, height: 900, is_dark: false };
    /// A small telephone.
    pub const PHONE: Self = Self { width: 360, height: 740, is_dark: false };

    /// The same in dark colours.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}

/// Keys that are no text, as WebDriver writes them.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// To the next control.
    Tab,
    /// Choose.
    Enter,
    /// Back.
    Escape,
    /// To the last one.
    End,
    /// To the first one.
    Home,
    /// One to the right.
    Right,
    /// One down.
    Down,
}

impl Key {
    const fn code(self) -> char {
        match self {
            Self::Tab => '\u{e004}',
            Self::Enter => '\u{e007}',
            Self::Escape => '\u{e00c}',
            Self::End => '\u{e010}',
            Self::Home => '\u{e011}',
            Self::Right => '\u{e014}',
            Self::Down => '\u{e015}',
        }
    }
}

/// A browser with one window. It ends with this value, and with the thread that has started it.
#[derive(Debug)]
pub struct Browser {
    session: Session,
    _driver: Driver,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When Chromium or chromedriver is missing or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let driver = Driver::start()?;
        let arguments = [
            "--headless=new",
            // A test may run as root in a container, where the sandbox cannot be had, and on a machine without a GPU.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            // It asks nobody but the page's server for anything.
            "--disable-background-networking",
            "--disable-component-update",
            "--hide-scrollbars",
            "--enable-precise-memory-info",
        ];
        let wishes = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": BROWSER, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": PATIENCE.as_millis() as u64},
        });
        let session = Session::start(&driver.url(), &wishes)
            .context("cannot start Chromium; on Debian: apt-get install chromium chromium-driver")?;
        let browser = Self { session, _driver: driver };
        browser.look(Look::DESKTOP)?;
        Ok(browser)
    }

    /// Looks in another way from now on.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn look(&self, look: Look) -> anyhow::Result<()> {
        let Look { width, height, is_dark } = look;
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", &size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.cdp("Emulation.setEmulatedMedia", &media)?;
        Ok(())
    }

    /// Opens a page of the exporter at `http`, anew.
    ///
    /// # Errors
    ///
    /// When it does not load.
    pub fn open(&self, http: SocketAddr, path: &str) -> anyhow::Result<()> {
        self.open_as("", http, path)
    }

    /// The same, as a user whose `name:password@` stands in the address.
    ///
    /// # Errors
    ///
    /// When it does not load.
    pub fn open_as(&self, user: &str, http: SocketAddr, path: &str) -> anyhow::Result<()> {
        // Otherwise only the fragment may differ, and the page would stay.
        self.session.post("/url", &json!({"url": "about:blank"}))?;
        self.session.post("/url", &json!({"url": format!("http://{user}{http}{path}")}))?;
        Ok(())
    }

    /// The value of a function body in the page.
    ///
    /// # Errors
    ///
    /// When it throws, or its value is of another type.
    pub fn run<T: DeserializeOwned>(&self, body: &str) -> anyhow::Result<T> {
        let value = self.session.post("/execute/sync", &json!({"script": body, "args": []}))?;
        serde_json::from_value(value).with_context(|| body.to_owned())
    }

    /// The value of an asynchronous function body in the page.
    ///
    /// # Errors
    ///
    /// When it throws, or its value is of another type.
    pub fn run_async<T: DeserializeOwned>(&self, body: &str) -> anyhow::Result<T> {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(v => done({{v}}), e => done({{e: String(e)}}))"
        );
        let mut result = self.session.post("/execute/async", &json!({"script": script, "args": []}))?;
        ensure!(result["e"].is_null(), "{} in {body}", result["e"]);
        Ok(serde_json::from_value(result["v"].take())?)
    }

    /// Waits until an expression in the page is true; how long that took.
    ///
    /// # Errors
    ///
    /// When that takes too long; tells what the page shows.
    pub fn wait_for(&self, expression: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while !self.run::<bool>(&format!("return Boolean({expression})"))? {
            if begun.elapsed() > PATIENCE {
                let shown: String = self.run("return document.body.innerText")?;
                bail!("still waiting for {expression}; the page shows\n{shown}");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(begun.elapsed())
    }

    /// Presses keys, one after the other.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn press(&self, keys: impl IntoIterator<Item = Key>) -> anyhow::Result<()> {
        self.strike(keys.into_iter().map(Key::code))
    }

    /// Types text where the focus is.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn type_text(&self, text: &str) -> anyhow::Result<()> {
        self.strike(text.chars())
    }

    fn strike(&self, keys: impl Iterator<Item = char>) -> anyhow::Result<()> {
        let down_and_up = |key| ["keyDown", "keyUp"].map(|what| json!({"type": what, "value": key}));
        let strokes: Vec<Value> = keys.flat_map(down_and_up).collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.session.post("/actions", &actions)?;
        Ok(())
    }

    /// What the page and the browser complained about since the last call, but for what `is_expected`.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn complaints(&self, is_expected: impl Fn(&str) -> bool) -> anyhow::Result<Vec<String>> {
        let log = self.session.post("/se/log", &json!({"type": "browser"}))?;
        let entries = log.as_array().context("the log is no list")?.iter();
        let severe = entries.filter(|entry| entry["level"] != "DEBUG" && entry["level"] != "INFO");
        let messages = severe.filter_map(|entry| entry["message"].as_str());
        Ok(messages.filter(|message| !is_expected(message)).map(str::to_owned).collect())
    }

    /// What is in the window, as a PNG.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn picture(&self) -> anyhow::Result<Vec<u8>> {
        let picture = self.session.get("/screenshot")?;
        Ok(STANDARD.decode(picture.as_str().context("the picture is no text")?)?)
    }

    /// A command of the DevTools protocol.
    ///
    /// # Errors
    ///
    /// When the browser refuses it.
    pub fn cdp(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.session.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// When it is gone already.
    pub fn end(self) -> anyhow::Result<()> {
        self.session.end()
    }
}
