//! The log with its threads.

use crate::{
    AppendError, Batch, Committed, Figures, Log, Metrics, Offset, Pin, ReadError, Reader, State,
    committer::{Committer, Step},
    config::Config,
    disk::RealDisk,
    error::OpenError,
    keeper::Keeper,
    reader::SegmentReader,
    shared::Shared,
    stepped::{SteppedLog, Surroundings},
};
use parking_lot::Mutex;
use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::Path,
    pin::Pin as FuturePin,
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

const IDLE: Duration = Duration::from_secs(1);

/// The durable log in segment files on one machine.
pub struct SegmentLog {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl SegmentLog {
    /// Opens the log in `dir`, made if it isn't there, and starts its two threads. Nothing is
    /// trimmed until [`SegmentLog::start_trimming`].
    pub fn open(dir: &Path, config: Config, metrics: Metrics) -> Result<Self, OpenError> {
        let folder = dir.display().to_string();
        let disk = RealDisk::open(dir).map_err(|source| match source.kind() {
            io::ErrorKind::ResourceBusy => OpenError::Locked {
                folder: folder.clone(),
            },
            _ => OpenError::Io {
                folder: folder.clone(),
                doing: "opening the folder".to_owned(),
                source,
            },
        })?;
        let surroundings = Surroundings {
            disk: Arc::new(disk),
            clock: Arc::new(wall_clock_us),
            random: Box::new(|| RandomState::new().build_hasher().finish()),
        };
        let SteppedLog {
            log,
            committer,
            keeper,
        } = SteppedLog::open(surroundings, config, metrics)?;
        log.start(committer, keeper)
            .map_err(|source| OpenError::Io {
                folder,
                doing: "starting its threads".to_owned(),
                source,
            })?;
        Ok(log)
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            threads: Mutex::default(),
        }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    fn start(&self, committer: Committer, keeper: Keeper) -> io::Result<()> {
        let mut threads = self.threads.lock();
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        threads.push(named("log-commit").spawn(move || run_committer(committer))?);
        threads.push(named("log-keep").spawn(move || run_keeper(keeper))?);
        Ok(())
    }

    /// Lets segments go from now on, in the background. To be called once every consumer has
    /// pinned what it needs.
    pub fn start_trimming(&self) {
        self.shared.trimming.store(true, Ordering::Release);
        self.shared.keeper.nudge();
    }

    /// Takes no more appends, makes durable what is queued within `close_ms_max`, and ends the
    /// threads. Listeners of what could not be written hear that it failed.
    pub fn close(&self) {
        {
            let mut queue = self.shared.queue.lock();
            if queue.closed.is_none() {
                queue.closed = Some("it is closed".to_owned());
            }
            let bound = Duration::from_millis(self.shared.config.close_ms_max);
            queue.deadline = Some(Instant::now() + bound);
        }
        self.shared.work.notify_all();
        self.shared.keeper.ended.store(true, Ordering::Release);
        self.shared.keeper.nudge();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log has panicked");
            }
        }
        self.shared.wake_all();
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl Log for SegmentLog {
    fn append(
        &self,
        batch: &mut Batch,
        listener: Option<&Arc<dyn Committed>>,
    ) -> Result<Offset, AppendError> {
        self.shared.append(batch, listener)
    }

    fn room(&self) -> FuturePin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shared.room())
    }

    fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    fn wait(&self, offset: Offset, timeout: Duration) -> bool {
        self.shared.wait(offset, timeout)
    }

    fn reader(&self, from: Offset) -> Result<Box<dyn Reader>, ReadError> {
        let reader = SegmentReader::new(Arc::clone(&self.shared), from)?;
        Ok(Box::new(reader))
    }

    fn pin(&self, name: &str, from: Offset) -> Box<dyn Pin> {
        self.shared.pins.hold(name, from)
    }

    fn figures(&self) -> Figures {
        self.shared.figures()
    }
}

fn wall_clock_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

fn run_committer(mut committer: Committer) {
    let retry = Duration::from_millis(committer.shared.config.retry_ms);
    loop {
        let goes_on = match committer.step() {
            Step::Idle => sleep_idle(&mut committer),
            Step::Committed => !committer.shared.queue.lock().is_overdue(),
            Step::Stalled => sleep_stalled(&committer.shared, retry),
            Step::Failed => false,
        };
        if !goes_on {
            break;
        }
    }
    committer.end("it is closed");
}

/// Sleeps until something is queued; `false` once it is closed.
fn sleep_idle(committer: &mut Committer) -> bool {
    let shared = Arc::clone(&committer.shared);
    let mut queue = shared.queue.lock();
    if queue.filling.blocks.is_empty() {
        if queue.closed.is_some() {
            return false;
        }
        queue.sleeping = true;
        let quiet = shared.work.wait_for(&mut queue, IDLE).timed_out();
        queue.sleeping = false;
        if quiet && queue.filling.blocks.is_empty() {
            drop(queue);
            committer.shrink();
            return true;
        }
    }
    drop(queue);
    if shared.config.commit_delay_us > 0 {
        thread::sleep(Duration::from_micros(shared.config.commit_delay_us));
    }
    true
}

/// Sleeps until the next try; `false` once there is no more time for one.
fn sleep_stalled(shared: &Shared, retry: Duration) -> bool {
    let mut queue = shared.queue.lock();
    let next = Instant::now() + retry;
    while !queue.is_overdue() && !shared.work.wait_until(&mut queue, next).timed_out() {}
    !queue.is_overdue()
}

fn run_keeper(mut keeper: Keeper) {
    let shared = Arc::clone(&keeper.shared);
    while !shared.keeper.ended.load(Ordering::Acquire) {
        let trim = shared.trimming.load(Ordering::Acquire);
        keeper.step((shared.clock)(), trim);
        let mut wake = shared.keeper.wake.lock();
        if !*wake && !shared.keeper.ended.load(Ordering::Acquire) {
            shared.keeper.woken.wait_for(&mut wake, IDLE);
        }
        *wake = false;
    }
}
