//! Sizes that the protocol itself fixes; both ends check them. Each has its reason beside it.

/// The largest hello, in bytes: the original's server reads 1,024 bytes at once and must find it whole.
pub const HELLO_MAX: usize = 1_000;

/// The largest frame from an exporter that an agent reads, in bytes.
pub const REPLY_MAX: usize = 1_024;

/// The default for the largest frame from an agent, in bytes: 128 cores fit, whatever their totals.
pub const FRAME_MAX: usize = 64 * 1024;

/// The default for the largest frame before welcome, in bytes.
pub const GREETING_MAX: usize = 4 * 1024;

/// The most cores in one `cores` frame.
pub const CORES_PER_FRAME: usize = 256;

/// The most cores of one machine that are told of; one with more leaves the others out.
pub const CORES_MAX: usize = 1_024;

/// The most kinds of processors in one machine.
pub const CPU_MODELS_MAX: usize = 8;

/// How deep objects and arrays may nest in a frame, the frame itself included.
pub const DEPTH_MAX: usize = 16;

/// The most labels of the user's choice.
pub const LABELS_MAX: usize = 8;

/// The longest label key, in characters of `A-Z a-z 0-9 _`.
pub const LABEL_KEY_MAX: usize = 32;

/// The longest text of a fact or a label's value, in bytes.
pub const TEXT_MAX: usize = 128;

/// The most commands among the top processes of a sample.
pub const TOP_PROCESSES_MAX: usize = 20;
