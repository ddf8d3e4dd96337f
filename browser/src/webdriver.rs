//! The part of the WebDriver protocol (<https://www.w3.org/TR/webdriver2/>) that is needed here.
//!
//! A command is a POST with JSON and its answer is JSON: an HTTP client is all that it takes. The crates for it bring
//! seventy others, for cookies, international names and TLS, to say as much to a program on this machine.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// The longest that one command may take.
const LIMIT: Duration = Duration::from_secs(180);

/// A browser that a driver has started. Whoever is done with it says [`end`](Self::end).
pub struct Session {
    http: ureq::Agent,
    url: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Session {
    /// Starts a browser with these capabilities.
    ///
    /// # Errors
    ///
    /// In the driver's own words.
    pub fn start(driver: &str, capabilities: &Value) -> anyhow::Result<Self> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let mut session = Self { http: config.into(), url: format!("{driver}/session") };
        let started = session.post("", &json!({"capabilities": {"alwaysMatch": capabilities}}))?;
        let id = started["sessionId"].as_str().context("the driver started no session")?;
        session.url = format!("{}/{id}", session.url);
        Ok(session)
    }

    /// Gives a command; its answer's value.
    ///
    /// # Errors
    ///
    /// In the driver's own words.
    pub fn post(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        value(command, self.http.post(format!("{}{command}", self.url)).send(parameters.to_string())?)
    }

    /// Asks for something; the answer's value.
    ///
    /// # Errors
    ///
    /// In the driver's own words.
    pub fn get(&self, question: &str) -> anyhow::Result<Value> {
        value(question, self.http.get(format!("{}{question}", self.url)).call()?)
    }

    /// Ends the browser.
    ///
    /// # Errors
    ///
    /// When it is gone already.
    pub fn end(self) -> anyhow::Result<()> {
        value("end", self.http.delete(&self.url).call()?).map(drop)
    }
}

fn value(what: &str, mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Value> {
    let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
    let mut answer: Value = serde_json::from_str(&text)?;
    let value = answer["value"].take();
    if !response.status().is_success() {
        bail!("{what}: {}: {}", value["error"], value["message"].as_str().unwrap_or_default());
    }
    Ok(value)
}
