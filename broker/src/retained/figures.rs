//! The row that says how far the log is folded, and how much is kept.

/// Says that there is a row by time for each message that expires.
const HAS_INDEX: u64 = 1;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Offset in the log of the next record to fold.
    pub(super) offset: u64,
    /// Messages.
    pub(super) count: u64,
    /// Their bytes as records.
    pub(super) bytes: u64,
}

impl Figures {
    pub(super) const BYTES: usize = 32;

    pub(super) fn read(row: &[u8]) -> Self {
        let mut figures = [0u64; 3];
        for (figure, bytes) in figures.iter_mut().zip(row.as_chunks().0) {
            *figure = u64::from_le_bytes(*bytes);
        }
        let [offset, count, bytes] = figures;
        Self {
            offset,
            count,
            bytes,
        }
    }

    pub(super) fn row(&self) -> [u8; Self::BYTES] {
        let mut row = [0; Self::BYTES];
        let figures = [self.offset, self.count, self.bytes, HAS_INDEX];
        for (at, figure) in figures.into_iter().enumerate() {
            row[at * 8..][..8].copy_from_slice(&figure.to_le_bytes());
        }
        row
    }

    /// A record of `newer` bytes takes the place of one of `older`; 0 stands for none.
    pub(super) fn replace(&mut self, older: u32, newer: u32) {
        self.count = self.count + u64::from(newer > 0) - u64::from(older > 0);
        self.bytes = self.bytes + u64::from(newer) - u64::from(older);
    }
}
