//! The segments that hold records, as readers, trimming and the committer share them.

use crate::{index::Index, segment::SegmentHeader};
use std::collections::VecDeque;

/// A segment that holds records.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    /// Bytes that its file takes.
    pub(crate) file_bytes: u64,
    /// Where its durable blocks end.
    pub(crate) end_position: u64,
    /// The offset behind its last durable record.
    pub(crate) end: u64,
    /// `None` until a reader has looked for a place in it.
    pub(crate) index: Option<Index>,
}

/// The segments, oldest first; the last one is being written.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) segments: VecDeque<Segment>,
}

impl Table {
    /// The segment that holds the record at `offset`, or will.
    pub(crate) fn holding(&self, offset: u64) -> Option<&Segment> {
        let behind = self
            .segments
            .partition_point(|segment| segment.header.base <= offset);
        self.segments.get(behind.checked_sub(1)?)
    }

    pub(crate) fn by_sequence(&mut self, sequence: u64) -> Option<&mut Segment> {
        let first = self.segments.front()?.header.sequence;
        let at = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.segments.get_mut(at)
    }

    /// The offset of the oldest record.
    pub(crate) fn start(&self) -> u64 {
        self.segments
            .front()
            .map_or(0, |segment| segment.header.base)
    }

    /// The offset behind the newest durable record.
    pub(crate) fn end(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.end)
    }

    /// Bytes that the files take.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.file_bytes).sum()
    }
}
