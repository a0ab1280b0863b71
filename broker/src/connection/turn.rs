//! One turn of a connection: acknowledge, write, read, until there is nothing left to do.

use super::lent::Lent;
use super::scratch::{self, CARRY_BYTES, Scratch};
use super::{ClientStream, Connection, End, Turn};
use crate::codec::Reason;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::ReadBuf;

impl<S: ClientStream> Connection<S> {
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            if let Poll::Ready(end) = self.poll_without_reading(cx) {
                return Poll::Ready(Turn::End(end));
            }
            // Back-pressure for clients that keep no receive maximum: commits wake us.
            if self.acks.len() >= usize::from(self.core.config.receive_max)
                && self.version == crate::codec::Version::V311
            {
                self.link.hold_back();
                return Poll::Pending;
            }
            // The log's queue is for all: nobody fills it alone. Commits wake us here too.
            if self.acks.bytes() >= self.core.config.receive_bytes_max {
                self.link.hold_back();
                return Poll::Pending;
            }
            if self.allowance.is_spent(self.core.tick()) {
                self.link.hold_back();
                self.throttle();
                return Poll::Pending;
            }
            let turn = match self.input_waits {
                true => self.take_waiting(),
                false => match self.poll_read(cx) {
                    Poll::Ready(turn) => turn,
                    Poll::Pending => {
                        self.link.listen(self.core.tick());
                        self.lend();
                        return Poll::Pending;
                    }
                },
            };
            if let Some(turn) = turn {
                return Poll::Ready(turn);
            }
        }
    }

    /// The committer writes what it waits for, if it has nothing to write itself.
    fn lend(&mut self) {
        if self.acks.is_empty() || self.out_taken < self.out.len() || !self.acks.are_packets() {
            return;
        }
        let Some(write) = self.io.lend() else {
            return;
        };
        self.lends = true;
        self.link.lend(Box::new(Lent {
            write,
            acks: std::mem::take(&mut self.acks),
            left: Vec::new(),
            version: self.version,
            explained: self.explained,
            sent_bytes: self.core.metrics.sent_bytes.clone(),
        }));
    }

    fn take_back(&mut self) {
        if std::mem::take(&mut self.lends)
            && let Some(lent) = self.link.take_back()
        {
            self.io.take_back(lent.write);
            self.acks = lent.acks;
            self.out = lent.left;
            self.out_taken = 0;
            self.out_messages = 0;
        }
    }

    /// The next second wakes it.
    fn throttle(&self) {
        if self.link.throttle(self.core.tick()) {
            self.core.metrics.throttled.inc();
            self.core.throttled.lock().push(Arc::clone(&self.link));
        }
    }

    /// Acknowledges and writes; ready only when the connection is over.
    pub(super) fn poll_without_reading(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.link.register(cx.waker());
        self.take_back();
        if let Some(reason) = self.link.closing() {
            return Poll::Ready(End::Closed(reason));
        }
        self.resolve();
        let waits = !self.acks.is_empty() || self.acks.bytes() > 0;
        if self.link.log_failed() && waits {
            return Poll::Ready(End::LogFailed);
        }
        if self.poll_write(cx).is_err() {
            return Poll::Ready(End::Lost);
        }
        self.out_share.note(self.out.capacity());
        // Messages are taken only when everything before is written, so what is behind them are
        // acknowledgements and other answers.
        let answers = self.out.len() - self.out_taken.max(self.out_messages);
        if answers > self.out_share.most(self.core.config.outgoing_bytes_max) * 2 {
            return Poll::Ready(End::Closed(Reason::QUOTA_EXCEEDED));
        }
        Poll::Pending
    }

    fn resolve(&mut self) {
        let durable_end = self.link.durable_end();
        let passed = self
            .acks
            .resolve(durable_end, self.version, self.explained, &mut self.out);
        if !passed.free.is_empty() {
            self.free(&passed.free);
        }
        if passed.given {
            self.core.catch_up.look_at(&self.session);
        }
    }

    /// As the broker shuts down: ready when every acknowledgement is written or none can be.
    pub(super) fn poll_last_acks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.link.register(cx.waker());
        self.resolve();
        let over = self.poll_write(cx).is_err() || self.link.log_failed();
        match over || self.acks.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> std::io::Result<()> {
        loop {
            if self.out_taken == self.out.len() {
                self.out_taken = 0;
                self.out = Vec::new();
                self.feed_retained();
                let mut state = self.session.state.lock();
                if !state.is_served_by(&self.link) {
                    return Ok(());
                }
                let core = &self.core;
                self.out = match state.outbox.is_ready() {
                    true => state.outbox.take(|| core.now_us()),
                    false => Vec::new(),
                };
                self.out_messages = self.out.len();
                state.outbox.count_drops(&core.metrics);
                let wants = state.outbox.wants_any();
                state.look_at_groups();
                drop(state);
                if wants {
                    core.catch_up.look_at(&self.session);
                }
                if self.out.is_empty() {
                    break;
                }
            }
            let left = &self.out[self.out_taken..];
            match Pin::new(&mut self.io).poll_write(cx, left) {
                Poll::Ready(Ok(0)) => return Err(std::io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(taken)) => {
                    self.out_taken += taken;
                    self.core.metrics.sent_bytes.inc_by(taken as u64);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Turn>> {
        scratch::with(|scratch| {
            let mut bytes = std::mem::take(&mut scratch.bytes);
            let polled = self.poll_read_into(cx, &mut bytes, scratch);
            scratch.bytes = bytes;
            polled
        })
    }

    fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
        scratch: &mut Scratch,
    ) -> Poll<Option<Turn>> {
        let mut buffer = ReadBuf::new(&mut bytes[CARRY_BYTES..]);
        let read = match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)) {
            Ok(()) => buffer.filled().len(),
            Err(_) => 0,
        };
        if read == 0 {
            return Poll::Ready(Some(Turn::End(End::Lost)));
        }
        self.link.see(self.core.tick());
        self.allowance.read(read);
        self.core.metrics.received_bytes.inc_by(read as u64);
        let carried = self.input.len();
        if carried <= CARRY_BYTES {
            let start = CARRY_BYTES - carried;
            bytes[start..CARRY_BYTES].copy_from_slice(&self.input);
            let whole = &bytes[start..CARRY_BYTES + read];
            return Poll::Ready(self.take(whole, scratch));
        }
        self.input.extend_from_slice(&bytes[CARRY_BYTES..][..read]);
        let whole = std::mem::take(&mut self.input);
        Poll::Ready(self.take(&whole, scratch))
    }

    fn take_waiting(&mut self) -> Option<Turn> {
        let whole = std::mem::take(&mut self.input);
        scratch::with(|scratch| self.take(&whole, scratch))
    }

    /// Takes the packets in `bytes`, appends their publishes in one go and keeps the rest.
    fn take(&mut self, bytes: &[u8], scratch: &mut Scratch) -> Option<Turn> {
        let now_us = self.core.now_us();
        let (taken, turn) = self.take_packets(bytes, scratch, now_us);
        self.input_waits = turn.is_some() || self.allowance.lacks_publishes();
        self.input.clear();
        match bytes.len() - taken {
            // An idle connection owns no buffer.
            0 => self.input = Vec::new(),
            _ => self.input.extend_from_slice(&bytes[taken..]),
        }
        if !scratch.direct.is_empty() {
            let direct = std::mem::take(&mut scratch.direct);
            let source = self.source.get_or_insert_default();
            self.core.submit(direct.from_source(source));
        }
        // What was taken before an error is logged: it was accepted.
        match self.append(&mut scratch.batch) {
            Err(end) => Some(Turn::End(end)),
            Ok(()) if self.stalled.is_some() && turn.is_none() => Some(Turn::Full),
            Ok(()) => turn,
        }
    }
}
