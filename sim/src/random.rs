//! Random numbers: one stream for each host and purpose, so that what happens to one host does not change
//! what is drawn for another. Without that, two runs of one seed with and without a fault could not be compared.

use cpumon_protocol::model::Micros;

/// What a stream is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Plan = 1,
    AgentFaults,
    ExporterFaults,
    SharedFaults,
    Machine,
    Agent,
    AgentNetwork,
    Exporter,
    Prometheus,
    Replay,
}

/// The stream of `seed` for the purpose and host.
pub(crate) fn stream(seed: u64, purpose: Purpose, host: usize) -> fastrand::Rng {
    // Mixed so that neighbouring seeds and hosts have nothing in common.
    let mut mixed = seed ^ 0x9e37_79b9_7f4a_7c15;
    for part in [purpose as u64, host as u64] {
        mixed = (mixed ^ part).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 32;
    }
    fastrand::Rng::with_seed(mixed)
}

/// A span drawn evenly from `least` to `most`, in milliseconds.
pub(crate) fn span_ms(random: &mut fastrand::Rng, least: u64, most: u64) -> Micros {
    Micros(random.u64(least * 1_000..=most * 1_000))
}

/// Whether something of this chance happens.
pub(crate) fn chance(random: &mut fastrand::Rng, percent: u32) -> bool {
    random.u32(0..100) < percent
}
