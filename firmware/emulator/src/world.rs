//! The world's clock, which the device doesn't know.

use crate::file::{File, Mode, Refused};

/// The host's time since it started.
#[derive(Debug)]
pub struct WorldClock {
    file: File,
}

impl WorldClock {
    /// Opens it.
    pub fn open() -> Result<Self, Refused> {
        let file = File::open("/proc/uptime", Mode::Read)?;
        Ok(Self { file })
    }

    /// Hundredths of a second since the host started: `12345.67 …`.
    pub fn now_cs(&mut self) -> Result<i64, Refused> {
        // As many bytes as are there on a host that has run for ten seconds.
        let mut text = [0; 11];
        self.file.seek(0)?;
        self.file.read(&mut text)?;
        let mut cs = 0;
        let mut decimals = None;
        for byte in text {
            match (byte, decimals) {
                (_, Some(2)) => break,
                (b'0'..=b'9', _) => {
                    cs = cs * 10 + i64::from(byte - b'0');
                    decimals = decimals.map(|count: u8| count + 1);
                }
                (b'.', None) => decimals = Some(0),
                _ => return Err(Refused),
            }
        }
        Ok(cs)
    }
}
