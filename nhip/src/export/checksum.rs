//! What an export's checksum is made of.

use sha2::{Digest, Sha256};
use std::io::Write;

/// A writer that knows the SHA-256 of what went through it.
pub(super) struct Checksummed<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Checksummed<W> {
    pub(super) fn new(inner: W) -> Self {
        let digest = Sha256::new();
        Self { inner, digest }
    }

    /// Flushes, and returns the checksum in hexadecimal.
    pub(super) fn finish(mut self) -> std::io::Result<String> {
        self.inner.flush()?;
        let bytes = self.digest.finalize();
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl<W: Write> Write for Checksummed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_of_the_bytes_written() {
        let mut output = Checksummed::new(Vec::new());
        output.write_all(b"abc").unwrap();
        assert_eq!(
            output.finish().unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
