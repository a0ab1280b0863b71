//! A TCP connection whose writing side can be lent.

use crate::connection::ClientStream;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{
    TcpStream,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Tcp {
    read: OwnedReadHalf,
    /// None while it is lent.
    write: Option<OwnedWriteHalf>,
}

impl From<TcpStream> for Tcp {
    fn from(stream: TcpStream) -> Self {
        let (read, write) = stream.into_split();
        Self {
            read,
            write: Some(write),
        }
    }
}

impl Drop for Tcp {
    /// Whoever wants the client to read the end has shut it down before; of a connection that the
    /// client has left there is nothing to shut down, and closing both halves is one call.
    fn drop(&mut self) {
        if let Some(write) = self.write.take() {
            write.forget();
        }
    }
}

impl Tcp {
    fn write(&mut self) -> io::Result<Pin<&mut OwnedWriteHalf>> {
        self.write
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::ResourceBusy.into())
    }
}

impl ClientStream for Tcp {
    fn lend(&mut self) -> Option<OwnedWriteHalf> {
        self.write.take()
    }

    fn take_back(&mut self, write: OwnedWriteHalf) {
        self.write = Some(write);
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write()?.poll_shutdown(cx)
    }
}
