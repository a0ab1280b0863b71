//! A crash: a note of it in RAM that a software reset leaves alone, then the reset.
//!
//! When power comes the word is cleared. It counts where the chip says that software reset it.

use core::{panic::PanicInfo, ptr};
use esp_hal::ram;

/// The firmware crashed.
const MARK: u32 = 0x6e68_7006;

#[ram(unstable(rtc_fast, persistent))]
static mut NOTE: u32 = 0;

/// Whether there is a note; there is none afterwards. Called once, before anything else runs.
pub fn take() -> bool {
    let note = ptr::addr_of_mut!(NOTE);
    // SAFETY: the word is this module's alone, aligned, and touched by volatile accesses through
    // raw pointers only.
    unsafe {
        let found = note.read_volatile();
        note.write_volatile(0);
        found == MARK
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: as above; nothing of this core runs any more but this.
    unsafe { ptr::addr_of_mut!(NOTE).write_volatile(MARK) };
    esp_hal::system::software_reset()
}
