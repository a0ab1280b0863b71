//! The store's background work, on a thread of its own.

use nhip_store::Store;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tracing::{debug, warn};

/// How long one turn of work may take, so that stopping is quick.
const TURN: Duration = Duration::from_millis(200);
/// Between two looks for work that is due.
const PAUSE: Duration = Duration::from_secs(1);

/// The thread; it ends when it is told to.
pub struct Upkeep {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Starts it.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    ) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let told = ended.clone();
        let thread = thread::Builder::new()
            .name("nhip-upkeep".into())
            .spawn(move || run(&*store, &*clock, &told))?;
        Ok(Self {
            ended,
            thread: Some(thread),
        })
    }

    /// Ends it and waits for its turn to end.
    pub fn stop(mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                warn!("the store's upkeep has panicked");
            }
        }
    }
}

fn run(store: &dyn Store, clock: &dyn Fn() -> i64, ended: &AtomicBool) {
    let mut failing = false;
    while !ended.load(Ordering::Relaxed) {
        let more = match store.maintain(clock(), TURN) {
            Ok(more) => {
                failing = false;
                more
            }
            Err(error) if failing => {
                debug!(%error, "the store's upkeep still fails");
                false
            }
            Err(error) => {
                warn!(%error, "the store's upkeep fails and is tried again");
                failing = true;
                false
            }
        };
        if !more {
            thread::park_timeout(PAUSE);
        }
    }
}
