//! The ledger: what happened to an emulated board, line by line, in a file of the host.
//!
//! It belongs to the world outside of the device: what an instrument measured stands there
//! before the device is given the value, and what the device has put into its flash stands there
//! as soon as it says so. So it shows what a device that loses nothing must deliver.
//!
//! Lines have one length, so that the file's length says how many there are. Words are separated
//! by one space, and the first says what the line is about.

use crate::file::{File, Mode, Refused};

/// Length of each line, bytes, the newline at its end included.
pub const LINE_BYTES: usize = 96;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    file: File,
}

impl Ledger {
    /// Opens a ledger that is there, to add to it.
    pub fn open(path: &str) -> Result<Self, Refused> {
        let mut file = File::open(path, Mode::Update)?;
        // QEMU opens a file to append to at its beginning.
        let end = file.length()?;
        file.seek(end)?;
        Ok(Self { file })
    }

    /// How many lines it has.
    pub fn lines(&self) -> Result<usize, Refused> {
        Ok(self.file.length()? / LINE_BYTES)
    }

    /// Adds a line with one write, so that a kill leaves it there whole or not at all.
    pub fn add(&mut self, line: &Line) -> Result<(), Refused> {
        self.file.write(&line.bytes)
    }
}

/// A line while it is put together. What doesn't fit is cut off.
#[derive(Clone, Debug)]
pub struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    /// A line about something.
    pub fn about(what: &str) -> Self {
        let mut bytes = [b' '; LINE_BYTES];
        bytes[LINE_BYTES - 1] = b'\n';
        let mut line = Self { bytes, length: 0 };
        line.word(what);
        line
    }

    /// Adds a word.
    pub fn word(&mut self, word: &str) -> &mut Self {
        for byte in word.bytes() {
            self.push(byte);
        }
        self.push(b' ');
        self
    }

    /// Adds a number. (Not by `core::fmt`, which would be a tenth of a small image.)
    pub fn number(&mut self, number: i64) -> &mut Self {
        let mut digits = [0; 20];
        let mut left = number.unsigned_abs();
        let mut count = 0;
        for digit in digits.iter_mut() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            count += 1;
            if left == 0 {
                break;
            }
        }
        if number < 0 {
            self.push(b'-');
        }
        for digit in digits[..count].iter().rev() {
            self.push(*digit);
        }
        self.push(b' ');
        self
    }

    /// All of it, with its newline.
    pub fn bytes(&self) -> &[u8; LINE_BYTES] {
        &self.bytes
    }

    fn push(&mut self, byte: u8) {
        if self.length < LINE_BYTES - 1 {
            self.bytes[self.length] = byte;
            self.length += 1;
        }
    }
}
