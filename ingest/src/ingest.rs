//! Starting and stopping the fold.

use crate::{
    Config,
    config::Clock,
    directory::Directory,
    feed::{Feed, Sources},
    latest::Latest,
    mapping::Mapping,
    metrics::{Meter, Metrics},
    replay::Replays,
    rules::Rules,
    shard::{self, Fold, LoadError, Route, Routes, Shard, Shared, Stop, Stored, Work, Written},
    state::{Header, keys::Key},
    view::View,
    window::Window,
};
use nhip_log::{Log, Offset, ReadError, Records};
use nhip_store::Store;
use parking_lot::{Mutex, RwLock};
use std::{
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
};
use thiserror::Error;

/// Threads that may fold.
pub(crate) const SHARDS_MAX: u32 = 64;

/// What ingest works with.
pub struct Parts {
    /// What it folds.
    pub log: Arc<dyn Log>,
    /// Where it folds it into.
    pub store: Arc<dyn Store>,
    /// Who and what there is.
    pub directory: Arc<dyn Directory>,
    /// Which foreign topics it takes, and how.
    pub mapping: Mapping,
    /// Wall time.
    pub clock: Clock,
    /// Its metrics.
    pub metrics: Metrics,
}

/// How many shards a store holds the state of, if it holds any: the number is fixed when the
/// first checkpoint is made. A state that can't be read is [`Ingest::start`]'s to refuse.
pub fn recorded_shards(store: &dyn Store) -> Option<u32> {
    (0..SHARDS_MAX).find_map(|shard| {
        let header = store.state(shard, &Key::Header.bytes()).ok()??;
        Some(Header::decode(&header).ok()?.shards)
    })
}

/// The fold, running.
pub struct Ingest {
    window: Arc<Window>,
    rules: Arc<RwLock<Arc<Rules>>>,
    stop: Arc<Stop>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a topic is to ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Ingest folds what is published there.
    Taken,
    /// Ordinary MQTT between clients.
    Ordinary,
    /// Nobody may publish there; why, for a person.
    Refused(String),
}

/// Why the fold can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The state can't be read: look at the store, or restore from a copy.
    #[error("the state of ingest shard {shard}: {reason}")]
    State {
        /// Which shard.
        shard: u32,
        /// What is wrong.
        reason: String,
    },
    /// The log does not have what the state needs: restore both from the same copy.
    #[error("ingest shard {shard} is at offset {position}, but the log holds {start} to {end}")]
    LogMismatch {
        /// Which shard.
        shard: u32,
        /// Its position.
        position: u64,
        /// The oldest record of the log.
        start: u64,
        /// One past its newest.
        end: u64,
    },
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The system gives no thread.
    #[error("starting a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Ingest {
    /// Loads the last checkpoint and folds from there on, on threads of its own.
    pub fn start(config: Config, parts: Parts) -> Result<Self, StartError> {
        let (window, rules, stop, shards) = assemble(config, parts)?;
        let mut threads = Vec::new();
        for shard in shards {
            let name = format!("fold-{}", shard.fold.shard);
            let thread = std::thread::Builder::new().name(name);
            threads.push(thread.spawn(move || shard.run())?);
        }
        Ok(Self {
            window,
            rules,
            stop,
            threads: Mutex::new(threads),
        })
    }

    /// What it shows to others.
    pub fn view(&self) -> Arc<dyn View> {
        Arc::clone(&self.window) as Arc<dyn View>
    }

    /// What a topic is to ingest: for the broker's door.
    pub fn claims(&self, topic: &str) -> Claim {
        if topic.starts_with("live/") {
            return Claim::Refused("live/ is written by the platform alone".to_owned());
        }
        let rules = Arc::clone(&self.rules.read());
        match rules.route(topic) {
            Ok(Route::Readings { .. } | Route::Status { .. } | Route::Mapped) => Claim::Taken,
            Ok(Route::Nobody) => Claim::Ordinary,
            Err(error) => Claim::Refused(error.to_string()),
        }
    }

    /// Takes other mapping rules, from the next batch on. What was folded stays as it is.
    pub fn set_mapping(&self, mapping: Mapping) {
        *self.rules.write() = Arc::new(Rules::new(mapping));
    }

    /// What ended a shard for good, if anything did: for the health page.
    pub fn failure(&self) -> Option<String> {
        self.window.failure()
    }

    /// Ends the feed and stops the fold after a last checkpoint. Blocks; without a store it
    /// leaves that checkpoint out, and the next start folds from the one before.
    pub fn shutdown(&self) {
        self.window.feed.close();
        self.stop.stop();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the fold has panicked");
            }
        }
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Reads everything that is still to be folded, so that a log that is damaged there is refused
/// before anything is acknowledged behind the damage.
fn check_log(log: &dyn Log, position: u64) -> Result<(), ReadError> {
    const READ_BYTES: usize = 4 << 20;
    let mut reader = log.reader(Offset(position))?;
    let mut records = Records::default();
    loop {
        reader.read(&mut records, READ_BYTES)?;
        if records.is_empty() {
            return Ok(());
        }
    }
}

type Assembled = (Arc<Window>, Arc<RwLock<Arc<Rules>>>, Arc<Stop>, Vec<Shard>);

/// Everything but the threads.
pub(crate) fn assemble(config: Config, parts: Parts) -> Result<Assembled, StartError> {
    let config = Arc::new(Config {
        shards: config.shards.clamp(1, SHARDS_MAX),
        ..config
    });
    let stop = Arc::new(Stop::default());
    let latest = Arc::new(Latest::default());
    let rules = Arc::new(RwLock::new(Arc::new(Rules::new(parts.mapping))));
    let mut sources = Sources {
        log: Arc::clone(&parts.log),
        store: Arc::clone(&parts.store),
        directory: Arc::clone(&parts.directory),
        rules: Arc::clone(&rules),
        shards: Vec::new(),
        config: Arc::clone(&config),
    };
    let mut loaded = Vec::new();
    for number in 0..config.shards {
        let shared = Arc::new(Shared::default());
        sources.shards.push(Arc::clone(&shared));
        loaded.push(load(number, &shared, &sources, &latest)?);
    }
    let positions: Vec<u64> = loaded.iter().map(|(_, _, position)| *position).collect();
    if let Some(position) = positions.iter().min() {
        check_log(&*parts.log, *position)?;
    }
    let feed = Arc::new(Feed::new(&positions, config.feed_events_max as usize));
    let mut shards = Vec::new();
    for (fold, written, position) in loaded {
        let pin = parts
            .log
            .pin(&format!("ingest-{}", fold.shard), Offset(position));
        let mut meter = Meter::default();
        meter.show(&parts.metrics, &fold.totals);
        shards.push(Shard {
            stored: Stored {
                store: Arc::clone(&parts.store),
                stop: Arc::clone(&stop),
                shared: Arc::clone(&fold.shared),
                retry_ms_max: config.retry_ms_max,
                may_have_itself: AtomicBool::new(false),
            },
            folded_before: if parts.store.keeps_unsaved() {
                parts.log.state().durable_end.0
            } else {
                0
            },
            log: Arc::clone(&parts.log),
            reader: parts.log.reader(Offset(position))?,
            pin,
            latest: Arc::clone(&latest),
            feed: Arc::clone(&feed),
            rules: Arc::clone(&rules),
            metrics: parts.metrics.clone(),
            clock: Arc::clone(&parts.clock),
            meter,
            written,
            position,
            work: Work::at(position),
            fold,
        });
    }
    let replays = Replays::new(parts.log.state().durable_end.0);
    let window = Arc::new(Window {
        sources,
        latest,
        feed,
        clock: parts.clock,
        replays,
    });
    let shown = Arc::downgrade(&window);
    parts.metrics.watch(Arc::new(move || match shown.upgrade() {
        Some(window) => (window.lag(), window.pending()),
        None => Default::default(),
    }));
    Ok((window, rules, stop, shards))
}

fn load(
    number: u32,
    shared: &Arc<Shared>,
    sources: &Sources,
    latest: &Latest,
) -> Result<(Fold, Written, u64), StartError> {
    let mut fold = Fold::new(
        Arc::clone(&sources.config),
        number,
        Arc::clone(&sources.directory),
        Arc::clone(&sources.rules.read()),
        Arc::clone(shared),
    );
    let mut written = Written::default();
    let position = shard::load(&mut fold, &*sources.store, latest, &mut written).map_err(
        |error: LoadError| StartError::State {
            shard: number,
            reason: error.to_string(),
        },
    )?;
    let state = sources.log.state();
    if position < state.start.0 || position > state.durable_end.0 {
        return Err(StartError::LogMismatch {
            shard: number,
            position,
            start: state.start.0,
            end: state.durable_end.0,
        });
    }
    Ok((fold, written, position))
}
