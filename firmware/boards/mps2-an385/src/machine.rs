//! The board itself: its watchdog and its resets.

use crate::stack;
use cortex_m::peripheral::SCB;
use nhip_emulator::{cause, registers::Register, station::Machine};
use nhip_node::ResetCause;

/// The watchdog waits for so long, s of the world, then resets.
const PATIENCE_S: u32 = 15;

// SAFETY: the last bytes of RAM, which build.rs leaves out of the program's memory.
const NOTE: Register = unsafe { Register::at(0x2000_fff0) };

const fn watchdog(offset: usize) -> Register {
    // SAFETY: the CMSDK watchdog's registers begin here (AN385, memory map; ARM DDI 0479).
    unsafe { Register::at(0x4000_8000 + offset) }
}

const LOAD: Register = watchdog(0x000);
const CONTROL: Register = watchdog(0x008);
const INTERRUPT_CLEAR: Register = watchdog(0x00c);
const LOCK: Register = watchdog(0xc00);

const UNLOCK: u32 = 0x1acc_e551;
const CONTROL_COUNT: u32 = 1;
const CONTROL_RESET: u32 = 1 << 1;
const CYCLES_PER_S: u32 = 25_000_000;

/// The board, its watchdog running.
pub struct Mps2 {
    cause: ResetCause,
}

impl Mps2 {
    /// Starts the watchdog.
    pub fn start() -> Self {
        LOCK.write(UNLOCK);
        LOAD.write(PATIENCE_S * CYCLES_PER_S);
        CONTROL.write(CONTROL_COUNT | CONTROL_RESET);
        Self {
            cause: cause::take(NOTE),
        }
    }
}

impl Machine for Mps2 {
    fn feed_watchdog(&mut self) {
        INTERRUPT_CLEAR.write(1);
    }

    fn reset_cause(&mut self) -> ResetCause {
        self.cause
    }

    fn peak_stack_bytes(&self) -> Option<usize> {
        Some(stack::peak_bytes())
    }

    fn restart() -> ! {
        reset(ResetCause::Software)
    }
}

/// Resets the board after a panic.
pub fn restart_after_panic() -> ! {
    reset(ResetCause::Panic)
}

fn reset(why: ResetCause) -> ! {
    cause::leave(why, NOTE);
    SCB::sys_reset()
}

/// A panic ends in an undefined instruction where core is built without the text of panics; a
/// program that runs wild ends here, too.
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    reset(ResetCause::Panic)
}

/// The watchdog interrupts before it resets: time to leave a note.
#[cortex_m_rt::exception]
unsafe fn NonMaskableInt() -> ! {
    reset(ResetCause::Watchdog)
}
