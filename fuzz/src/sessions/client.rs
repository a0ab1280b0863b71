//! A client whose every byte in and out is looked at.

use super::expected::Said;
use super::said::written;
use super::watch::{Owed, Watch};
use nhip_broker::codec::{Ack, Packet, Reason, Version, frame};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

pub struct Client {
    io: DuplexStream,
    unsent: Vec<u8>,
    input: Vec<u8>,
    /// The broker has ended the connection.
    pub ended: bool,
    /// It doesn't read.
    pub deaf: bool,
    pub said: Said,
    pub watch: Watch,
}

impl Client {
    pub fn new(io: DuplexStream) -> Self {
        Self {
            io,
            unsent: Vec::new(),
            input: Vec::new(),
            ended: false,
            deaf: false,
            said: Said::new(),
            watch: Watch::default(),
        }
    }

    pub fn version(&self) -> Version {
        self.said.version.unwrap_or(Version::V5)
    }

    pub fn say(&mut self, bytes: &[u8]) {
        self.said.say(bytes);
        self.unsent.extend_from_slice(bytes);
    }

    pub fn ping(&mut self) {
        if !self.said.over && self.said.is_between_packets() {
            self.say(&written(self.version(), Packet::Pingreq));
        }
    }

    /// Gives the answer that it owes longest, or the one behind it by `which`.
    pub fn answer(&mut self, which: u8, reason: u8) {
        let owed = self.watch.owed.len();
        let Some(owed) = owed
            .checked_sub(1)
            .and_then(|last| self.watch.owed.remove(usize::from(which).min(last)))
        else {
            return;
        };
        let reason = match self.version() {
            Version::V5 if reason > 200 => Reason(0x80),
            _ => Reason::SUCCESS,
        };
        let packet = match owed {
            Owed::Puback(id) => Packet::Puback(Ack::with(id, reason)),
            Owed::Pubrec(id) => Packet::Pubrec(Ack::with(id, reason)),
            Owed::Pubcomp(id) => Packet::Pubcomp(Ack::success(id)),
        };
        if self.said.is_between_packets() {
            self.say(&written(self.version(), packet));
        }
    }

    /// Whether nothing is to come any more that it waits for.
    pub fn is_settled(&self) -> bool {
        self.ended || (!self.said.over && self.unsent.is_empty() && self.said.is_answered())
    }

    /// Sends what the broker has room for, and looks at what has come.
    pub fn turn(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.io).poll_write(&mut context, &self.unsent) {
                Poll::Ready(Ok(taken)) => drop(self.unsent.drain(..taken)),
                Poll::Ready(Err(_)) => self.unsent.clear(),
                Poll::Pending => break,
            }
        }
        let mut bytes = [0; 4 << 10];
        while !self.deaf && !self.ended {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.io).poll_read(&mut context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.input.extend_from_slice(buffer.filled());
                    self.look();
                }
                Poll::Ready(_) => self.ended = true,
                Poll::Pending => break,
            }
        }
    }

    fn look(&mut self) {
        while let Some(found) = frame(&self.input, usize::MAX).expect("a frame from the broker") {
            let rest = self.input.split_off(found.bytes());
            let whole = std::mem::replace(&mut self.input, rest);
            let packet = Packet::read(self.version(), found, &whole[found.header_bytes..])
                .unwrap_or_else(|error| panic!("{whole:02x?} from the broker: {error}"));
            self.watch.take(packet, whole.len(), &mut self.said);
        }
    }
}
