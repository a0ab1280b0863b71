//! What the emulator was told on its command line: `-semihosting-config …,arg=name=value`.

use crate::semihosting::{Operation, call};
use core::str::FromStr;

/// Longest command line, bytes.
pub const LINE_BYTES_MAX: usize = 768;

/// Words `name=value`, in a buffer of the caller's.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'b> {
    line: &'b str,
}

impl<'b> Arguments<'b> {
    /// Asks the host; none if the line is longer than the buffer or isn't UTF-8.
    pub fn read(buffer: &'b mut [u8; LINE_BYTES_MAX]) -> Option<Self> {
        let mut parameters = [buffer.as_mut_ptr() as usize, buffer.len()];
        // SAFETY: a buffer and its size; the host writes the line into it and its length into
        // the second word.
        let refused = unsafe { call(Operation::CommandLine, &mut parameters) };
        let bytes = buffer.get(..parameters[1]).filter(|_| refused == 0)?;
        // The length counts the NUL at the end, or doesn't: emulators differ.
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        let line = core::str::from_utf8(bytes).ok()?;
        Some(Self { line })
    }

    /// The value of the first word of this name.
    pub fn get(&self, name: &str) -> Option<&'b str> {
        self.line
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix("="))
    }

    /// The same as a number or an address; none also if it isn't one.
    pub fn parse<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }
}
