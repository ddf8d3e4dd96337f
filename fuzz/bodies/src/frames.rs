//! A stream from a client, cut anywhere: what is understood does not depend on how it came.

use cpumon_protocol::session::exporter::FrameLimits;

use crate::conversation::{Outcome, Said, hear};

/// Small ones, so that the fuzzer finds them.
const LIMITS: FrameLimits = FrameLimits { greeting: 512, frame: 2048 };

/// A client that is welcome, so that what follows is understood as its frames.
const BEFORE: [&str; 3] = [
    "",
    r#"{"v":1,"t":"hello","agent":"a","run":"r","The Percentage Of CPU USAGE":1}"#,
    r#"{"The Percentage Of CPU USAGE": 1}"#,
];

/// The first byte chooses what was said before and how the rest is cut.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let before = BEFORE[usize::from(choice) % BEFORE.len()];
    let stream = [before.as_bytes(), rest].concat();
    let whole = hear(LIMITS, [&*stream]);
    check(&whole, &stream);
    for size in [1, 1 + usize::from(choice) / BEFORE.len()] {
        let cut = hear(LIMITS, stream.chunks(size));
        assert_eq!(cut.said, whole.said, "cut in {size}");
        assert_eq!(cut.errors, whole.errors, "cut in {size}");
        assert_eq!(cut.answers, whole.answers, "cut in {size}");
        check(&cut, &stream);
    }
}

fn check(outcome: &Outcome, stream: &[u8]) {
    assert!(outcome.errors.len() <= 1, "{:?}", outcome.errors);
    assert!(outcome.held_max <= 2 * LIMITS.frame, "{} bytes are held", outcome.held_max);
    // The smallest frame that is understood at all: `{"v":1,"t":""}`.
    assert!(
        outcome.said.len() <= stream.len() / 14,
        "{} frames in {} bytes",
        outcome.said.len(),
        stream.len()
    );
    for said in &outcome.said {
        if let Said::Sample { sample, .. } | Said::Bye { sample: Some(sample), .. } = said {
            assert!(sample.utilization.millionths() <= 1_000_000);
        }
    }
}
