//! One client's connection, from CONNECT to its end.

mod acks;
mod allowance;
mod append;
mod entrance;
mod exactly_once;
mod first_packet;
mod handshake;
mod lent;
mod publish;
mod requests;
mod retained;
mod scratch;
mod subscribe;
mod turn;
mod unknown;

pub(crate) use unknown::Unknown;

pub(crate) use lent::{ClientStream, Lent};

use crate::codec::{Disconnect, Explained, Packet, Reason, Version};
use crate::core::Core;
use crate::fanout::Source;
use crate::identity::Principal;
use crate::link::Link;
use crate::retained::Promises;
use crate::session::durable::KeptWill;
use crate::session::{Entrance, Session, Share, StoredWill};
use acks::Acks;
use allowance::Allowance;
use exactly_once::Changes;
use first_packet::refuse;
use nhip_log::{Batch, Committed};
use retained::RetainedDue;
use std::{
    collections::VecDeque, future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, time::Duration,
};
use tokio::io::AsyncWriteExt;

/// Time that a client gets to take its last packets.
const FAREWELL: Duration = Duration::from_secs(1);
/// Time that acknowledgements get to become due when the broker shuts down.
const LAST_ACKS: Duration = Duration::from_secs(3);

/// Serves a client over any byte stream, until either side ends it.
pub(crate) async fn run<S>(core: Arc<Core>, mut io: S, peer: SocketAddr)
where
    S: ClientStream,
{
    let timeout = Duration::from_secs(core.config.connect_timeout_s);
    let mut stopping = core.stopping.subscribe();
    // Boxed, as all that is rare here: an idle connection has no room for it in its task.
    let handshake = Box::pin(handshake::admit(&core, &mut io, peer));
    let admitted = tokio::select! {
        biased;
        admitted = tokio::time::timeout(timeout, handshake) => admitted,
        _ = stopping.wait_for(|stopping| *stopping) => return,
    };
    match admitted {
        Ok(Some(admitted)) => {
            core.metrics.connections.inc();
            // A future would have room for it twice.
            let connection = Box::new(Connection::new(Arc::clone(&core), io, peer, *admitted));
            connection.run().await;
            core.metrics.connections.dec();
        }
        Ok(None) => {}
        Err(_) => {
            core.metrics
                .disconnects
                .with_label_values(&["connect_timeout"])
                .inc();
            let reason = "it did not connect in time (mqtt.connect_timeout_s)";
            core.notices.refused(peer, "", &reason);
        }
    }
}

/// A client that was let in.
pub(crate) struct Admitted {
    link: Arc<Link>,
    session: Arc<Session>,
    principal: Arc<Principal>,
    version: Version,
    will: Option<Box<StoredWill>>,
    expiry_s: u32,
    /// What came behind CONNECT.
    input: Vec<u8>,
    /// CONNACK.
    out: Vec<u8>,
    explained: Explained,
    entrance: Entrance,
    /// The will of the session that this one ended.
    ended_will: Option<KeptWill>,
}

pub(crate) struct Connection<S> {
    core: Arc<Core>,
    io: S,
    peer: SocketAddr,
    link: Arc<Link>,
    listener: Arc<dyn Committed>,
    session: Arc<Session>,
    principal: Arc<Principal>,
    version: Version,
    will: Option<Box<StoredWill>>,
    expiry_s: u32,
    /// A packet that isn't whole yet, or packets that must wait.
    input: Vec<u8>,
    /// Whether `input` may hold whole packets.
    input_waits: bool,
    out: Vec<u8>,
    /// How much of `out` the socket has taken.
    out_taken: usize,
    /// How much of `out` are messages, in front of answers.
    out_messages: usize,
    out_share: Share,
    /// Lent, with the writing side of `io`, while [`Self::lends`].
    acks: Acks,
    lends: bool,
    explained: Explained,
    allowance: Allowance,
    /// Whether the log knows of the session.
    durable: bool,
    /// What changes the session when the log has taken it.
    changes: Changes,
    entrance: Entrance,
    ended_will: Option<KeptWill>,
    /// Publishes that the log had no room for.
    stalled: Option<Box<Batch>>,
    aliases: Vec<Box<str>>,
    /// Whether what is to be appended has a retained message.
    retains: bool,
    /// Room for those of them that clients published.
    promises: Option<Box<Promises>>,
    /// Retained messages that new subscriptions are still to get.
    retained_due: VecDeque<RetainedDue>,
    /// Of its messages that aren't logged.
    source: Option<Arc<Source>>,
}

/// Why polling a connection stopped.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It is over.
    End(End),
    /// The body of a SUBSCRIBE is to be served.
    Subscribe(Vec<u8>),
    /// The body of an UNSUBSCRIBE is to be served.
    Unsubscribe(Vec<u8>),
    /// The log has no room for `stalled`.
    Full,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client said goodbye; `will` if it wants its will published all the same.
    Goodbye { will: bool },
    /// The client is gone.
    Lost,
    /// We end it for this reason.
    Closed(Reason),
    /// The log takes nothing more, so nothing more can be acknowledged.
    LogFailed,
}

impl<S: ClientStream> Connection<S> {
    fn new(core: Arc<Core>, io: S, peer: SocketAddr, admitted: Admitted) -> Self {
        let link = admitted.link;
        let durable = admitted.session.state.lock().durable.is_some();
        let config = &core.config;
        let allowance = Allowance::new(
            config.publishes_per_s_max,
            config.received_bytes_per_s_max,
            core.tick(),
        );
        let out_share = Share::of(&core.outgoing);
        Self {
            core,
            io,
            peer,
            listener: Arc::clone(&link) as Arc<dyn Committed>,
            link,
            session: admitted.session,
            principal: admitted.principal,
            version: admitted.version,
            will: admitted.will,
            expiry_s: admitted.expiry_s,
            input_waits: !admitted.input.is_empty(),
            input: admitted.input,
            out: admitted.out,
            out_taken: 0,
            out_messages: 0,
            out_share,
            acks: Acks::default(),
            lends: false,
            explained: admitted.explained,
            allowance,
            durable,
            changes: Changes::default(),
            entrance: admitted.entrance,
            ended_will: admitted.ended_will,
            stalled: None,
            aliases: Vec::new(),
            retains: false,
            promises: None,
            retained_due: VecDeque::new(),
            source: None,
        }
    }

    async fn run(mut self: Box<Self>) {
        let time = Duration::from_secs(self.core.config.connect_timeout_s);
        let entered = tokio::time::timeout(time, Box::pin(self.enter())).await;
        if let Some(end) = match entered {
            Ok(Ok(())) => None,
            // It has no CONNACK, so there is nothing to say.
            Ok(Err(end)) => Some(end),
            Err(_) => Some(Box::pin(self.refuse_entrance()).await),
        } {
            return Box::pin(self.depart(end)).await;
        }
        let end = loop {
            match poll_fn(|cx| self.poll_turn(cx)).await {
                Turn::End(end) => break end,
                Turn::Subscribe(body) => {
                    if let Err(end) = Box::pin(self.subscribe(&body)).await {
                        break end;
                    }
                }
                Turn::Unsubscribe(body) => {
                    if let Err(end) = Box::pin(self.unsubscribe(&body)).await {
                        break end;
                    }
                }
                Turn::Full => {
                    if let Err(end) = Box::pin(self.wait_for_room()).await {
                        break end;
                    }
                }
            }
        };
        // What the log has no part of by now never comes there.
        self.promises = None;
        Box::pin(self.say_goodbye(end)).await;
        Box::pin(self.depart(end)).await;
    }

    /// The log has no room for the session of a client that was to be let in, and which hasn't
    /// heard of it yet.
    async fn refuse_entrance(&mut self) -> End {
        let reason = Reason::SERVER_UNAVAILABLE;
        let core = &self.core;
        core.metrics.refuse(reason);
        let client = &self.session.client;
        core.notices
            .refused(self.peer, client, &"the log has no room for its session");
        refuse(&mut self.io, self.version, reason, self.explained).await;
        End::Closed(reason)
    }

    /// The client isn't read while the log is full, and still gets what is for it.
    async fn wait_for_room(&mut self) -> Result<(), End> {
        self.link.hold_back();
        while self.stalled.is_some() {
            let log = Arc::clone(&self.core.log);
            let mut room = log.room();
            let turn = poll_fn(|cx| match room.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => self.poll_without_reading(cx).map(Some),
            });
            if let Some(end) = turn.await {
                return Err(end);
            }
            self.append_stalled()?;
        }
        Ok(())
    }

    async fn say_goodbye(&mut self, end: End) {
        let reason = match end {
            End::Closed(reason) => reason,
            // 0x88 is for CONNACK alone.
            End::LogFailed => Reason::SERVER_BUSY,
            End::Goodbye { .. } | End::Lost => return,
        };
        self.core
            .metrics
            .disconnects
            .with_label_values(&[reason.name()])
            .inc();
        let client = &self.session.client;
        self.core.notices.cut(self.peer, client, reason);
        if reason == Reason::SERVER_SHUTTING_DOWN {
            let acks = poll_fn(|cx| match self.acks.is_empty() {
                true => Poll::Ready(()),
                false => self.poll_last_acks(cx),
            });
            let _ = tokio::time::timeout(LAST_ACKS, acks).await;
        }
        if self.version == Version::V5 {
            let words = self.explained.words(reason);
            let properties = words.list();
            Packet::Disconnect(Disconnect { reason, properties })
                .write(self.version, &mut self.out);
        }
        let _ = tokio::time::timeout(FAREWELL, async {
            self.io.write_all(&self.out[self.out_taken..]).await?;
            self.io.shutdown().await
        })
        .await;
    }
}
