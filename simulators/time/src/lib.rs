//! The time of simulated devices, one after the other in one thread.
//!
//! Each device has a time of its own, in µs. Whoever polls a device's future says what time it is
//! for it ([`poll_at`]) and is told when the device wants to be polled again. The firmware's MQTT
//! client asks `embassy_time`, whose driver is here too, so that it lives in the same time.
//!
//! It is a crate of its own because exporting the driver takes `#[unsafe(no_mangle)]`.

use embassy_time_driver::Driver;
use std::{
    cell::Cell,
    future::poll_fn,
    task::{Poll, Waker},
};

thread_local! {
    static NOW_US: Cell<u64> = const { Cell::new(0) };
    static WANTED_US: Cell<u64> = const { Cell::new(u64::MAX) };
}

struct DeviceDriver;

impl Driver for DeviceDriver {
    fn now(&self) -> u64 {
        now_us()
    }

    fn schedule_wake(&self, at: u64, _waker: &Waker) {
        wake_at(at);
    }
}

#[allow(unsafe_code, reason = "how embassy-time finds its driver")]
mod driver {
    use super::DeviceDriver;
    embassy_time_driver::time_driver_impl!(static DRIVER: DeviceDriver = DeviceDriver);
}

const _: () = assert!(
    embassy_time_driver::TICK_HZ == 1_000_000,
    "a tick is a microsecond"
);

/// The time of the device that is being polled, µs.
pub fn now_us() -> u64 {
    NOW_US.get()
}

/// The device that is being polled wants to be polled again at this time, µs.
pub fn wake_at(us: u64) {
    WANTED_US.set(WANTED_US.get().min(us));
}

/// Waits until a time of the device, µs. The future has to be polled by way of [`poll_at`].
pub async fn sleep_until(us: u64) {
    poll_fn(|_| {
        if now_us() >= us {
            return Poll::Ready(());
        }
        wake_at(us);
        Poll::Pending
    })
    .await;
}

/// Polls a device at a time of its own. Gives what came of it and the earliest time for which it
/// asked to be polled again; `u64::MAX` if it asked for none.
pub fn poll_at<T>(now_us: u64, poll: impl FnOnce() -> T) -> (T, u64) {
    NOW_US.set(now_us);
    WANTED_US.set(u64::MAX);
    let polled = poll();
    (polled, WANTED_US.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{pin::pin, task::Context};

    #[test]
    fn a_device_is_asked_again_at_the_earliest_time_it_wants() {
        let mut both = pin!(async {
            let mut early = pin!(sleep_until(20));
            let mut late = pin!(sleep_until(30));
            poll_fn(|cx| {
                let _ = late.as_mut().poll(cx);
                early.as_mut().poll(cx)
            })
            .await;
            now_us()
        });
        let mut cx = Context::from_waker(Waker::noop());
        let (polled, wanted) = poll_at(10, || both.as_mut().poll(&mut cx));
        assert_eq!((polled, wanted), (Poll::Pending, 20));
        let (polled, wanted) = poll_at(wanted, || both.as_mut().poll(&mut cx));
        assert_eq!((polled, wanted), (Poll::Ready(20), 30));
    }

    #[test]
    fn the_driver_of_embassy_time_lives_in_the_same_time() {
        let (now, wanted) = poll_at(1_234, || {
            embassy_time_driver::schedule_wake(1_300, Waker::noop());
            embassy_time_driver::now()
        });
        assert_eq!((now, wanted), (1_234, 1_300));
    }
}
