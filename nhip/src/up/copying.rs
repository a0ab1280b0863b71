//! The copy of the store into the other kind, on a thread of its own.

use nhip_store::{StoreCopy, Turn};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Between two rounds over what has changed, and two tries of what fails.
const ROUND_PAUSE: Duration = Duration::from_secs(5);
/// Between two looks whether a copy was begun.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause for the sake of the rate.
const RATE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The thread; it ends when it is told to.
pub struct Copying {
    ended: Arc<AtomicBool>,
    thread: Thread,
}

impl Copying {
    /// Starts it.
    pub fn start(
        copy: Arc<StoreCopy>,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    ) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let told = ended.clone();
        let thread = thread::Builder::new()
            .name("nhip-copy".into())
            .spawn(move || run(&copy, &*clock, &told))?;
        let thread = thread.thread().clone();
        Ok(Self { ended, thread })
    }

    /// Ends it. A step that is under way may be cut by the end of the process: it is done again
    /// by the next one.
    pub fn stop(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn run(copy: &StoreCopy, clock: &dyn Fn() -> i64, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let pause = match copy.turn(clock()) {
            Turn::Copied { readings, rate_max } => pause(readings, rate_max, begun.elapsed()),
            Turn::Waiting => ROUND_PAUSE,
            Turn::Idle => IDLE_PAUSE,
        };
        if !pause.is_zero() {
            thread::park_timeout(pause);
        }
    }
}

/// What is left of the time that so many readings may take at least.
pub fn pause(readings: u64, rate_max: u64, took: Duration) -> Duration {
    let least = Duration::from_secs_f64(readings as f64 / rate_max.max(1) as f64);
    least.saturating_sub(took).min(RATE_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_as_long_as_its_rate_says() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(100, 50, second), second);
        assert_eq!(pause(100, 50, second * 3), Duration::ZERO);
        assert_eq!(pause(1_000_000, 1, second), RATE_PAUSE_MAX);
    }
}
