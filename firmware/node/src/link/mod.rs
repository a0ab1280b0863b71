//! The link side: keeps a session with the broker and hands it the queue, message by message.

mod sending;
mod up;

use crate::{
    CONNECT_TIMEOUT_US, STABLE_US,
    backoff::Backoff,
    command::Commands,
    flash::{IN_FLIGHT_MAX, Store},
    mqtt::{Hello, Session},
    node::SESSION_EXPIRY_S,
    platform::{Clock, Connector, Journal, LinkEvent, Platform},
    shared::Shared,
    topics::Topics,
};
use core::pin::pin;
use heapless::Deque;
use up::Up;

/// Most bytes of a message's payload.
pub const PAYLOAD_BYTES_MAX: usize = 384;

/// What a device says of itself under its status topic; the broker says the other for it.
const ONLINE: &[u8] = b"online";
const OFFLINE: &[u8] = b"offline";

/// A message that was handed to the session.
struct Flight {
    id: u16,
    since_us: u64,
    bytes: usize,
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The transport, the broker or the protocol; the session repeats what is in flight.
    Connection,
    /// The broker refused a message with a reason.
    Refused,
    /// A command asks for a restart.
    Restart,
}

pub(crate) struct Link<'a, P: Platform> {
    pub(crate) shared: &'a Shared<'a, P>,
    pub(crate) connector: &'a mut P::Connector,
    pub(crate) entropy: &'a mut P::Entropy,
    pub(crate) topics: &'a Topics,
    pub(crate) commands: &'a mut Commands,
    /// Which instrument each channel belongs to.
    pub(crate) sensor_of: &'a [u8],
    pub(crate) payload: &'a mut [u8; PAYLOAD_BYTES_MAX],
}

impl<P: Platform> Link<'_, P> {
    /// Keeps the link up until a command asks for a restart.
    pub(crate) async fn run(&mut self, receive: &mut [u8], transmit: &mut [u8]) {
        let mut session = Session::new(receive, transmit);
        let mut flights: Deque<Flight, IN_FLIGHT_MAX> = Deque::new();
        let mut backoff = Backoff::new();
        loop {
            let began_us = self.shared.now();
            let lost = self.connect_and_serve(&mut session, &mut flights).await;
            if lost == Lost::Restart {
                return;
            }
            if self.shared.now() - began_us >= STABLE_US && lost != Lost::Refused {
                backoff.reset();
            }
            let anew = self.shared.anew.take();
            if anew {
                // The broker keeps its side of the session, and the commands that wait there.
                session.forget();
            }
            if lost != Lost::Connection || anew {
                // Which of them is meant isn't known: all come again, and the platform knows
                // those that it has.
                flights.clear();
                self.rewind();
            }
            if lost == Lost::Refused {
                self.shared.journal.borrow_mut().link(LinkEvent::Refused);
            }
            self.pause(&mut backoff).await;
        }
    }

    async fn pause(&mut self, backoff: &mut Backoff) {
        let wait_ms = backoff.wait_ms(self.entropy);
        self.shared
            .journal
            .borrow_mut()
            .link(LinkEvent::Down(wait_ms));
        let until_us = self.shared.now() + u64::from(wait_ms) * 1000;
        self.shared.link_waits(until_us);
        self.shared.clock.sleep_until(until_us).await;
    }

    async fn connect_and_serve(
        &mut self,
        session: &mut Session<'_>,
        flights: &mut Deque<Flight, IN_FLIGHT_MAX>,
    ) -> Lost {
        self.shared.link_waits(self.shared.now());
        let Self {
            shared,
            connector,
            topics,
            commands,
            payload,
            sensor_of,
            ..
        } = self;
        let Some(Ok(stream)) = shared
            .within(CONNECT_TIMEOUT_US, pin!(connector.connect()))
            .await
        else {
            return Lost::Connection;
        };
        if session.begin(&hello(shared, topics)).is_err() {
            // What is in flight leaves no room for a CONNECT: it is put together anew.
            shared.anew.set(true);
            return Lost::Connection;
        }
        let mut up = Up {
            shared,
            topics,
            commands,
            payload,
            flights,
            session,
            stream,
            since_us: shared.now(),
            announced: false,
            answering: None,
            sensor_of,
            room: PAYLOAD_BYTES_MAX,
            draining: false,
            leaving: false,
        };
        match up.serve().await {
            Ok(never) => match never {},
            Err(lost) => lost,
        }
    }

    fn rewind(&self) {
        let mut store = self.shared.store.borrow_mut();
        if store.rewind().is_ok() {
            note_unsent(self.shared, &store);
        }
    }
}

fn hello<'h, P: Platform>(shared: &Shared<'h, P>, topics: &'h Topics) -> Hello<'h> {
    Hello {
        client_id: shared.config.device,
        credentials: shared.config.credentials,
        keep_alive_s: shared.config.keep_alive_s,
        session_expiry_s: SESSION_EXPIRY_S,
        will_topic: &topics.status,
        will: OFFLINE,
    }
}

fn note_unsent<P: Platform>(shared: &Shared<'_, P>, store: &Store<P::Flash>) {
    shared
        .unsent_since
        .set((store.unsent() > 0).then(|| shared.now()));
}
