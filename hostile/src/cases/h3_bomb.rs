//! A compressed body that would unpack to gigabytes.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::case::{Case, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, swarm};

/// No body is read, let alone unpacked.
pub(super) const CASE: Case =
    Case { memory_mib: 10, ..Case::new("H3", "compressed bodies without end", attack) };

/// What a client may put into the kernels' buffers on its way, in bytes, though nobody reads it.
const IN_KERNEL: u64 = 16 << 20;

/// Ten gigabytes of zeros are this many such pieces.
const PIECES: u64 = 10_240;

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(500, 50);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 1 << 20])?;
    let piece = encoder.finish()?;
    let to = stage.exporter.http;
    let sent = stage.runtime.block_on(swarm(to, count, Manner::default(), move |number, stream| {
        let piece = piece.clone();
        async move {
            let method = ["POST", "PUT", "GET", "HEAD"][number as usize % 4];
            let head = format!(
                "{method} /metrics HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
            let (mut read, mut write) = stream.into_split();
            let sender = tokio::spawn(async move {
                let mut sent = 0;
                let _ = write.write_all(head.as_bytes()).await;
                for _ in 0..PIECES {
                    let Ok(Ok(())) = timeout(Duration::from_secs(5), write.write_all(&chunk)).await else { break };
                    sent += chunk.len() as u64;
                }
                sent
            });
            let mut heard = Vec::new();
            let _ = timeout(Duration::from_secs(10), read.read_to_end(&mut heard)).await;
            drop(read);
            (sender.await.unwrap_or(u64::MAX), heard.starts_with(b"HTTP/1.1 4"))
        }
    }));
    let most = sent.iter().map(|(sent, _)| *sent).max().context("nobody came in")?;
    let refused = sent.iter().filter(|(_, refused)| *refused).count() as u64;
    Ok(Outcome::of(count).at_most("bytes that one could send", most, IN_KERNEL).mark(
        "told no",
        refused,
        "at least half",
        refused * 2 >= count,
    ))
}
