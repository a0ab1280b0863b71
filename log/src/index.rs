//! Where the blocks of a segment are, sparsely.

/// Bytes of blocks between two entries.
const STEP_BYTES: u64 = 64 << 10;

/// For about every 64 KiB of a segment, the place of a block: at most 8 bytes for each 64 KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    /// Offset behind the segment's base, byte of the block; both ascending.
    entries: Vec<(u32, u32)>,
}

impl Index {
    /// Notes the block that begins at `position` with the record `base + delta`.
    pub(crate) fn note(&mut self, delta: u64, position: u64) {
        let far = self
            .entries
            .last()
            .is_none_or(|(_, last)| position >= u64::from(*last) + STEP_BYTES);
        if let (true, Ok(delta), Ok(position)) =
            (far, u32::try_from(delta), u32::try_from(position))
        {
            self.entries.push((delta, position));
        }
    }

    /// The byte and the offset behind the base of the last noted block that begins at or
    /// before `delta`.
    pub(crate) fn seek(&self, delta: u64) -> Option<(u64, u64)> {
        let behind = self
            .entries
            .partition_point(|(entry, _)| u64::from(*entry) <= delta);
        let (entry, position) = self.entries.get(behind.checked_sub(1)?)?;
        Some((u64::from(*entry), u64::from(*position)))
    }
}
