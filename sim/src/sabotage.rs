//! Bugs to put in by hand. They are in the simulator's wiring between the real parts, never in the product: a
//! simulator that has never caught anything proves nothing.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A frame that was sent once more counts once more: the exporter is shown it under a new number.
    ReplayCounts,
    /// An exporter that was restarted shows zeros for who has said hello, until the first sample comes.
    TransientZero,
    /// A rendering may be as old as the last scrape.
    StaleGauge,
    /// Totals run through single-precision seconds on their way to the wire.
    FloatTotals,
    /// Prometheus takes the highest of what all exporters show, whoever was told last.
    HighestOfAll,
}
