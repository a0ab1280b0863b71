//! The platform-level interrupt controller (RISC-V PLIC specification 1.0), first context.

use nhip_emulator::registers::Register;
use riscv::interrupt::Interrupt;

const BASE: usize = 0x0c00_0000;
// SAFETY: the controller of QEMU's `virt` machine; sources 1 to 31 are in the first word.
const ENABLE: Register = unsafe { Register::at(BASE + 0x2000) };
// SAFETY: the same.
const THRESHOLD: Register = unsafe { Register::at(BASE + 0x20_0000) };
// SAFETY: the same.
const CLAIM: Register = unsafe { Register::at(BASE + 0x20_0004) };

/// Lets one source through, 1 to 31.
pub fn enable(source: u32) {
    // SAFETY: the sources' priorities lie at the controller's beginning.
    let priority = unsafe { Register::at(BASE + 4 * source as usize) };
    priority.write(1);
    THRESHOLD.write(0);
    ENABLE.write(ENABLE.read() | 1 << source);
    // SAFETY: the handlers are in place.
    unsafe {
        riscv::register::mie::set_mext();
        riscv::interrupt::enable();
    }
}

#[riscv_rt::core_interrupt(Interrupt::MachineExternal)]
fn on_external() {
    let source = CLAIM.read();
    crate::network::on_interrupt();
    CLAIM.write(source);
}
