//! The calls by which a guest reaches files of the machine that emulates it.
//!
//! "Semihosting for AArch32 and AArch64", and the RISC-V semihosting specification, which takes
//! its operations from there.

/// Operations, by the names that the specification gives them.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Operation {
    Open = 0x01,
    Close = 0x02,
    Write = 0x05,
    Read = 0x06,
    Seek = 0x0a,
    Length = 0x0c,
    CommandLine = 0x15,
    Exit = 0x20,
}

/// `ADP_Stopped_ApplicationExit`: the guest ends by itself.
const APPLICATION_EXIT: usize = 0x20026;

/// Asks the host.
///
/// # Safety
///
/// `parameters` must be what the operation expects; addresses and lengths in it must name
/// memory that the host may read or write.
pub(crate) unsafe fn call(operation: Operation, parameters: &mut [usize]) -> usize {
    // SAFETY: the caller vouches for the parameters; the call changes no register but the
    // first, and memory only through them.
    unsafe { trap(operation as usize, parameters.as_mut_ptr() as usize) }
}

#[cfg(target_arch = "arm")]
unsafe fn trap(operation: usize, parameters: usize) -> usize {
    let answer;
    // SAFETY: the semihosting breakpoint of the M profile.
    unsafe {
        core::arch::asm!("bkpt 0xab", inlateout("r0") operation => answer, in("r1") parameters);
    }
    answer
}

#[cfg(target_arch = "riscv32")]
unsafe fn trap(operation: usize, parameters: usize) -> usize {
    let answer;
    // SAFETY: the sequence that marks a semihosting call: three uncompressed instructions in
    // one page.
    unsafe {
        core::arch::asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inlateout("a0") operation => answer,
            in("a1") parameters,
        );
    }
    answer
}

#[cfg(not(any(target_arch = "arm", target_arch = "riscv32")))]
unsafe fn trap(_operation: usize, _parameters: usize) -> usize {
    // Only emulated boards call; the crate builds elsewhere so that it can be checked there.
    usize::MAX
}

/// Ends the emulator with an exit code.
pub fn exit(code: u8) -> ! {
    loop {
        let mut parameters = [APPLICATION_EXIT, usize::from(code)];
        // SAFETY: two words, as SYS_EXIT_EXTENDED expects.
        unsafe { call(Operation::Exit, &mut parameters) };
    }
}
