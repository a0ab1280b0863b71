//! Who a client is and what it may do: asked here, answered by those who compose the broker.

use crate::codec::Reason;
use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc};

/// What a client says of itself when it connects.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// The client id, already the assigned one if it gave none.
    pub client_id: &'a str,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password; never to be logged.
    pub password: Option<&'a [u8]>,
    /// Where it comes from.
    pub peer: SocketAddr,
}

/// A client that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name for rights and logs.
    pub name: Box<str>,
    /// Whether it proved that name.
    pub anonymous: bool,
}

/// The answer to a login, when it comes.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Principal, Reason>> + Send + 'a>>;

/// Lets clients in, or not.
pub trait Authenticator: Send + Sync + 'static {
    /// Who the client is, or the reason code of the refusal. Cut off with the handshake's
    /// time-out.
    fn authenticate<'a>(&'a self, login: Login<'a>) -> Answer<'a>;
}

/// Says what a client may do. Asked for every publish, every filter, and every delivery.
pub trait Access: Send + Sync + 'static {
    /// Whether `principal` may publish to `topic`.
    fn may_publish(&self, principal: &Principal, topic: &str) -> bool;
    /// Whether `principal` may subscribe with `filter`.
    fn may_subscribe(&self, principal: &Principal, filter: &str) -> bool;
    /// Whether `principal` may still read `topic`, asked as a message is about to be sent.
    fn may_read(&self, principal: &Principal, topic: &str) -> bool;
}

/// Says which web pages may connect.
pub trait Pages: Send + Sync + 'static {
    /// Whether the page that the header Origin names may open a WebSocket at `host`, the
    /// header Host (empty without one).
    fn may_connect(&self, origin: &str, host: &str) -> bool;
}

impl<F: Fn(&str, &str) -> bool + Send + Sync + 'static> Pages for F {
    fn may_connect(&self, origin: &str, host: &str) -> bool {
        self(origin, host)
    }
}

/// What the platform does with a topic of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It carries readings: logged with every QoS.
    Readings,
    /// It carries a device's status: logged with every QoS.
    Status,
    /// Ordinary MQTT between clients.
    None,
    /// It can't be right, and publishing to it is refused with this code.
    Refuse(Reason),
}

/// Says which topics the platform claims.
pub trait Claims: Send + Sync + 'static {
    /// What `topic` is. Asked for every publish, so it must be cheap.
    fn claim(&self, topic: &str) -> Claim;
}

impl<F: Fn(&str) -> Claim + Send + Sync + 'static> Claims for F {
    fn claim(&self, topic: &str) -> Claim {
        self(topic)
    }
}

/// `security.anonymous`: lets clients without a credential in by where they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Those on the loopback address, and nobody else.
    #[default]
    Loopback,
    /// Nobody.
    Off,
}

impl Authenticator for Anonymous {
    fn authenticate<'a>(&'a self, login: Login<'a>) -> Answer<'a> {
        let inside = *self == Self::Loopback && login.peer.ip().to_canonical().is_loopback();
        let answer = match inside {
            true => Ok(Principal {
                name: login.client_id.into(),
                anonymous: true,
            }),
            false => Err(Reason::NOT_AUTHORIZED),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// Everybody who was let in may do everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAccess;

impl Access for OpenAccess {
    fn may_publish(&self, _: &Principal, _: &str) -> bool {
        true
    }

    fn may_subscribe(&self, _: &Principal, _: &str) -> bool {
        true
    }

    fn may_read(&self, _: &Principal, _: &str) -> bool {
        true
    }
}

/// Wall time, µs since 1970 UTC.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
