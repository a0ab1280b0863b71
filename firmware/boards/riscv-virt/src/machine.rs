//! The board itself: its watchdog and its resets.

use crate::time;
use nhip_emulator::{cause, registers::Register, station::Machine};
use nhip_node::ResetCause;

/// The watchdog waits for so long, s of the world, then resets.
const PATIENCE_S: u32 = 15;

// SAFETY: QEMU's test device on the `virt` machine.
const TEST_DEVICE: Register = unsafe { Register::at(0x0010_0000) };
const RESET: u32 = 0x7777;

// SAFETY: the last bytes of RAM, which build.rs leaves out of the program's memory.
const NOTE: Register = unsafe { Register::at(0x8040_fff0) };

/// The board, its watchdog running.
pub struct Virt {
    cause: ResetCause,
}

impl Virt {
    /// Starts the watchdog.
    pub fn start() -> Self {
        time::feed_watchdog(PATIENCE_S);
        Self {
            cause: cause::take(NOTE),
        }
    }
}

impl Machine for Virt {
    fn feed_watchdog(&mut self) {
        time::feed_watchdog(PATIENCE_S);
    }

    fn reset_cause(&mut self) -> ResetCause {
        self.cause
    }

    fn peak_stack_bytes(&self) -> Option<usize> {
        None
    }

    fn restart() -> ! {
        reset(ResetCause::Software)
    }
}

/// Resets the board since the program hangs.
pub fn restart_by_watchdog() -> ! {
    reset(ResetCause::Watchdog)
}

/// Resets the board after a panic.
pub fn restart_after_panic() -> ! {
    reset(ResetCause::Panic)
}

fn reset(why: ResetCause) -> ! {
    cause::leave(why, NOTE);
    loop {
        TEST_DEVICE.write(RESET);
    }
}
