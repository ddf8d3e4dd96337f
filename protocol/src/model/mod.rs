//! The values that travel: what an agent measured, who it is, and when.
//!
//! All are integers (see [`units`]); what a client cannot know is `None`, never zero.

pub mod cores;
pub mod hello;
pub mod histogram;
pub mod name;
pub mod sample;
pub mod time;
pub mod times;
pub mod token;
pub mod units;

pub use cores::{Cores, CpuModel, LogicalCpu, Machine, Uname};
pub use hello::{Boot, Hello, HostFacts, Label, RunId};
pub use histogram::Histogram;
pub use name::AgentName;
pub use sample::{Cgroup, CoreTimes, Sample, TopProcess};
pub use time::{Moment, Now, WallTime};
pub use times::{CpuTimes, GuestTimes, Mode};
pub use token::Token;
pub use units::{Micros, Millionths, Ratio};
