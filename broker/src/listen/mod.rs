//! Doors: what accepts connections and hands them on as byte streams.

mod addresses;
mod tcp;
mod websocket;

pub(crate) use addresses::Addresses;

use crate::Broker;
use crate::codec::Reason;
use crate::connection::{self, ClientStream};
use crate::core::Core;
use addresses::Place;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tcp::Tcp;
use tokio::io::{AsyncRead, AsyncWrite, Join, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that wait to be accepted, as far as the system allows it (Linux: `somaxconn`, 4,096):
/// one more is dropped in silence and tries again after a second, so when all clients come back at
/// once it is worth to have them here.
const BACKLOG: u32 = 16_384;

/// How bytes of MQTT come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    WebSocket,
}

/// One bound address. TLS will be one more [`Transport`]: everything behind it is generic
/// over the byte stream.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) transport: Transport,
}

impl Door {
    pub(crate) fn bind(address: SocketAddr, transport: Transport) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A port whose last connections aren't forgotten yet can be listened on again.
        socket.set_reuseaddr(true)?;
        // Each connection has it from here. Without it the last small write of a burst waits for
        // the client's delayed ACK.
        socket.set_nodelay(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            listener,
            transport,
        })
    }

    /// Accepts until the broker stops. Each connection has a task of its own from its first
    /// byte on, so a slow handshake holds up nobody.
    pub(crate) async fn serve(
        self,
        core: Arc<Core>,
        room: Arc<Semaphore>,
        addresses: Arc<Addresses>,
    ) {
        let mut stopping = core.stopping.subscribe();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let Some(admission) = admit(&core, &room, &addresses, peer) else {
                continue;
            };
            let core = Arc::clone(&core);
            let transport = self.transport;
            tokio::spawn(async move {
                serve(core, stream, peer, transport).await;
                drop(admission);
            });
        }
    }
}

/// What a connection holds while it lasts.
type Admission = (OwnedSemaphorePermit, Place);

/// Lets a connection in if there is room for one more, and for one more of its address.
fn admit(
    core: &Core,
    room: &Arc<Semaphore>,
    addresses: &Arc<Addresses>,
    peer: SocketAddr,
) -> Option<Admission> {
    let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
        core.metrics.refuse(Reason::SERVER_BUSY);
        let reason = "as many are connected as may be (mqtt.connections_max)";
        core.notices.refused(peer, "", &reason);
        return None;
    };
    let most = core.config.connections_per_address_max;
    let Some(place) = addresses.take(peer.ip(), most) else {
        core.metrics.refuse(Reason::QUOTA_EXCEEDED);
        let reason =
            "as many of its address are connected as may be (mqtt.connections_per_address_max)";
        core.notices.refused(peer, "", &reason);
        return None;
    };
    Some((permit, place))
}

impl Broker {
    /// Serves a client that was accepted elsewhere, over any stream of bytes, until either side
    /// ends it. It counts against the same bounds as those that were accepted here.
    pub fn attend<S>(&self, io: S, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let core = Arc::clone(&self.core);
        let admission = admit(&core, &self.room, &self.by_address, peer);
        async move {
            if let Some(admission) = admission {
                let (read, write) = tokio::io::split(io);
                connection::run(core, tokio::io::join(read, write), peer).await;
                drop(admission);
            }
        }
    }
}

/// A stream that was accepted elsewhere lends nothing.
impl<S> ClientStream for Join<ReadHalf<S>, WriteHalf<S>> where
    S: AsyncRead + AsyncWrite + Unpin + Send
{
}

async fn serve(core: Arc<Core>, stream: TcpStream, peer: SocketAddr, transport: Transport) {
    match transport {
        Transport::Tcp => connection::run(core, Tcp::from(stream), peer).await,
        Transport::WebSocket => {
            let timeout = Duration::from_secs(core.config.connect_timeout_s);
            let mut stopping = core.stopping.subscribe();
            let handshake = Box::pin(websocket::open(stream, &*core.pages));
            let opened = tokio::select! {
                opened = tokio::time::timeout(timeout, handshake) => opened,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match opened {
                Ok(Ok(stream)) => Box::pin(connection::run(core, stream, peer)).await,
                Ok(Err(error)) => {
                    core.metrics.refuse(Reason::PROTOCOL_ERROR);
                    tracing::debug!(%peer, %error, "no WebSocket handshake");
                }
                Err(_) => core.metrics.refuse(Reason::SERVER_BUSY),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of the task of one connection.
    const TASK_BYTES_MAX: usize = 1024;

    fn future_bytes<A, B, C, D, F: Future>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[tokio::test]
    async fn a_connection_keeps_no_small_write_back() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let door = Door::bind(any, Transport::Tcp).unwrap();
        let address = door.listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), door.listener.accept());
        assert!(accepted.unwrap().0.nodelay().unwrap());
        drop(client);
    }

    #[test]
    fn a_connection_is_a_small_task() {
        let bytes = future_bytes(serve);
        assert!(bytes <= TASK_BYTES_MAX, "{bytes} B");
    }
}
