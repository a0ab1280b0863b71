//! Virtual time: one for each thread.

use nhip_node::Clock;
use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::BinaryHeap,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// Microseconds of a second.
pub const SECOND_US: u64 = 1_000_000;
/// Microseconds of a minute.
pub const MINUTE_US: u64 = 60 * SECOND_US;
/// Microseconds of an hour.
pub const HOUR_US: u64 = 60 * MINUTE_US;
/// Microseconds of a day.
pub const DAY_US: u64 = 24 * HOUR_US;

thread_local! {
    static NOW_US: Cell<u64> = const { Cell::new(0) };
    static WAKES: RefCell<BinaryHeap<Reverse<u64>>> = const { RefCell::new(BinaryHeap::new()) };
}

/// Microseconds since the thread's time began.
pub fn now_us() -> u64 {
    NOW_US.get()
}

fn wake_at(at: u64) {
    WAKES.with_borrow_mut(|wakes| wakes.push(Reverse(at)));
}

/// Waits until a moment of true time.
pub async fn sleep_until(at_us: u64) {
    core::future::poll_fn(|_| {
        if now_us() >= at_us {
            return Poll::Ready(());
        }
        wake_at(at_us);
        Poll::Pending
    })
    .await;
}

/// Waits for a while of true time.
pub async fn sleep(us: u64) {
    sleep_until(now_us().saturating_add(us)).await;
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end; time jumps to the next moment that anybody waits for.
///
/// # Panics
///
/// When the future waits for nothing: it would wait for ever.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future: Pin<&mut _> = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        while flag.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
        }
        let next = WAKES.with_borrow_mut(|wakes| {
            let Reverse(next) = wakes.pop()?;
            while wakes.peek().is_some_and(|&Reverse(other)| other <= next) {
                wakes.pop();
            }
            Some(next)
        });
        let next = next.unwrap_or_else(|| panic!("everything waits, and for nothing"));
        NOW_US.set(next.max(now_us()));
        flag.0.store(true, Ordering::Relaxed);
    }
}

/// A device's clock: it starts at 0 when the device boots, and runs fast or slow.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    boot_us: u64,
    drift_ppm: i64,
}

impl VirtualClock {
    /// A clock that starts now and gains so many microseconds a second.
    pub fn start(drift_ppm: i64) -> Self {
        Self {
            boot_us: now_us(),
            drift_ppm,
        }
    }

    fn true_us(&self, uptime_us: u64) -> u64 {
        let rate = 1_000_000 + i128::from(self.drift_ppm);
        // Rounded up: when it is reached, the uptime is there.
        let elapsed = (i128::from(uptime_us) * 1_000_000 + rate - 1) / rate;
        self.boot_us
            .saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

impl Clock for VirtualClock {
    fn uptime_us(&self) -> u64 {
        let elapsed = i128::from(now_us() - self.boot_us);
        (elapsed * (1_000_000 + i128::from(self.drift_ppm)) / 1_000_000) as u64
    }

    async fn sleep_until(&self, uptime_us: u64) {
        sleep_until(self.true_us(uptime_us)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_jumps_to_what_is_waited_for() {
        let before = now_us();
        run(async {
            sleep(30 * 86_400_000_000).await;
        });
        assert_eq!(now_us() - before, 30 * 86_400_000_000);
    }

    #[test]
    fn a_drifting_clock_wakes_at_its_own_time() {
        for drift_ppm in [-300, 0, 70] {
            let clock = VirtualClock::start(drift_ppm);
            let begin = now_us();
            run(clock.sleep_until(1_000_000_000));
            assert!(clock.uptime_us() >= 1_000_000_000);
            assert!(clock.uptime_us() <= 1_000_000_002);
            let expected = 1_000_000_000_i64 - drift_ppm * 1000;
            assert!((now_us() - begin).abs_diff(expected as u64) < 200);
        }
    }
}
