//! How a device's own time goes on beside ours.

use super::{super::Pace, time};
use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// A device that has something to do at once is asked again so often before others have a turn.
const ROUNDS_MAX: u32 = 64;

/// One device's time, and what it waits for.
#[derive(Debug)]
pub(super) struct DeviceTime {
    pace: Pace,
    /// How far it is behind ours when it begins, µs; it never comes to be ahead.
    behind_us: u64,
    /// How long it stands still for an answer, in our time.
    standstill_max: Duration,
    now_us: Cell<u64>,
    /// Answers of the broker that are on their way.
    awaited: Cell<u32>,
    stands_since: Cell<Option<Instant>>,
}

impl DeviceTime {
    /// A time that begins at 0 with the run.
    pub(super) fn new(pace: Pace, behind_us: u64, standstill_max: Duration) -> Self {
        Self {
            pace,
            behind_us,
            standstill_max,
            now_us: Cell::new(0),
            awaited: Cell::new(0),
            stands_since: Cell::new(None),
        }
    }

    /// The true time at a time of the device, µs since 1970 UTC.
    pub(super) fn unix_us(&self, us: u64) -> i64 {
        self.pace.from_us + us as i64
    }

    /// So many answers are on their way.
    pub(super) fn await_answers(&self, count: u32) {
        if self.awaited.replace(count) != count {
            self.stands_since.set(None);
        }
    }

    /// Whether an answer is on its way.
    pub(super) fn awaits_answers(&self) -> bool {
        self.awaited.get() > 0
    }

    /// When standing still ends, if it stands still.
    fn stands_until(&self) -> Option<Instant> {
        if self.awaited.get() == 0 {
            return None;
        }
        let since = self.stands_since.get().unwrap_or_else(Instant::now);
        self.stands_since.set(Some(since));
        Some(since + self.standstill_max)
    }

    /// Our time at a time of the device.
    fn instant(&self, us: u64) -> Instant {
        let ahead = Duration::from_micros(us.saturating_sub(self.behind_us));
        let paced = self.pace.instant(self.unix_us(us));
        paced.max(self.pace.start + ahead)
    }

    /// Runs a device's future until it ends, at the device's own time.
    pub(super) async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut timer = pin!(sleep_until(Instant::now()));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        poll_fn(move |cx| {
            woken.hold(cx.waker());
            let mut inner = Context::from_waker(&waker);
            for _ in 0..ROUNDS_MAX {
                let now_us = self.now_us.get();
                let (polled, wanted_us) =
                    time::poll_at(now_us, || future.as_mut().poll(&mut inner));
                if polled.is_ready() {
                    return polled;
                }
                if woken.take() {
                    continue;
                }
                let until = match self.stands_until() {
                    Some(until) if Instant::now() < until => until,
                    _ if wanted_us == u64::MAX => {
                        woken.forward();
                        return Poll::Pending;
                    }
                    _ => {
                        let next_us = wanted_us.max(now_us);
                        let until = self.instant(next_us);
                        if until <= Instant::now() {
                            self.now_us.set(next_us);
                            continue;
                        }
                        until
                    }
                };
                if timer.deadline() != until {
                    timer.as_mut().reset(until);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    woken.forward();
                    return Poll::Pending;
                }
            }
            woken.forward();
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

/// Notes that something woke the device while it was polled; hands wakes on to its task else.
#[derive(Default)]
struct Woken {
    flag: AtomicBool,
    forwards: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Woken {
    /// The device is polled from here on.
    fn hold(&self, waker: &Waker) {
        self.forwards.store(false, Ordering::Relaxed);
        self.flag.store(false, Ordering::Relaxed);
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    /// Nobody polls the device from here on.
    fn forward(&self) {
        self.forwards.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.flag.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.flag.store(true, Ordering::Relaxed);
        if self.forwards.load(Ordering::Relaxed) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(task) = &*task {
                task.wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, future::pending, rc::Rc};

    fn device(speed: Option<f64>, behind_us: u64) -> DeviceTime {
        let pace = Pace {
            start: Instant::now(),
            from_us: 0,
            speed,
        };
        DeviceTime::new(pace, behind_us, Duration::from_secs(60))
    }

    #[tokio::test(start_paused = true)]
    async fn a_device_sleeps_at_the_pace_of_the_run() {
        let device = device(Some(60.0), 1 << 60);
        let start = Instant::now();
        device.drive(time::sleep_until(600_000_000)).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pace_it_takes_no_time_but_never_passes_ours() {
        let device = device(None, 500_000_000);
        let start = Instant::now();
        device.drive(time::sleep_until(500_000_000)).await;
        assert_eq!(start.elapsed().as_secs(), 0);
        device.drive(time::sleep_until(507_000_000)).await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn its_time_stands_still_for_an_answer_and_not_for_ever() {
        let device = Rc::new(device(None, 1 << 60));
        let start = Instant::now();
        device.await_answers(1);
        let answered = RefCell::new(None);
        let answer = async {
            tokio::time::sleep(Duration::from_secs(9)).await;
            *answered.borrow_mut() = Some(time::now_us());
            device.await_answers(0);
            pending::<()>().await;
        };
        let mut answer = pin!(answer);
        let mut sleep = pin!(time::sleep_until(1_000_000));
        device
            .drive(poll_fn(|cx| {
                let _ = answer.as_mut().poll(cx);
                sleep.as_mut().poll(cx)
            }))
            .await;
        assert_eq!(
            (*answered.borrow(), start.elapsed().as_secs()),
            (Some(0), 9)
        );
        device.await_answers(1);
        device.drive(time::sleep_until(2_000_000)).await;
        assert_eq!(start.elapsed().as_secs(), 69);
    }
}
