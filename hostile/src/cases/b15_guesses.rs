//! Guesses at the token, and questions about who is known.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::case::{Case, Guard, Outcome};
use crate::frames::{hello, hello_with};
use crate::honest::{AGENTS, NAME};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn};

/// None is let in, and none learns from the answer how near he was or whether he knew a name.
pub(super) const CASE: Case =
    Case { guard: Guard::Tokens, ..Case::new("B15", "guesses at the token", attack) };

const LIMIT: Duration = Duration::from_secs(10);

/// The agent whose token has been stolen.
const VICTIM: &str = "victim";

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(1_000_000, 4_000);
    let credentials = stage.credentials()?;
    let stolen = own_token(stage, VICTIM)?;
    let guesses = Arc::new(Guesses { token: credentials.token.clone(), stolen });
    let answers = Arc::new(Mutex::new(BTreeSet::new()));
    let before = stage.page()?;
    let to = stage.exporter.ingest;
    let heard = Arc::clone(&answers);
    let tried = stage.runtime.block_on(in_turn(64, count, Duration::from_secs(1_800), move |number| {
        let (guesses, heard) = (Arc::clone(&guesses), Arc::clone(&heard));
        async move {
            let answer = ask(to, number, &guesses.hello(number)).await;
            let answer = answer.unwrap_or_else(|| "no answer".to_owned());
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            // More than a few of them would be wrong enough.
            if heard.len() < 5 {
                heard.insert(answer);
            }
        }
    }));
    let after = stage.page()?;
    let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = "cpumon_exporter_rejected_connections_total{reason=\"auth\"}";
    let is_refusal = answers.iter().all(|answer| answer.contains("\"code\":\"auth\""));
    Ok(Outcome::of(tried)
        .exactly("guesses tried", tried, count)
        .exactly("refused for their token", (after.sum(refused) - before.sum(refused)) as u64, count)
        .exactly("different answers", answers.len(), 1)
        .mark("the answer", format!("{answers:?}"), "the refusal of a token", is_refusal)
        .exactly("agents known", after.count("cpumon_agent_up{"), AGENTS as u64))
}

struct Guesses {
    token: String,
    stolen: String,
}

impl Guesses {
    /// A hello that must not be welcome.
    fn hello(&self, number: u64) -> String {
        let mut random = fastrand::Rng::with_seed(number);
        // Half of the names are known.
        let name = if number.is_multiple_of(2) {
            format!("{NAME}{:05}", random.usize(..AGENTS))
        } else {
            format!("nobody-{number}")
        };
        let with = |token: &str| hello_with(&name, "r", token);
        match number / 2 % 10 {
            0 => hello(&name, "r"),
            1 => with(""),
            2 => with(self.token.get(1..).unwrap_or_default()),
            3 => with(self.token.get(..self.token.len() - 1).unwrap_or_default()),
            4 => with(&format!("{}0", self.token)),
            5 => with(&self.token.to_uppercase().replace('0', "O")),
            6 => with(&self.stolen),
            7 => with(&format!("{:032x}", random.u128(..))),
            8 => with(&format!("{:032x}{:032x}", random.u128(..), random.u128(..))),
            _ => with(&"x".repeat(random.usize(1..=128))),
        }
    }
}

/// Says `hello`; the line that comes back, if it was not let in it is the last.
async fn ask(to: std::net::SocketAddr, number: u64, hello: &str) -> Option<String> {
    let mut stream = connect(to, number, Manner { resets: true, ..Manner::default() }).await.ok()?;
    stream.write_all(hello.as_bytes()).await.ok()?;
    let mut answer = String::new();
    timeout(LIMIT, BufReader::new(&mut stream).read_line(&mut answer)).await.ok()?.ok()?;
    Some(answer)
}

/// The token with which the agent `name` speaks for itself alone, as the exporter's program gives it.
fn own_token(stage: &Stage, name: &str) -> anyhow::Result<String> {
    let said = Command::new(&stage.exporter_program)
        .env_clear()
        .env("EXPORTER_TOKEN_FILE", stage.credentials()?.file("token"))
        .args(["token", name])
        .output()
        .context("cannot run the exporter's program")?;
    ensure!(said.status.success(), "no token: {}", String::from_utf8_lossy(&said.stderr));
    Ok(String::from_utf8(said.stdout)?.trim().to_owned())
}
