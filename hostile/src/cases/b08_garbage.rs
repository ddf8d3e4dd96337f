//! Bytes that are no frames, each kind again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::case::{Case, Outcome};
use crate::stage::Stage;
use crate::swarm::{Manner, connect, in_turn, say};

/// Each is refused with a reason of its own, at once, and nothing else suffers.
pub(super) const CASE: Case = Case::new("B8", "bytes that are no frames", attack);

const LIMIT: Duration = Duration::from_secs(5);

/// The reason, and bytes that are refused for it.
const GARBAGE: &[(&str, &[u8])] = &[
    ("not_an_object", b"hello"),
    ("not_an_object", b"[12.5]"),
    ("not_an_object", b"\xef\xbb\xbf{}"),
    ("not_an_object", b"\0\0\0\0"),
    ("not_an_object", b"GET / HTTP/1.1\r\n\r\n"),
    ("not_an_object", b"\x16\x03\x01\x02\x00\x01\x00"),
    ("not_an_object", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("not_utf8", b"{\"The Percentage Of CPU USAGE\": 1, \"a\": \"\xff\"}"),
    ("not_utf8", b"{\"a\": \"\xed\xa0\x80\"}"),
    ("not_json", b"{'a': 1}"),
    ("not_json", b"{\"a\": 1,}"),
    ("not_json", b"{\"The Percentage Of CPU USAGE\": NaN}"),
    ("not_json", b"{\"a\": \"\x01\"}"),
    ("not_json", b"{\"a\" 1}"),
    ("not_json", b"{\"v\":1,\"t\":\"hello\",\"agent\":\"\\ud800\"}"),
    ("too_deep", b"{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"),
    ("schema", b"{}"),
    ("schema", b"{\"The Percentage Of CPU USAGE\": \"12\"}"),
    ("schema", b"{\"The Percentage Of CPU USAGE\": 1, \"\\u0054he Percentage Of CPU USAGE\": 2}"),
    ("schema", b"{\"v\":1}"),
    ("schema", b"{\"v\":1,\"t\":[]}"),
    ("schema", b"{\"v\":1,\"t\":\"hello\",\"agent\":\"a\",\"agent\":\"b\",\"run\":\"r\"}"),
    ("schema", b"{\"v\":1,\"t\":\"hello\",\"agent\":{},\"run\":\"r\"}"),
    ("out_of_range", b"{\"The Percentage Of CPU USAGE\": 101}"),
    ("out_of_range", b"{\"The Percentage Of CPU USAGE\": 1e400}"),
    ("bad_version", b"{\"v\":2,\"t\":\"hello\"}"),
    ("out_of_order", b"{\"v\":1,\"t\":\"sample\",\"seq\":1,\"The Percentage Of CPU USAGE\":1}"),
    (
        "bad_name",
        b"{\"v\":1,\"t\":\"hello\",\"agent\":\"a b\",\"run\":\"r\",\"The Percentage Of CPU USAGE\":1}",
    ),
];

fn attack(stage: &Stage) -> anyhow::Result<Outcome> {
    let count = stage.form.pick(200_000, 4_000) / GARBAGE.len() as u64 * GARBAGE.len() as u64;
    let before = stage.page()?;
    let to = stage.exporter.ingest;
    let hung = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&hung);
    let tried = stage.runtime.block_on(in_turn(64, count, Duration::from_secs(600), move |number| {
        let hung = Arc::clone(&counted);
        async move {
            let (_, bytes) = GARBAGE[number as usize % GARBAGE.len()];
            let is_closed = match connect(to, number, Manner::default()).await {
                Ok(mut stream) => say(&mut stream, bytes, LIMIT).await.0.is_some(),
                Err(_) => false,
            };
            hung.fetch_add(u64::from(!is_closed), Ordering::Relaxed);
        }
    }));
    let after = stage.page()?;
    let mut outcome = Outcome::of(tried).exactly("not closed in 5 s", hung.load(Ordering::Relaxed), 0);
    let each = tried / GARBAGE.len() as u64;
    for reason in [
        "not_an_object",
        "not_utf8",
        "not_json",
        "too_deep",
        "schema",
        "out_of_range",
        "bad_version",
        "out_of_order",
        "bad_name",
    ] {
        let wanted = each * GARBAGE.iter().filter(|(why, _)| *why == reason).count() as u64;
        let found = (after.rejected_frames(reason) - before.rejected_frames(reason)) as u64;
        outcome = outcome.exactly(reason, found, wanted);
    }
    Ok(outcome)
}
