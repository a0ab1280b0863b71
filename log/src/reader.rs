//! Reading durable records while others are appended and trimmed.

use crate::{
    Offset, ReadError, Reader, Records,
    block::{BlockHeader, HEADER_BYTES, Seed, take_record},
    index::Index,
    segment::{self, SegmentHeader, segment_name},
    shared::Shared,
    window::Window,
};
use std::{io, ops::Range, sync::Arc};

/// What is read at once, unless a block is larger.
const CHUNK_BYTES: usize = 128 << 10;

pub(crate) struct SegmentReader {
    shared: Arc<Shared>,
    /// The offset of the next record.
    next: u64,
    place: Option<Place>,
}

/// Where a reader is within a segment.
struct Place {
    sequence: u64,
    seed: Seed,
    window: Window,
    /// Where the next block begins.
    position: u64,
    /// Where the durable blocks ended when the reader last looked.
    limit: u64,
    /// What is left of the current block, in the window.
    block: Range<usize>,
    /// Records that are left of it.
    records: u64,
}

/// What stopped a reader at a place.
enum Stop {
    Io(io::Error),
    Broken(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl SegmentReader {
    pub(crate) fn new(shared: Arc<Shared>, from: Offset) -> Result<Self, ReadError> {
        let end = shared.durable_end();
        if from.0 > end {
            let (asked, end) = (from, Offset(end));
            return Err(ReadError::Beyond { asked, end });
        }
        let reader = Self {
            shared,
            next: from.0,
            place: None,
        };
        reader.check_start()?;
        Ok(reader)
    }

    fn check_start(&self) -> Result<(), ReadError> {
        let start = self.shared.table.read().start();
        if self.next < start {
            let (asked, start) = (Offset(self.next), Offset(start));
            return Err(ReadError::Trimmed { asked, start });
        }
        Ok(())
    }

    /// Brings the block with the next record into memory; `false` if there is none yet.
    fn load(&mut self) -> Result<bool, ReadError> {
        loop {
            if self.next >= self.shared.durable_end() {
                return Ok(false);
            }
            let Some(place) = &mut self.place else {
                self.find_place()?;
                continue;
            };
            if place.position < place.limit {
                let (sequence, position) = (place.sequence, place.position);
                match place.next_block(self.next) {
                    Ok(true) => return Ok(true),
                    Ok(false) => continue,
                    Err(stop) => return Err(self.explain(sequence, position, stop)),
                }
            }
            if !self.look_further()? {
                return Ok(false);
            }
        }
    }

    /// At the end of what was there: sees what has come since, or leaves for the next
    /// segment.
    fn look_further(&mut self) -> Result<bool, ReadError> {
        let Some(place) = &mut self.place else {
            return Ok(true);
        };
        let mut table = self.shared.table.write();
        if let Some(segment) = table.by_sequence(place.sequence) {
            if segment.end_position > place.limit {
                place.limit = segment.end_position;
                place.window.forget();
                return Ok(true);
            }
            let end = segment.end;
            if table.by_sequence(place.sequence + 1).is_none() {
                return Ok(false);
            }
            if self.next < end {
                let (sequence, position) = (place.sequence, place.limit);
                drop(table);
                let reason = format!(
                    "the records end at offset {}, the next segment begins at {end}",
                    self.next
                );
                return Err(self.explain(sequence, position, Stop::Broken(reason)));
            }
        }
        drop(table);
        self.place = None;
        self.check_start()?;
        Ok(true)
    }

    fn find_place(&mut self) -> Result<(), ReadError> {
        self.check_start()?;
        let table = self.shared.table.read();
        let Some(segment) = table.holding(self.next) else {
            return Ok(());
        };
        let (header, limit) = (segment.header, segment.end_position);
        let delta = self.next - header.base;
        let indexed = delta == 0 || segment.index.is_some();
        let position = segment.index.as_ref().and_then(|index| index.seek(delta));
        drop(table);
        let name = segment_name(header.sequence);
        let file = match self.shared.disk.open(&name) {
            Ok(file) => file,
            Err(error) => return Err(self.explain(header.sequence, 0, Stop::Io(error))),
        };
        let window = Window::new(file, CHUNK_BYTES);
        let mut place = Place {
            sequence: header.sequence,
            seed: header.seed(),
            window,
            position: position.map_or(segment::HEADER_BYTES, |(_, position)| position),
            limit,
            block: 0..0,
            records: 0,
        };
        if !indexed {
            let index = match place.build_index(&header) {
                Ok(index) => index,
                Err((position, stop)) => {
                    return Err(self.explain(header.sequence, position, stop));
                }
            };
            if let Some((_, position)) = index.seek(delta) {
                place.position = position;
            }
            if let Some(segment) = self.shared.table.write().by_sequence(header.sequence) {
                segment.index = Some(index);
            }
        }
        self.place = Some(place);
        Ok(())
    }

    /// What was found may be wrong because the segment was trimmed and its file is used for
    /// another, or because it is damaged.
    fn explain(&mut self, sequence: u64, position: u64, stop: Stop) -> ReadError {
        self.place = None;
        if let Err(trimmed) = self.check_start() {
            return trimmed;
        }
        let file = segment_name(sequence);
        match stop {
            Stop::Io(source) => ReadError::Io { file, source },
            Stop::Broken(reason) => ReadError::Damaged {
                file,
                position,
                reason,
            },
        }
    }
}

impl Reader for SegmentReader {
    fn read(&mut self, records: &mut Records, bytes_max: usize) -> Result<(), ReadError> {
        records.clear();
        let mut bytes = 0;
        loop {
            if let Some(place) = &mut self.place {
                while let Some(record) = place.peek() {
                    bytes += record.len();
                    if bytes > bytes_max && !records.is_empty() {
                        return Ok(());
                    }
                    records.push(Offset(self.next), record);
                    self.next += 1;
                    place.skip();
                }
            }
            match self.load() {
                Ok(true) => {}
                Ok(false) => break,
                // The next read meets it again.
                Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        if records.is_empty()
            && let Some(place) = &mut self.place
        {
            place.window.forget();
        }
        Ok(())
    }

    fn position(&self) -> Offset {
        Offset(self.next)
    }
}

impl Place {
    /// Goes to the next block; `true` if it holds the record `next`, `false` if it ends
    /// before it.
    fn next_block(&mut self, next: u64) -> Result<bool, Stop> {
        let header = self.header(next)?;
        if header.end() > next {
            let body = self.window.body(&header, self.position, self.limit)?;
            let Some(body) = body else {
                return Err(Stop::Broken("the block's checksum is wrong".to_owned()));
            };
            self.block = body;
            self.records = u64::from(header.records);
            for _ in header.base..next {
                self.skip();
            }
            if self.peek().is_none() {
                return Err(Stop::Broken("the block holds too few records".to_owned()));
            }
        }
        self.position += header.span() as u64;
        Ok(header.end() > next)
    }

    fn header(&mut self, next: u64) -> Result<BlockHeader, Stop> {
        let found = self.window.header(self.seed, self.position, self.limit)?;
        let Some((header, _)) = found else {
            return Err(Stop::Broken("there is no block".to_owned()));
        };
        if header.base > next {
            let reason = format!("the block begins at offset {} already", header.base);
            return Err(Stop::Broken(reason));
        }
        Ok(header)
    }

    fn peek(&self) -> Option<&[u8]> {
        if self.records == 0 {
            return None;
        }
        take_record(&mut self.window.bytes(self.block.clone()))
    }

    fn skip(&mut self) {
        let length = self.peek().map_or(0, <[u8]>::len);
        self.block.start = (self.block.start + 4 + length).min(self.block.end);
        self.records -= 1;
    }

    fn build_index(&mut self, segment: &SegmentHeader) -> Result<Index, (u64, Stop)> {
        let mut index = Index::default();
        let mut position = segment::HEADER_BYTES;
        while position + HEADER_BYTES as u64 <= self.limit {
            let found = self.window.header(self.seed, position, self.limit);
            let Some((header, _)) = found.map_err(|error| (position, error.into()))? else {
                let reason = "there is no block".to_owned();
                return Err((position, Stop::Broken(reason)));
            };
            index.note(header.base.saturating_sub(segment.base), position);
            position += header.span() as u64;
        }
        Ok(index)
    }
}
