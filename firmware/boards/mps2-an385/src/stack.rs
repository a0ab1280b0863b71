//! How deep the stack has been: the free memory is painted at the start, and what has lost its
//! paint was used.

use core::ptr::{addr_of, addr_of_mut};

const PAINT: u32 = 0xdead_beef;
/// What is left unpainted below the stack pointer for the painting itself, bytes.
const MARGIN_BYTES: usize = 128;

unsafe extern "C" {
    /// The end of the static variables, where the free memory begins.
    static mut __sheap: u32;
    /// The stack's beginning; it grows downwards.
    static _stack_start: u32;
}

/// Paints the free memory. Called first, while the stack is shallow.
#[inline(never)]
pub fn paint() {
    let mut word = addr_of_mut!(__sheap);
    let end = cortex_m::register::msp::read() as usize - MARGIN_BYTES;
    while (word as usize) < end {
        // SAFETY: between the static variables and the stack there is memory that is nobody's.
        unsafe {
            word.write_volatile(PAINT);
            word = word.add(1);
        }
    }
}

/// The most that was used since, bytes.
pub fn peak_bytes() -> usize {
    let mut word = addr_of!(__sheap);
    let top = addr_of!(_stack_start) as usize;
    // SAFETY: memory of this program between the static variables and the stack's beginning.
    while (word as usize) < top && unsafe { word.read_volatile() } == PAINT {
        // SAFETY: it stays below the stack's beginning.
        word = unsafe { word.add(1) };
    }
    top - word as usize
}
