//! The interrupts of this board beyond the processor's own.

use crate::lan9118;
use cortex_m::peripheral::NVIC;

/// How many the vector table holds; the board has no more.
const INTERRUPTS: usize = 32;

type Handler = unsafe extern "C" fn();

unsafe extern "C" {
    fn DefaultHandler();
}

/// The table that cortex-m-rt's linker script puts behind the processor's own exceptions.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Handler; INTERRUPTS] = {
    let mut handlers = [DefaultHandler as Handler; INTERRUPTS];
    handlers[lan9118::INTERRUPT as usize] = ethernet;
    handlers
};

unsafe extern "C" fn ethernet() {
    lan9118::on_interrupt();
}

#[derive(Clone, Copy)]
struct Ethernet;

// SAFETY: the number of an interrupt of this board (AN385, interrupt assignments).
unsafe impl cortex_m::interrupt::InterruptNumber for Ethernet {
    fn number(self) -> u16 {
        lan9118::INTERRUPT
    }
}

/// Lets them through, once the devices are set up.
pub fn enable() {
    // SAFETY: no critical section of ours depends on the mask.
    unsafe { NVIC::unmask(Ethernet) };
}
