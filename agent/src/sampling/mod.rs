//! What the machine says about its CPUs, raw and unjudged.
//!
//! A [`Source`] reads; it draws no conclusions. Differences between readings, resets, gaps and totals are the
//! [`recorder`](crate::recorder)'s business. On Linux the source is [`proc`]; on other systems it is
//! [`sysinfo_source`], which is built and tested on Linux too. What is read besides, and only where it was asked for:
//! the agent's own control group ([`cgroup`]), the busiest [`processes`], what the [`machine`] is.

#[cfg(target_os = "linux")]
pub mod cgroup;
pub mod facts;
pub mod machine;
#[cfg(target_os = "linux")]
pub mod proc;
pub mod processes;
mod read_error;
mod reading;
pub mod sysinfo_source;

pub use read_error::{Fault, ReadError};
pub use reading::{Cpu, Reading, Times, Usage};

/// Something that can say how the CPUs stand now.
pub trait Source {
    /// Reads once. The reading is valid until the next call, so that a source can reuse its memory.
    ///
    /// An error means that nothing is known of this moment; a source never answers with an older reading.
    fn read(&mut self) -> Result<&Reading, ReadError>;
}
