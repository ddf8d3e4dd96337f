//! CPU time by mode, as the kernel counts it.

use super::units::Micros;

/// What a CPU spends its time on: the modes of Linux's `/proc/stat`, see proc_stat(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Ordinary programs (guests included).
    User,
    /// Programs of low priority (guests included).
    Nice,
    /// The kernel.
    System,
    /// Nothing.
    Idle,
    /// Nothing, while a disk request is under way.
    Iowait,
    /// Interrupts.
    Irq,
    /// Soft interrupts.
    Softirq,
    /// Waiting while the hypervisor ran somebody else.
    Steal,
}

impl Mode {
    /// All modes, in the kernel's order.
    pub const ALL: [Self; 8] = [
        Self::User,
        Self::Nice,
        Self::System,
        Self::Idle,
        Self::Iowait,
        Self::Irq,
        Self::Softirq,
        Self::Steal,
    ];

    /// The value of the label `mode`, and the key on the wire.
    pub const fn label(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Nice => "nice",
            Self::System => "system",
            Self::Idle => "idle",
            Self::Iowait => "iowait",
            Self::Irq => "irq",
            Self::Softirq => "softirq",
            Self::Steal => "steal",
        }
    }

    /// Whether time in this mode counts as use of the CPU. Idle and iowait do not; steal does.
    pub const fn is_busy(self) -> bool {
        !matches!(self, Self::Idle | Self::Iowait)
    }
}

/// Total time in each mode since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes(pub [Micros; Mode::ALL.len()]);

impl CpuTimes {
    /// The time in `mode`.
    pub const fn get(&self, mode: Mode) -> Micros {
        self.0[mode as usize]
    }

    /// Sets the time in `mode`.
    pub const fn set(&mut self, mode: Mode, time: Micros) {
        self.0[mode as usize] = time;
    }
}

/// Total time given to virtual machines since boot; already inside user and nice of [`CpuTimes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestTimes {
    /// Inside [`Mode::User`].
    pub user: Micros,
    /// Inside [`Mode::Nice`].
    pub nice: Micros,
}
