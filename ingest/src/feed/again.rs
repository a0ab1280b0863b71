//! Readings made once more from the log, as the fold made them.

use crate::{
    config::Config,
    decode::{self, Reading, Readings},
    directory::Directory,
    rules::Rules,
    shard::{Judged, Replay, Route, Routes, Shared, Stream, observe},
    state::{Missing, PAGE_OFFSETS, find_exception, keys::Key},
    view::{Cursor, FeedError, FeedEvent},
};
use nhip_log::{Log, Offset, ReadError, Reader, Records};
use nhip_store::Store;
use nhip_wire::envelope::{Envelope, Kind};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Where everything is that a reading was made from.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) rules: Arc<RwLock<Arc<Rules>>>,
    pub(crate) shards: Vec<Arc<Shared>>,
    pub(crate) config: Arc<Config>,
}

/// Follows the log for one subscriber.
pub(crate) struct Again {
    sources: Sources,
    reader: Option<Box<dyn Reader>>,
    records: Records,
    readings: Readings,
    streams: HashMap<Box<str>, Vec<Stream>>,
    /// The registry's version that `streams` is of.
    version: u64,
    page: Option<u64>,
    missing: BTreeMap<u64, Missing>,
}

/// Devices whose datastreams are remembered.
const DEVICES_MAX: usize = 10_000;

impl Again {
    pub(crate) fn new(sources: Sources) -> Self {
        Self {
            sources,
            reader: None,
            records: Records::default(),
            readings: Readings::default(),
            streams: HashMap::new(),
            version: 0,
            page: None,
            missing: BTreeMap::new(),
        }
    }

    /// Readings from `place` on, of records before `until`; and the place that follows them.
    pub(crate) fn read(
        &mut self,
        place: Cursor,
        until: u64,
    ) -> Result<(Vec<FeedEvent>, Cursor), FeedError> {
        self.refresh();
        let mut records = std::mem::take(&mut self.records);
        self.fill(place, &mut records)?;
        let mut events = Vec::new();
        let mut next = place;
        for (offset, record) in records.iter() {
            if offset.0 >= until || events.len() >= self.sources.config.feed_batch_max as usize {
                break;
            }
            self.look_up(offset.0)?;
            self.record(offset.0, record, &mut events);
            next = Cursor {
                offset: offset.0 + 1,
                index: 0,
            };
        }
        self.records = records;
        events.retain(|event| event.cursor >= place);
        Ok((events, next))
    }

    fn refresh(&mut self) {
        let version = self.sources.directory.version();
        if version != self.version || self.streams.len() > DEVICES_MAX {
            self.streams.clear();
            self.version = version;
        }
        // The page that is being written has grown since.
        self.page = None;
    }

    fn fill(&mut self, place: Cursor, records: &mut Records) -> Result<(), FeedError> {
        let from = Offset(place.offset);
        let outcome = match self
            .reader
            .take()
            .filter(|reader| reader.position() == from)
        {
            Some(reader) => Ok(reader),
            None => self.sources.log.reader(from),
        };
        let read = outcome.and_then(|mut reader| {
            reader.read(records, self.sources.config.batch_bytes / 4)?;
            Ok(reader)
        });
        match read {
            Ok(reader) => {
                self.reader = Some(reader);
                Ok(())
            }
            Err(ReadError::Trimmed { start, .. }) => Err(FeedError::Trimmed {
                asked: place,
                start: Cursor {
                    offset: start.0,
                    index: 0,
                },
            }),
            Err(error) => Err(FeedError::Log {
                reason: error.to_string(),
            }),
        }
    }

    /// Loads the exceptions that hold for an offset: of every shard, since a record may have
    /// readings of several.
    fn look_up(&mut self, offset: u64) -> Result<(), FeedError> {
        let number = offset / PAGE_OFFSETS;
        if self.page == Some(number) {
            return Ok(());
        }
        self.missing.clear();
        for (shard, shared) in (0_u32..).zip(&self.sources.shards) {
            let board = shared.board();
            let held = board.exceptions.get(&number).map(|page| page.bytes.clone());
            drop(board);
            let failed = |reason: String| FeedError::Log { reason };
            let bytes = match held {
                Some(bytes) => Some(bytes),
                None => {
                    let key = Key::Exceptions(number).bytes();
                    let state = self.sources.store.state(shard, &key);
                    state.map_err(|error| failed(error.to_string()))?
                }
            };
            let note = |offset, missing: Missing| match self.missing.get_mut(&offset) {
                Some(known) => known.union(&missing),
                None => {
                    self.missing.insert(offset, missing);
                }
            };
            find_exception(&bytes.unwrap_or_default(), number * PAGE_OFFSETS, note)
                .map_err(|torn| failed(torn.to_string()))?;
        }
        self.page = Some(number);
        Ok(())
    }

    fn record(&mut self, offset: u64, record: &[u8], events: &mut Vec<FeedEvent>) {
        let Ok(envelope) = Envelope::read(record) else {
            return;
        };
        if envelope.kind == Kind::Session {
            return;
        }
        let received_us = i64::try_from(envelope.received_us).unwrap_or(i64::MAX);
        let rules = Arc::clone(&self.sources.rules.read());
        let limits = &self.sources.config.limits;
        let mut readings = std::mem::take(&mut self.readings);
        let (topic, payload) = (envelope.topic, envelope.payload);
        let (device, decoded) = match rules.route(topic) {
            Ok(Route::Readings { device, format }) => (
                Some(device),
                decode::decode(format, payload, received_us, limits, &mut readings),
            ),
            Ok(Route::Mapped) => (None, rules.decode(topic, payload, limits, &mut readings)),
            _ => {
                readings.clear();
                (None, Ok(()))
            }
        };
        if decoded.is_ok() {
            let replay = Replay::of(&envelope);
            let missing = self.missing.remove(&offset);
            for (index, reading) in (0_u32..).zip(readings.items()) {
                let sent = replay.as_ref().is_none_or(|replay| replay.only.has(index));
                let stored = missing.as_ref().is_none_or(|missing| !missing.has(index));
                if sent && stored {
                    let judged = Judged {
                        readings: &readings,
                        reading,
                        received_us,
                    };
                    let cursor = Cursor { offset, index };
                    events.extend(self.reading(device, judged, cursor));
                }
            }
        }
        self.readings = readings;
    }

    fn reading(
        &mut self,
        device: Option<&str>,
        judged: Judged<'_>,
        cursor: Cursor,
    ) -> Option<FeedEvent> {
        let Reading {
            device: named,
            datastream,
            ..
        } = *judged.reading;
        let named = named.map(|named| judged.readings.text(named));
        let device = device.or(named)?;
        let stream = self.stream(device, judged.readings.text(datastream))?;
        let observation = observe(judged, stream).ok()?;
        Some(FeedEvent {
            cursor,
            observation,
        })
    }

    fn stream(&mut self, device: &str, name: &str) -> Option<&mut Stream> {
        if !self.streams.contains_key(device) {
            let known = self.sources.directory.device(device)?;
            let streams = known.datastreams.iter().map(Arc::clone);
            let streams = streams
                .map(|datastream| Stream::new(datastream, 0))
                .collect();
            self.streams.insert(device.into(), streams);
        }
        let streams = self.streams.get_mut(device)?;
        streams
            .iter_mut()
            .find(|stream| &*stream.datastream.name == name)
    }
}
