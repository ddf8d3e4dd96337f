//! Agents for a page to show: a crowd, or single ones that do as they are told.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow, ensure};
use cpumon_load::client::Dialect;
use cpumon_load::crowd::{Crowd, CrowdSettings, Pace};
use cpumon_protocol::model::Micros;
use serde_json::{Value, json};

use crate::PATIENCE;

/// The longest that a crowd runs.
const CROWD_MAX: Micros = Micros::from_secs(900);

/// How long goodbyes may take.
const FAREWELL: Micros = Micros::from_secs(3);

/// Many agents that send once a second, in a thread of their own.
#[derive(Debug)]
pub struct Agents {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Agents {
    /// Starts them; their names begin with `name`.
    ///
    /// # Errors
    ///
    /// When the name makes no names of agents.
    pub fn start(exporter: SocketAddr, name: &str, agents: usize) -> anyhow::Result<Self> {
        let mut crowd = Crowd::new(&CrowdSettings {
            exporter,
            agents,
            dialect: Dialect::V1,
            pace: Pace::Every(Micros::from_secs(1)),
            name: name.to_owned(),
            token: None,
        })?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            crowd.run(CROWD_MAX, |_| over.load(SeqCst))?;
            crowd.leave(FAREWELL)?;
            Ok(())
        });
        Ok(Self { is_over, thread: Some(thread) })
    }

    /// Lets all of them say bye.
    ///
    /// # Errors
    ///
    /// When their thread has failed.
    pub fn leave(mut self) -> anyhow::Result<()> {
        self.is_over.store(true, SeqCst);
        let thread = self.thread.take().context("they have left already")?;
        thread.join().map_err(|_panic| anyhow!("the crowd's thread has panicked"))?
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
    }
}

/// One agent that sends what it is told. Dropped, it is dead: its connection ends without a bye.
#[derive(Debug)]
pub struct Agent {
    stream: BufReader<TcpStream>,
    seq: u64,
}

impl Agent {
    /// Lets an agent join with its first sample; `more` are further fields of it.
    ///
    /// # Errors
    ///
    /// When it is not welcome.
    pub fn join(exporter: SocketAddr, name: &str, percent: f64, more: Value) -> anyhow::Result<Self> {
        Self::join_as(exporter, json!({"agent": name}), percent, more)
    }

    /// The same, of an agent that says of itself what `about` holds: its name and facts about its machine.
    ///
    /// # Errors
    ///
    /// When it is not welcome.
    pub fn join_as(exporter: SocketAddr, about: Value, percent: f64, more: Value) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(exporter)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut agent = Self { stream: BufReader::new(stream), seq: 0 };
        let hello = json!({
            "v": 1, "t": "hello", "run": "1", "interval_ms": 1000, "The Percentage Of CPU USAGE": percent,
        });
        let answer = agent.ask(&joined(hello, about))?;
        ensure!(answer["t"] == "welcome", "not welcome: {answer}");
        agent.sample(percent, more)?;
        Ok(agent)
    }

    /// Sends a sample; whether somebody wants to see the cores with the next one.
    ///
    /// # Errors
    ///
    /// When it is not acknowledged.
    pub fn sample(&mut self, percent: f64, more: Value) -> anyhow::Result<bool> {
        self.seq += 1;
        let frame = json!({"v": 1, "t": "sample", "seq": self.seq, "The Percentage Of CPU USAGE": percent});
        let answer = self.ask(&joined(frame, more))?;
        ensure!(answer["t"] == "ack", "no ack: {answer}");
        Ok(answer["want"].as_array().is_some_and(|want| want.contains(&json!("cores"))))
    }

    /// Sends the totals of the cores that belong to the next sample.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn cores(&mut self, cores: &Value) -> anyhow::Result<()> {
        let frame = json!({"v": 1, "t": "cores", "seq": self.seq + 1, "cores": cores});
        Ok(self.stream.get_mut().write_all(format!("{frame}\n").as_bytes())?)
    }

    /// Says bye.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn leave(mut self) -> anyhow::Result<()> {
        let bye = json!({
            "v": 1, "t": "bye", "reason": "stop", "seq": self.seq + 1, "The Percentage Of CPU USAGE": 0.0,
        });
        self.stream.get_mut().write_all(format!("{bye}\n").as_bytes())?;
        let mut rest = String::new();
        // It closes when it has heard.
        self.stream.read_line(&mut rest)?;
        Ok(())
    }

    fn ask(&mut self, frame: &Value) -> anyhow::Result<Value> {
        self.stream.get_mut().write_all(format!("{frame}\n").as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// A frame with further fields.
fn joined(mut frame: Value, more: Value) -> Value {
    if let (Some(frame), Value::Object(more)) = (frame.as_object_mut(), more) {
        frame.extend(more);
    }
    frame
}
