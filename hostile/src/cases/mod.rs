//! All cases, one a file.

mod b01_endless;
mod b02_slow;
mod b03_half_open;
mod b04_unread;
mod b05_idle;
mod b06_churn;
mod b07_descriptors;
mod b08_garbage;
mod b09_numbers;
mod b10_framing;
mod b11_names;
mod b12_cardinality;
mod b13_collision;
mod b14_replay;
mod b15_guesses;
mod b16_timing;
mod b17_trust;
mod b18_exporter;
mod h1_slow_http;
mod h2_smuggling;
mod h3_bomb;
mod h4_readers;
mod r4_stop;

use crate::case::Case;

/// Every case, in the order of the table of threats.
pub const ALL: &[Case] = &[
    b01_endless::CASE,
    b02_slow::CASE,
    b03_half_open::CASE,
    b04_unread::CASE,
    b05_idle::CASE,
    b05_idle::OVER_TLS,
    b06_churn::CASE,
    b06_churn::OVER_TLS,
    b07_descriptors::CASE,
    b08_garbage::CASE,
    b09_numbers::CASE,
    b10_framing::CASE,
    b11_names::CASE,
    b12_cardinality::CASE,
    b13_collision::CASE,
    b14_replay::CASE,
    b15_guesses::CASE,
    b16_timing::CASE,
    b17_trust::CASE,
    b18_exporter::CASE,
    h1_slow_http::CASE,
    h2_smuggling::CASE,
    h3_bomb::CASE,
    h4_readers::CASE,
    r4_stop::CASE,
];
