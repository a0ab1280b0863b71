//! Futures with a stack frame of their own.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use pin_project_lite::pin_project;

pin_project! {
    /// A future that is polled in a stack frame of its own.
    ///
    /// A compiler that looks at size puts the parts of a task into one function, whose frame
    /// then has room for what only its start needs, as long as the task lives.
    pub struct Apart<F> {
        #[pin]
        future: F,
    }
}

impl<F> Apart<F> {
    /// Sets a future apart.
    pub const fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}
