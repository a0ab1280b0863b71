//! Connections to the platform's MQTT listener.

use crate::host::Host;
use embassy_net::{Stack, tcp::TcpSocket};
use nhip_node::Connector;

/// Connects by TCP, one connection at a time.
pub struct Tcp<'d> {
    stack: Stack<'d>,
    host: Host,
    receive: &'d mut [u8],
    send: &'d mut [u8],
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpError {
    /// No cable, no radio, or no address yet.
    NoNetwork,
    /// The host's name has no address, or no name server answers.
    UnknownHost,
    /// It didn't answer, or refused.
    NotReached,
}

impl<'d> Tcp<'d> {
    /// To a host, with buffers for what isn't read yet and for what isn't acknowledged yet. A
    /// send buffer below the largest segment keeps the window small and costs round trips only.
    pub fn new(stack: Stack<'d>, host: Host, receive: &'d mut [u8], send: &'d mut [u8]) -> Self {
        Self {
            stack,
            host,
            receive,
            send,
        }
    }
}

impl Connector for Tcp<'_> {
    type Error = TcpError;
    type Stream<'a>
        = TcpSocket<'a>
    where
        Self: 'a;

    async fn connect(&mut self) -> Result<TcpSocket<'_>, TcpError> {
        if !self.stack.is_config_up() {
            return Err(TcpError::NoNetwork);
        }
        let endpoint = self.host.find(self.stack).await;
        let mut socket = TcpSocket::new(self.stack, self.receive, self.send);
        // No time-out of the socket's own: it would also end a connection on which there is
        // nothing to say. The node has one for each thing that it waits for.
        socket
            .connect(endpoint.ok_or(TcpError::UnknownHost)?)
            .await
            .map_err(|_| TcpError::NotReached)?;
        Ok(socket)
    }
}
