//! What the time until an answer tells about a token.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::io::AsyncWriteExt;

use crate::case::{Case, Guard, Outcome};
use crate::frames::{hello, hello_with};
use crate::honest::NAME;
use crate::stage::Stage;
use crate::swarm::{Manner, connect, hear};

/// As much for a guess that is right but for its last character as for one that is wrong from the first, for a name that
/// is known as for one that is not. (That digests are compared in constant time is the code's: `subtle`. Nanoseconds
/// cannot be told apart over a socket; this finds what is done for some guesses and not for others.)
pub(super) const CASE: Case =
    Case { guard: Guard::Tokens, ..Case::new("B16", "answers that are timed", attack) };

const LIMIT: Duration = Duration::from_secs(10);

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let rounds = stage.form.pick(3_000, 200);
    let token = stage.credentials()?.token.clone();
    let known = format!("{NAME}00000");
    let almost = format!("{}-", token.get(..token.len() - 1).unwrap_or_default());
    let far = format!("-{}", token.get(1..).unwrap_or_default());
    let kinds = [
        ("wrong in the last character", hello_with(&known, "r", &almost)),
        ("wrong in the first character", hello_with(&known, "r", &far)),
        ("no token", hello(&known, "r")),
        ("one character", hello_with(&known, "r", "x")),
        ("the longest", hello_with(&known, "r", &"x".repeat(128))),
        ("of a name that nobody has", hello_with("nobody-00000", "r", &almost)),
    ];
    let mut times: [Vec<Duration>; 6] = std::array::from_fn(|_| Vec::new());
    stage.runtime.block_on(async {
        for round in 0..rounds {
            // In turns, and each time in another order: whatever else happens, happens to all of them.
            for step in 0..kinds.len() {
                let index = (round as usize + step) % kinds.len();
                let took = timed(stage.exporter.ingest, round, &kinds[index].1).await?;
                times[index].push(took);
            }
        }
        anyhow::Ok(())
    })?;
    // What a machine does besides only ever adds to a time, and adds to some kinds more than to others; what is done
    // for a kind of guess is in each of its times, the short ones too.
    let floors = times.map(|mut times| {
        times.sort_unstable();
        times.get(times.len() / 10).copied().unwrap_or_default().as_secs_f64() * 1e6
    });
    let (fastest, slowest) =
        floors.iter().fold((f64::MAX, 0_f64), |(low, high), floor| (low.min(*floor), high.max(*floor)));
    let most = stage.form.pick(1.15, 2.0);
    let all = kinds.iter().zip(&floors).map(|((what, _), floor)| format!("{what}: {floor:.0} us"));
    let found = format!("{:.3} ({})", slowest / fastest, all.collect::<Vec<_>>().join(", "));
    Ok(Outcome::of(rounds * kinds.len() as u64).mark(
        "the slowest tenth percentile over the fastest",
        found,
        format!("at most {most}"),
        slowest / fastest <= most,
    ))
}

/// How long the refusal takes.
async fn timed(to: SocketAddr, number: u64, hello: &str) -> anyhow::Result<Duration> {
    let mut stream = connect(to, number, Manner { resets: true, ..Manner::default() }).await?;
    let begun = Instant::now();
    stream.write_all(hello.as_bytes()).await?;
    ensure!(hear(&mut stream, "\"auth\"", LIMIT).await, "a guess was not refused");
    Ok(begun.elapsed())
}
