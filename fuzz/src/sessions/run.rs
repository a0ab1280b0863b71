//! One input played: the clients take their steps, and then all must be well.

use super::client::Client;
use super::said::written;
use super::script::{CLIENTS, Step};
use nhip_broker::Broker;
use nhip_broker::codec::{
    Connect, Filters, Packet, Properties, Publish, Subscribe, SubscribeOptions, Version,
};
use nhip_log::{Step as Commit, SteppedLog};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

/// Bytes on their way to or from a client.
const PIPE_BYTES: usize = 8 << 10;
/// How long the broker may take for anything, on a machine that is busy with all else.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Turns without a rest.
const EAGER: usize = 1_000;
/// Inputs between two times of housekeeping in the log.
const KEEP_EVERY: u64 = 64;
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
/// What scripts may leave a retained message on.
const RETAINED: [&str; 4] = ["a", "a/b", "b/c/d", "đo"];

pub struct Run<'a> {
    broker: &'a Broker,
    log: &'a mut SteppedLog,
    now_us: &'a AtomicI64,
    clients: [Option<Client>; CLIENTS],
    /// Whether the log commits nothing.
    held: bool,
}

impl<'a> Run<'a> {
    pub fn new(broker: &'a Broker, log: &'a mut SteppedLog, now_us: &'a AtomicI64) -> Self {
        Self {
            broker,
            log,
            now_us,
            clients: Default::default(),
            held: false,
        }
    }

    pub async fn take(&mut self, who: usize, step: Step) {
        match step {
            Step::Come(bytes) => self.clients[who] = Some(self.come(&bytes)),
            Step::Drop => self.clients[who] = None,
            Step::Settle => {
                self.held = false;
                self.settle(who).await;
            }
            Step::Hold => self.held = true,
            Step::Commit => self.held = false,
            Step::Wait(seconds) => {
                let us = i64::from(seconds) * 1_000_000;
                self.now_us.fetch_add(us, Ordering::Relaxed);
            }
            step => {
                if let Some(client) = &mut self.clients[who] {
                    match step {
                        Step::Say(bytes) => client.say(&bytes),
                        Step::Answer { which, reason } => client.answer(which, reason),
                        Step::Deafen => client.deaf = true,
                        _ => client.deaf = false,
                    }
                }
            }
        }
        self.turn().await;
    }

    fn come(&self, bytes: &[u8]) -> Client {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(self.broker.attend(far, PEER));
        let mut client = Client::new(near);
        client.say(bytes);
        client
    }

    /// Everybody does what there is to do now.
    async fn turn(&mut self) {
        while !self.held && self.log.commit() == Commit::Committed {}
        for client in self.clients.iter_mut().flatten() {
            client.turn();
        }
        for _ in 0..CLIENTS {
            tokio::task::yield_now().await;
        }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        for turn in 0_usize.. {
            self.turn().await;
            if done(self) {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: not in time");
            if turn > EAGER {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    async fn settle(&mut self, who: usize) {
        if let Some(client) = &mut self.clients[who] {
            client.deaf = false;
            client.ping();
            let settled = |run: &Self| run.clients[who].as_ref().is_none_or(Client::is_settled);
            self.until("an answer, or the end of a connection", settled)
                .await;
        }
    }

    /// Everybody gets what is due, and somebody new is served; says whether anybody stayed.
    pub async fn finish(&mut self, run: u64) -> bool {
        self.held = false;
        for who in 0..CLIENTS {
            self.settle(who).await;
        }
        let stayed = self.clients.iter().flatten().any(|client| !client.ended);
        let retains = self
            .clients
            .iter()
            .flatten()
            .any(|client| client.said.retains);
        self.clients = Default::default();
        self.witness(run, retains).await;
        if run.is_multiple_of(KEEP_EVERY) {
            self.log.keep(0, true);
        }
        stayed
    }

    async fn witness(&mut self, run: u64, clears: bool) {
        self.clients[0] = Some(self.come(&newcomer(run, clears)));
        let served = |run: &Self| {
            let client = run.clients[0].as_ref();
            client.is_some_and(|client| client.is_settled() && client.watch.messages == 1)
        };
        self.until("service for somebody new", served).await;
        self.clients[0] = None;
    }
}

/// What somebody new says: it subscribes to its own message, and first removes the retained
/// ones if it `clears`.
fn newcomer(run: u64, clears: bool) -> Vec<u8> {
    let connect = Connect {
        version: Version::V311,
        clean_start: true,
        keep_alive_s: 0,
        client_id: &format!("w{run}"),
        will: None,
        username: None,
        password: None,
        properties: Properties::EMPTY,
    };
    let asked = SubscribeOptions {
        qos: 1,
        ..SubscribeOptions::default()
    };
    let mut buffer = Vec::new();
    let subscribe = Subscribe {
        packet_id: 1,
        properties: Properties::EMPTY,
        filters: Filters::of([("w", asked)], true, Version::V311, &mut buffer),
    };
    let publish = |qos, topic| {
        Packet::Publish(Publish {
            dup: false,
            qos,
            retain: qos == 0,
            topic,
            packet_id: u16::from(qos),
            properties: Properties::EMPTY,
            payload: if qos == 0 { b"" } else { b"seen" },
        })
    };
    let cleared = RETAINED.into_iter().filter(|_| clears);
    [Packet::Connect(connect), Packet::Subscribe(subscribe)]
        .into_iter()
        .chain(cleared.map(|topic| publish(0, topic)))
        .chain([publish(1, "w")])
        .flat_map(|packet| written(Version::V311, packet))
        .collect()
}
