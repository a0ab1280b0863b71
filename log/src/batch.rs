//! Records on their way into the log.

/// Records that are appended together, in order, in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, each behind its length as a little-endian u32: the bytes that a
    /// block of the log holds.
    framed: Vec<u8>,
    records: u32,
}

impl Batch {
    /// Adds one record made of `parts`, written one behind the other.
    pub fn push(&mut self, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.framed.reserve(4 + length as usize);
        self.framed.extend_from_slice(&length.to_le_bytes());
        for part in parts {
            self.framed.extend_from_slice(part);
        }
        self.records += 1;
    }

    /// How many records it holds.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// The framed bytes, as a block of the log holds them.
    pub fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// Empties it and keeps its memory for the next records.
    pub fn clear(&mut self) {
        self.framed.clear();
        self.records = 0;
    }
}
