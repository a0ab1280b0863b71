//! Letting go of the oldest segments.

use crate::{
    Offset,
    segment::{segment_name, spare_name},
    shared::Shared,
    table::Segment,
};
use std::io;

impl Shared {
    /// Trims what is over age or size and no longer needed; `now_us` is the wall clock.
    /// The keeper calls it alone: segments must leave the folder one by one, in order.
    pub(crate) fn trim(&self, now_us: i64) -> io::Result<()> {
        while let Some(segment) = self.take_oldest(now_us) {
            self.state.send_modify(|state| {
                state.start = Offset(self.table.read().start());
            });
            self.release(&segment)?;
            tracing::debug!(
                sequence = segment.header.sequence,
                start = segment.end,
                "trimmed a segment"
            );
        }
        Ok(())
    }

    fn take_oldest(&self, now_us: i64) -> Option<Segment> {
        let floor = self.pins.smallest().map_or(u64::MAX, |(offset, _)| offset);
        let mut table = self.table.write();
        let next = table.segments.get(1)?.header;
        let age_us = now_us.saturating_sub(next.created_us);
        let age_s = u64::try_from(age_us / 1_000_000).unwrap_or(0);
        let due = age_s >= self.config.retention_age_s
            || table.bytes() > self.config.retention_bytes
            // The next segment would find no room.
            || table.bytes() + self.config.segment_bytes > self.config.bytes_max;
        if !due || next.base > floor {
            return None;
        }
        table.segments.pop_front()
    }

    /// Makes a spare of a trimmed segment or removes it.
    fn release(&self, segment: &Segment) -> io::Result<()> {
        let name = segment_name(segment.header.sequence);
        let wanted = segment.file_bytes == self.config.segment_bytes
            && self.spares.lock().len() < self.config.spare_segments_max;
        if !wanted {
            self.disk.remove(&name)?;
            return self.disk.sync_dir();
        }
        let spare = spare_name(segment.header.sequence);
        self.disk.rename(&name, &spare)?;
        // It may be written to only when it can't come back under its old name.
        self.disk.sync_dir()?;
        self.spares.lock().push(spare);
        Ok(())
    }
}
