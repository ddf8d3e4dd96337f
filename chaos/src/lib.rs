//! Real faults on the real stack: containers killed, frozen, cut off and moved while a real Prometheus scrapes;
//! afterwards what Prometheus holds is compared with the truth, to the last digit.
//!
//! `docs/chaos.md` says what is done and what came of it. The truth is not the agents' word: the machines that
//! they watch are made here ([`machine`]), the kernel tells which agent has read what ([`stage`]), and what
//! must have come of it is reckoned anew ([`history`]).

pub mod distribution;
pub mod fault;
pub mod findings;
pub mod history;
pub mod http;
pub mod judge;
pub mod logs;
pub mod machine;
pub mod options;
pub mod page;
pub mod plan;
pub mod prometheus;
pub mod report;
pub mod run;
pub mod shown;
pub mod stack;
pub mod stage;
pub mod tally;
pub mod truth;
pub mod world;
