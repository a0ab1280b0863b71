//! A device's connection: real TCP, with the simulated network's faults and an ear on the wire.

use super::{
    network::{State, Weather},
    tap::Tap,
    time,
};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

const READ_BYTES: usize = 512;

/// Why a stream failed: its other end, or the simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection reset")
    }
}

impl std::error::Error for Reset {}

impl embedded_io_async::Error for Reset {
    fn kind(&self) -> ErrorKind {
        ErrorKind::ConnectionReset
    }
}

/// An open connection.
pub(super) struct Stream {
    tcp: TcpStream,
    state: Rc<State>,
    tap: Tap,
    /// Bytes of it were lost: it can only end.
    torn: bool,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, state: Rc<State>, tap: Tap) -> Self {
        Self {
            tcp,
            state,
            tap,
            torn: false,
        }
    }

    /// Whether bytes pass; the device is asked again when that may change.
    fn passes(&mut self) -> Result<bool, Reset> {
        match self.state.weather(self.tap.since_us()) {
            Weather::Down => Err(self.broken()),
            Weather::Silent(until_us) => {
                time::wake_at(until_us);
                self.state.time.await_answers(0);
                self.torn = true;
                Ok(false)
            }
            Weather::Fair(_) if self.torn => Err(self.broken()),
            Weather::Fair(until_us) => {
                time::wake_at(until_us);
                Ok(true)
            }
        }
    }

    fn broken(&self) -> Reset {
        self.state.time.await_answers(0);
        Reset
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<Result<usize, Reset>> {
        loop {
            if !self.passes()? {
                return Poll::Pending;
            }
            let count = self.tap.deliver(into);
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
            let mut bytes = [0; READ_BYTES];
            let mut buffer = ReadBuf::new(&mut bytes);
            let tcp = Pin::new(&mut self.tcp);
            if ready!(tcp.poll_read(cx, &mut buffer)).is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Err(self.broken()));
            }
            self.tap.received(buffer.filled(), &self.state);
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Reset>> {
        if !self.passes()? {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.tcp).poll_write(cx, bytes)) {
            Ok(count) => {
                self.tap.sent(&bytes[..count], &self.state);
                Poll::Ready(Ok(count))
            }
            Err(_) => Poll::Ready(Err(self.broken())),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.state.time.await_answers(0);
    }
}

impl ErrorType for Stream {
    type Error = Reset;
}

impl Read for Stream {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Reset> {
        poll_fn(|cx| self.poll_read(cx, bytes)).await
    }
}

impl Write for Stream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Reset> {
        poll_fn(|cx| self.poll_write(cx, bytes)).await
    }

    async fn flush(&mut self) -> Result<(), Reset> {
        Ok(())
    }
}
