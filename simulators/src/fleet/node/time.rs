//! The time of simulated devices, one after the other in one thread.
//!
//! Each device has a time of its own, in µs. Whoever polls a device's future says what time it is
//! for it ([`poll_at`]) and is told when the device wants to be polled again.

use std::{cell::Cell, future::poll_fn, task::Poll};

thread_local! {
    static NOW_US: Cell<u64> = const { Cell::new(0) };
    static WANTED_US: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// The time of the device that is being polled, µs.
pub(super) fn now_us() -> u64 {
    NOW_US.get()
}

/// The device that is being polled wants to be polled again at this time, µs.
pub(super) fn wake_at(us: u64) {
    WANTED_US.set(WANTED_US.get().min(us));
}

/// Waits until a time of the device, µs. The future has to be polled by way of [`poll_at`].
pub(super) async fn sleep_until(us: u64) {
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
pub(super) fn poll_at<T>(now_us: u64, poll: impl FnOnce() -> T) -> (T, u64) {
    NOW_US.set(now_us);
    WANTED_US.set(u64::MAX);
    let polled = poll();
    (polled, WANTED_US.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

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
}
