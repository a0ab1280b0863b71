//! Reading a file's blocks through one buffer.

use crate::{
    block::{BlockHeader, HEADER_BYTES, Seed},
    disk::DiskFile,
};
use std::{io, ops::Range, sync::Arc};

/// A stretch of a file in memory.
pub(crate) struct Window {
    file: Arc<dyn DiskFile>,
    bytes: Vec<u8>,
    /// Where in the file the stretch begins.
    start: u64,
    /// How much is read at once.
    chunk_bytes: usize,
}

impl Window {
    pub(crate) fn new(file: Arc<dyn DiskFile>, chunk_bytes: usize) -> Self {
        Self {
            file,
            bytes: Vec::new(),
            start: 0,
            chunk_bytes,
        }
    }

    /// Brings `count` bytes from `position` on into memory and says where they are in
    /// [`Window::bytes`]; reads nothing at or beyond `limit`. `None` if they aren't all there.
    pub(crate) fn fetch(
        &mut self,
        position: u64,
        count: usize,
        limit: u64,
    ) -> io::Result<Option<Range<usize>>> {
        if let Some(range) = self.range(position, count) {
            return Ok(Some(range));
        }
        let there = usize::try_from(limit.saturating_sub(position)).unwrap_or(usize::MAX);
        if there < count {
            return Ok(None);
        }
        self.bytes.resize(self.chunk_bytes.max(count).min(there), 0);
        self.start = position;
        let read = self.file.read_at(position, &mut self.bytes);
        self.bytes.truncate(read.as_ref().map_or(0, |read| *read));
        read?;
        Ok(self.range(position, count))
    }

    fn range(&self, position: u64, count: usize) -> Option<Range<usize>> {
        let from = usize::try_from(position.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(count)?;
        (to <= self.bytes.len()).then_some(from..to)
    }

    /// The header at `position`, if there is one of this segment.
    pub(crate) fn header(
        &mut self,
        seed: Seed,
        position: u64,
        limit: u64,
    ) -> io::Result<Option<(BlockHeader, u32)>> {
        let range = self.fetch(position, HEADER_BYTES, limit)?;
        Ok(range.and_then(|range| BlockHeader::decode(seed, &self.bytes[range])))
    }

    /// Where the body of the block at `position` is in [`Window::bytes`], if it is whole.
    pub(crate) fn body(
        &mut self,
        header: &BlockHeader,
        position: u64,
        limit: u64,
    ) -> io::Result<Option<Range<usize>>> {
        let from = position + HEADER_BYTES as u64;
        let range = self.fetch(from, header.body_bytes as usize, limit)?;
        Ok(
            range
                .filter(|range| crc32c::crc32c(&self.bytes[range.clone()]) == header.body_checksum),
        )
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// Forgets what is in memory, and gives the memory back if it is large.
    pub(crate) fn forget(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > 64 << 10 {
            self.bytes = Vec::new();
        }
    }
}
