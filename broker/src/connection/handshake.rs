//! CONNECT and its answer.

use super::Admitted;
use super::first_packet::{read_connect, refuse, refuse_unread};
use crate::codec::{
    Connack, Connect, Explained, Packet, Property, PropertyList, Reason, Version, valid_topic,
};
use crate::core::Core;
use crate::identity::{Login, Principal};
use crate::link::Link;
use crate::session::{Attach, Attached, Limits, Refusal, StoredWill};
use std::{
    hash::{BuildHasher, Hasher},
    net::SocketAddr,
    sync::Arc,
    sync::atomic::Ordering,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// Before the client id: the topics for answers to a client that asks for Response Information.
const RESPONSES: &str = "responses/";

/// Reads CONNECT and prepares its answer. `None` when the client isn't let in, which it has then been
/// told as far as its version has words for it.
pub(crate) async fn admit<S>(
    core: &Arc<Core>,
    io: &mut S,
    peer: SocketAddr,
) -> Option<Box<Admitted>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut input = Vec::new();
    let mut held = core.unknown.client();
    let frame = match read_connect(core, io, peer, &mut input, &mut held).await? {
        Ok(frame) => frame,
        Err(error) => {
            refuse_unread(core, io, peer, error, &input).await;
            return None;
        }
    };
    let rest = input.split_off(frame.bytes());
    let packet = Packet::read(Version::V5, frame, &input[frame.header_bytes..]);
    let connect = match packet {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return None,
        Err(error) => {
            refuse_unread(core, io, peer, error, &input).await;
            return None;
        }
    };
    let client = connect.client_id;
    match Handshake::new(core, connect, peer).admit().await {
        Ok(mut admitted) => {
            admitted.input = rest;
            Some(admitted)
        }
        Err(reason) => {
            core.notices.refused(peer, client, &reason.name());
            core.metrics.refuse(reason);
            let explained = Explained::asked_by(&connect);
            refuse(io, connect.version, reason, explained).await;
            None
        }
    }
}

struct Handshake<'a> {
    core: &'a Arc<Core>,
    connect: Connect<'a>,
    peer: SocketAddr,
    expiry_s: u32,
    limits: Limits,
    answer: PropertyList,
    wants_responses: bool,
    wants_reasons: bool,
}

impl<'a> Handshake<'a> {
    fn new(core: &'a Arc<Core>, connect: Connect<'a>, peer: SocketAddr) -> Self {
        let config = &core.config;
        let limits = Limits {
            ready_bytes_max: config.outgoing_bytes_max,
            queue_max: config.session_queue_max,
            queue_bytes_max: config.session_queue_bytes_max,
            inflight_max: config.inflight_max,
            packet_bytes_max: usize::MAX,
            topic_alias_max: 0,
        };
        Self {
            core,
            connect,
            peer,
            expiry_s: 0,
            limits,
            answer: PropertyList::default(),
            wants_responses: false,
            wants_reasons: false,
        }
    }

    async fn admit(mut self) -> Result<Box<Admitted>, Reason> {
        let core = self.core;
        let client = self.client_id()?;
        self.read_properties()?;
        let login = Login {
            client_id: &client,
            username: self.connect.username,
            password: self.connect.password,
            peer: self.peer,
        };
        let principal = Arc::new(core.authenticator.authenticate(login).await?);
        let will = match self.connect.will {
            Some(will) => {
                core.judge(&principal, will.topic)?;
                let stored = StoredWill::new(&client, self.connect.version, will);
                Some(Box::new(stored))
            }
            None => None,
        };
        let link = Arc::new(Link::new(core.tick()));
        self.keep_alive(&link);
        self.offer(&client);
        // Whether there was a session doesn't change its length (MQTT-3.1.2-24).
        if self.connack(false).len() > self.limits.packet_bytes_max {
            return Err(Reason::PACKET_TOO_LARGE);
        }
        // From then on nothing is awaited: whoever has a session has a connection to leave it.
        let attached = self.attach(&client, &principal, &link).await?;
        if attached.trimmed {
            core.metrics.sessions_trimmed.inc();
            core.notices.trimmed(&client);
        }
        let (version, expiry_s) = (self.connect.version, self.expiry_s);
        let explained = match self.wants_reasons {
            true => Explained::up_to(self.limits.packet_bytes_max),
            false => Explained::NOT,
        };
        let admitted = Admitted {
            out: self.connack(attached.present),
            explained,
            entrance: attached.entrance,
            ended_will: attached.will,
            link,
            session: attached.session,
            principal,
            version,
            will,
            expiry_s,
            input: Vec::new(),
        };
        Ok(Box::new(admitted))
    }

    async fn attach(
        &self,
        client: &Arc<str>,
        principal: &Arc<Principal>,
        link: &Arc<Link>,
    ) -> Result<Attached, Reason> {
        let core = self.core;
        // What the last process left is folded first. It fails only without a broker.
        let _ = core.settled.subscribe().wait_for(|settled| *settled).await;
        loop {
            let attached = core.sessions.attach(Attach {
                client: Arc::clone(client),
                clean_start: self.connect.clean_start,
                // A will must outlive a crash even if its session doesn't (MQTT-3.1.2-8).
                durable: self.expiry_s > 0 || self.connect.will.is_some(),
                version: self.connect.version,
                limits: self.limits,
                principal: Arc::clone(principal),
                link: Arc::clone(link),
                now_us: core.session_us(),
                log_start: core.log.state().start.0,
                position: core.progress.position(),
            });
            match attached {
                Ok(attached) => return Ok(attached),
                Err(Refusal::Because(reason)) => return Err(reason),
                Err(Refusal::Wait(end)) => core.progress.reach_in_time(end).await,
            }
        }
    }

    fn client_id(&mut self) -> Result<Arc<str>, Reason> {
        let asked = self.connect.client_id;
        if asked.len() > self.core.config.client_id_bytes_max {
            return Err(Reason::CLIENT_IDENTIFIER_NOT_VALID);
        }
        if !asked.is_empty() {
            return Ok(asked.into());
        }
        let random = || std::hash::RandomState::new().build_hasher().finish();
        match (self.connect.version, self.connect.clean_start) {
            // MQTT-3.1.3-8 of 3.1.1: no id and no clean session is refused.
            (Version::V311, false) => Err(Reason::CLIENT_IDENTIFIER_NOT_VALID),
            (version, _) => {
                let assigned = format!("nhip-{:016x}", random());
                if version == Version::V5 {
                    self.answer.push(Property::AssignedClientId(&assigned));
                }
                Ok(assigned.into())
            }
        }
    }

    fn read_properties(&mut self) -> Result<(), Reason> {
        let config = &self.core.config;
        if self.connect.version == Version::V311 {
            if !self.connect.clean_start {
                self.expiry_s = config.session_expiry_max_s;
            }
            return Ok(());
        }
        for property in self.connect.properties.iter() {
            match property {
                Property::SessionExpiry(expiry_s) => {
                    self.expiry_s = expiry_s.min(config.session_expiry_max_s);
                    if self.expiry_s < expiry_s {
                        self.answer.push(Property::SessionExpiry(self.expiry_s));
                    }
                }
                Property::ReceiveMaximum(maximum) => {
                    self.limits.inflight_max = maximum.min(config.inflight_max);
                }
                Property::MaximumPacketSize(bytes) => {
                    self.limits.packet_bytes_max = bytes as usize;
                }
                Property::TopicAliasMaximum(maximum) => {
                    self.limits.topic_alias_max = maximum.min(config.topic_alias_max);
                }
                Property::RequestResponseInformation(asked) => self.wants_responses = asked,
                Property::RequestProblemInformation(asked) => self.wants_reasons = asked,
                Property::AuthenticationMethod(_) => {
                    return Err(Reason::BAD_AUTHENTICATION_METHOD);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn keep_alive(&mut self, link: &Link) {
        let asked = self.connect.keep_alive_s;
        let most = self.core.config.keep_alive_max_s;
        let mut granted = asked;
        let beyond = asked > most || (asked == 0 && most < u16::MAX);
        if beyond && self.connect.version == Version::V5 {
            granted = most;
            self.answer.push(Property::ServerKeepAlive(most));
        }
        let silence_s = (u32::from(granted) * 3).div_ceil(2);
        link.silence_s_max.store(silence_s, Ordering::Relaxed);
    }

    /// What the server tells a client of MQTT 5 about itself.
    fn offer(&mut self, client: &str) {
        if self.connect.version != Version::V5 {
            return;
        }
        let config = &self.core.config;
        let packet = u32::try_from(config.packet_bytes_max).unwrap_or(u32::MAX);
        self.answer
            .push(Property::ReceiveMaximum(config.receive_max))
            .push(Property::MaximumPacketSize(packet))
            .push(Property::TopicAliasMaximum(config.topic_alias_max));
        // A client id that is no topic gives no topics to answer on.
        if self.wants_responses && valid_topic(client) {
            let own = format!("{RESPONSES}{client}");
            self.answer.push(Property::ResponseInformation(&own));
        }
    }

    fn connack(&self, session_present: bool) -> Vec<u8> {
        let connack = Connack {
            session_present,
            code: 0,
            properties: self.answer.list(),
        };
        let mut out = Vec::new();
        Packet::Connack(connack).write(self.connect.version, &mut out);
        out
    }
}
