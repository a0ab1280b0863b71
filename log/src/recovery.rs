//! What is found in the folder when the log is opened.

use crate::{
    block::{BlockHeader, HEADER_BYTES, Seed},
    config::Config,
    disk::{Disk, DiskFile},
    error::OpenError,
    index::Index,
    segment::{self, FileKind, SegmentHeader, segment_name},
    table::{Segment, Table},
    window::Window,
};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

const CHUNK_BYTES: usize = 1 << 20;
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// The log as it was found.
pub(crate) struct Recovered {
    pub(crate) table: Table,
    /// The file of the last segment.
    pub(crate) last: Option<Arc<dyn DiskFile>>,
    /// The header checksum of the last block.
    pub(crate) previous: u32,
    pub(crate) spares: Vec<String>,
}

/// Reads the folder, cuts a torn tail, and makes durable what is left.
pub(crate) fn recover(disk: &dyn Disk, config: &Config) -> Result<Recovered, OpenError> {
    let io = |doing: &str, source: io::Error| OpenError::Io {
        folder: disk.label(),
        doing: doing.to_owned(),
        source,
    };
    let files = disk
        .list()
        .map_err(|error| io("listing its files", error))?;
    let mut sequences = Vec::new();
    let mut spares = Vec::new();
    for (name, bytes) in files {
        match FileKind::of(&name) {
            FileKind::Segment(sequence) => sequences.push((sequence, bytes)),
            FileKind::Spare
                if bytes == config.segment_bytes && spares.len() < config.spare_segments_max =>
            {
                spares.push(name);
            }
            FileKind::Spare | FileKind::Unfinished => disk
                .remove(&name)
                .map_err(|error| io(&format!("removing {name}"), error))?,
            FileKind::Other => {}
        }
    }
    sequences.sort_unstable();
    let mut table = Table::default();
    for (sequence, file_bytes) in sequences {
        let segment = read_header(disk, sequence, file_bytes)?;
        join(disk, &mut table, segment)?;
    }
    let mut recovered = Recovered {
        table,
        last: None,
        previous: 0,
        spares,
    };
    recovered.scan_last(disk)?;
    disk.sync_dir()
        .map_err(|error| io("making its names durable", error))?;
    Ok(recovered)
}

fn read_header(disk: &dyn Disk, sequence: u64, file_bytes: u64) -> Result<Segment, OpenError> {
    let name = segment_name(sequence);
    let mut bytes = [0; segment::HEADER_USED_BYTES];
    let read = disk
        .open(&name)
        .and_then(|file| file.read_at(0, &mut bytes))
        .map_err(|source| OpenError::Io {
            folder: disk.label(),
            doing: format!("reading {name}"),
            source,
        })?;
    let header = SegmentHeader::decode(&bytes[..read], sequence)
        .map_err(|reason| damaged(disk, sequence, 0, reason))?;
    Ok(Segment {
        header,
        file_bytes,
        end_position: segment::HEADER_BYTES,
        end: header.base,
        index: None,
    })
}

/// Adds the next segment to the table; its header says where the one before it ends.
fn join(disk: &dyn Disk, table: &mut Table, next: Segment) -> Result<(), OpenError> {
    if let Some(last) = table.segments.back_mut() {
        let sequence = last.header.sequence;
        if next.header.sequence != sequence + 1 {
            return Err(OpenError::Missing {
                folder: disk.label(),
                file: segment_name(sequence + 1),
            });
        }
        if next.header.base < last.header.base {
            let reason = format!(
                "it begins at offset {} and the segment before it at {}",
                next.header.base, last.header.base
            );
            return Err(damaged(disk, next.header.sequence, 0, reason));
        }
        if last.file_bytes < next.header.previous_end {
            let reason = format!(
                "the file ends here, its records end at byte {}",
                next.header.previous_end
            );
            return Err(damaged(disk, sequence, last.file_bytes, reason));
        }
        last.end_position = next.header.previous_end;
        last.end = next.header.base;
    }
    table.segments.push_back(next);
    Ok(())
}

fn damaged(disk: &dyn Disk, sequence: u64, position: u64, reason: String) -> OpenError {
    OpenError::Damaged {
        folder: disk.label(),
        file: segment_name(sequence),
        position,
        reason,
    }
}

impl Recovered {
    fn scan_last(&mut self, disk: &dyn Disk) -> Result<(), OpenError> {
        let Some(segment) = self.table.segments.back_mut() else {
            return Ok(());
        };
        let sequence = segment.header.sequence;
        let name = segment_name(sequence);
        let io = |source: io::Error| OpenError::Io {
            folder: disk.label(),
            doing: format!("scanning {name}"),
            source,
        };
        let file = disk.open(&name).map_err(io)?;
        let mut scan = Scan::new(&segment.header, segment.file_bytes, Arc::clone(&file));
        scan.good_blocks().map_err(io)?;
        if let Some(position) = scan.evidence().map_err(io)? {
            let reason = format!(
                "the block is broken, but a block at byte {position} was written after it was \
                 durable"
            );
            return Err(damaged(disk, sequence, scan.position, reason));
        }
        scan.warn_of_cut(&name).map_err(io)?;
        scan.make_durable().map_err(io)?;
        segment.end = scan.end;
        segment.end_position = scan.position;
        segment.index = Some(scan.index);
        self.previous = scan.previous;
        self.last = Some(file);
        Ok(())
    }
}

/// Goes through the blocks of one segment.
struct Scan {
    window: Window,
    seed: Seed,
    file_bytes: u64,
    base: u64,
    /// Where the next block begins.
    position: u64,
    /// The offset of its first record.
    end: u64,
    previous: u32,
    /// Where the last commit begins, and the `durable` of its blocks.
    commit: Option<(u64, u64)>,
    index: Index,
}

impl Scan {
    fn new(header: &SegmentHeader, file_bytes: u64, file: Arc<dyn DiskFile>) -> Self {
        Self {
            window: Window::new(file, CHUNK_BYTES),
            seed: header.seed(),
            file_bytes,
            base: header.base,
            position: segment::HEADER_BYTES,
            end: header.base,
            previous: header.previous,
            commit: None,
            index: Index::default(),
        }
    }

    fn good_blocks(&mut self) -> io::Result<()> {
        let mut told = Instant::now();
        while let Some((header, checksum)) = self.good_block()? {
            if self
                .commit
                .is_none_or(|(_, durable)| durable != header.durable)
            {
                self.commit = Some((self.position, header.durable));
            }
            self.index.note(header.base - self.base, self.position);
            self.position += header.span() as u64;
            self.end = header.end();
            self.previous = checksum;
            if told.elapsed() > PROGRESS_EVERY {
                told = Instant::now();
                tracing::info!(
                    bytes = self.position,
                    of = self.file_bytes,
                    "reading the end of the log"
                );
            }
        }
        Ok(())
    }

    fn good_block(&mut self) -> io::Result<Option<(BlockHeader, u32)>> {
        let found = self
            .window
            .header(self.seed, self.position, self.file_bytes)?;
        let Some((header, checksum)) = found else {
            return Ok(None);
        };
        let ends = self.position + header.span() as u64;
        if header.base != self.end || header.previous != self.previous || ends > self.file_bytes {
            return Ok(None);
        }
        let body = self.window.body(&header, self.position, self.file_bytes)?;
        Ok(body.map(|_| (header, checksum)))
    }

    /// Where a block begins that was written after the record at `self.end` was durable.
    fn evidence(&mut self) -> io::Result<Option<u64>> {
        let mut position = self.position;
        while position + HEADER_BYTES as u64 <= self.file_bytes {
            let found = self.window.header(self.seed, position, self.file_bytes)?;
            if found.is_some_and(|(header, _)| header.durable > self.end) {
                return Ok(Some(position));
            }
            position += 8;
        }
        Ok(None)
    }

    fn warn_of_cut(&mut self, name: &str) -> io::Result<()> {
        let header = self
            .window
            .header(self.seed, self.position, self.file_bytes)?;
        if let Some((header, _)) = header {
            tracing::warn!(
                file = name,
                position = self.position,
                bytes = header.span(),
                records = header.records,
                "cut off an unfinished commit at the end of the log"
            );
        }
        Ok(())
    }

    /// Writes the last commit again, and zeros over the header of what was cut, lest a later
    /// torn write completes it.
    fn make_durable(&mut self) -> io::Result<()> {
        let file = Arc::clone(self.window.file());
        let mut at = self.commit.map_or(self.position, |(start, _)| start);
        while at < self.position {
            let count = CHUNK_BYTES.min((self.position - at) as usize);
            let Some(range) = self.window.fetch(at, count, self.position)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            file.write_at(at, self.window.bytes(range))?;
            at += count as u64;
        }
        let left = self.file_bytes.saturating_sub(self.position);
        let zeros = [0; HEADER_BYTES];
        file.write_at(self.position, &zeros[..HEADER_BYTES.min(left as usize)])?;
        file.sync_data()
    }
}
