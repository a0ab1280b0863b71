//! From a full segment to the next.

use crate::{
    Stall,
    committer::{Active, Committer},
    disk::DiskFile,
    error::Trouble,
    segment::{self, SegmentHeader, segment_name},
    table::Segment,
};
use std::sync::Arc;

/// Bytes that a growing segment holds at least before it is left for a spare.
const GROWN_BYTES: u64 = 1 << 20;

/// A file on its way to become the active segment. A try that met a full disk goes on where
/// it was, with the same header, since the file may have its final name already.
pub(crate) struct Candidate {
    name: String,
    file: Arc<dyn DiskFile>,
    file_bytes: u64,
    header: SegmentHeader,
    renamed: bool,
}

impl Committer {
    /// Whether the active segment is left although it has room: it grows, and a spare that
    /// doesn't need to is ready.
    pub(crate) fn should_leave(&self) -> bool {
        let least = GROWN_BYTES.min(self.shared.config.segment_bytes / 4);
        self.active.as_ref().is_some_and(|active| {
            active.grows && active.position > segment::HEADER_BYTES.max(least)
        }) && !self.shared.spares.lock().is_empty()
            && self.check_size().is_ok()
    }

    /// Begins the next segment.
    pub(crate) fn roll(&mut self) -> Result<(), Trouble> {
        let mut candidate = match self.candidate.take() {
            Some(candidate) => candidate,
            None => {
                self.check_size()?;
                self.choose()?
            }
        };
        if let Err(trouble) = self.install(&mut candidate) {
            self.candidate = Some(candidate);
            return Err(trouble);
        }
        let header = candidate.header;
        let mut table = self.shared.table.write();
        table.segments.push_back(Segment {
            header,
            file_bytes: candidate.file_bytes.max(segment::HEADER_BYTES),
            end_position: segment::HEADER_BYTES,
            end: header.base,
            index: None,
        });
        drop(table);
        self.active = Some(Active {
            sequence: header.sequence,
            seed: header.seed(),
            file: candidate.file,
            position: segment::HEADER_BYTES,
            grows: candidate.file_bytes < self.shared.config.segment_bytes,
        });
        self.shared.keeper.nudge();
        Ok(())
    }

    fn check_size(&self) -> Result<(), Trouble> {
        let config = &self.shared.config;
        let bytes = self.shared.table.read().bytes();
        if bytes == 0 || bytes + config.segment_bytes <= config.bytes_max {
            return Ok(());
        }
        let holder = match self.shared.pins.smallest() {
            Some((offset, name)) => format!("{name} needs everything from offset {offset} on"),
            None => "nothing has been trimmed yet".to_owned(),
        };
        let reason = format!(
            "the log takes {bytes} B, log.bytes_max is {} B, and {holder}",
            config.bytes_max
        );
        Err(Trouble::Passing(Stall::AtBound, reason))
    }

    fn choose(&mut self) -> Result<Candidate, Trouble> {
        let last = self.shared.table.read().segments.back().cloned();
        let header = SegmentHeader {
            sequence: last.as_ref().map_or(1, |last| last.header.sequence + 1),
            salt: (self.random)(),
            base: self.durable,
            previous_end: last.map_or(segment::HEADER_BYTES, |last| last.end_position),
            created_us: (self.shared.clock)(),
            previous: self.previous,
        };
        let disk = &self.shared.disk;
        let spare = self.shared.spares.lock().pop();
        let (name, opened) = match spare {
            Some(name) => {
                let opened = disk.open(&name);
                (name, opened)
            }
            None => {
                let name = "new-segment.tmp".to_owned();
                let created = disk.create(&name);
                (name, created)
            }
        };
        let file = opened.map_err(|error| Trouble::of(&format!("opening {name}"), &error))?;
        let file_bytes = file
            .bytes()
            .map_err(|error| Trouble::of(&format!("measuring {name}"), &error))?;
        Ok(Candidate {
            name,
            file,
            file_bytes,
            header,
            renamed: false,
        })
    }

    /// The order matters: a file has a segment's name only once its header is durable.
    fn install(&self, candidate: &mut Candidate) -> Result<(), Trouble> {
        let disk = &self.shared.disk;
        let name = segment_name(candidate.header.sequence);
        if !candidate.renamed {
            candidate
                .file
                .write_at(0, &candidate.header.page())
                .and_then(|()| candidate.file.sync_data())
                .map_err(|error| Trouble::of(&format!("writing the header of {name}"), &error))?;
            disk.rename(&candidate.name, &name)
                .map_err(|error| Trouble::of(&format!("naming {name}"), &error))?;
            candidate.renamed = true;
        }
        disk.sync_dir()
            .map_err(|error| Trouble::of(&format!("making the name {name} durable"), &error))
    }
}
