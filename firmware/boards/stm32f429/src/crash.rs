//! A crash: a note of it in RAM that a reset leaves alone, then the reset.
//!
//! When power comes the word holds anything; it counts where the chip says that software reset it.

use core::{mem::MaybeUninit, panic::PanicInfo, ptr};
use cortex_m::peripheral::SCB;
use cortex_m_rt::{ExceptionFrame, exception};

/// The firmware crashed.
const MARK: u32 = 0x6e68_7006;

// Neither set nor cleared at the start.
#[unsafe(link_section = ".uninit.crash")]
static mut NOTE: MaybeUninit<u32> = MaybeUninit::uninit();

/// Whether there is a note; there is none afterwards. Called once, before anything else runs.
pub fn take() -> bool {
    let note = ptr::addr_of_mut!(NOTE).cast::<u32>();
    // SAFETY: the word is this module's alone, aligned, and touched by volatile accesses through
    // raw pointers only, so that whatever it holds is a number.
    unsafe {
        let found = note.read_volatile();
        note.write_volatile(0);
        found == MARK
    }
}

fn restart() -> ! {
    // SAFETY: as above; nothing runs any more but this.
    unsafe { ptr::addr_of_mut!(NOTE).cast::<u32>().write_volatile(MARK) };
    SCB::sys_reset()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    restart()
}

/// What the processor can't go on from: an address that isn't there, an instruction that is none.
#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    restart()
}
