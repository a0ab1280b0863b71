//! The bytes in a WebSocket's messages, as a stream.

use super::frames::{Asked, CLOSE, Frames, PONG, push_binary, push_header};
use crate::connection::ClientStream;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// See the module. It holds bytes only while the socket doesn't take them.
pub(crate) struct ByteStream<S> {
    inner: S,
    frames: Frames,
    /// Whole frames on their way out.
    out: Vec<u8>,
    out_taken: usize,
    /// The control frame that goes behind them: the newest answer is enough.
    answer: Vec<u8>,
    /// Whether nothing more is read.
    is_closed: bool,
    /// Whether nothing more is written.
    said_close: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream<S> {
    /// `inner` is behind the handshake.
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            frames: Frames::default(),
            out: Vec::new(),
            out_taken: 0,
            answer: Vec::new(),
            is_closed: false,
            said_close: false,
        }
    }

    /// Takes what came into `bytes`; how many of them are payload.
    fn take(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let taken = self.frames.take(bytes);
        let asked = self.frames.asked();
        self.is_closed = taken.is_err() || asked == Some(Asked::Close);
        match (&taken, asked) {
            (Err(violation), _) => self.say_close(violation.code()),
            (Ok(_), Some(Asked::Close)) => self.say_close(1000),
            (Ok(_), Some(Asked::Pong(body))) if !self.said_close => {
                self.answer.clear();
                push_header(PONG, body.len(), &mut self.answer);
                self.answer.extend_from_slice(&body);
            }
            _ => {}
        }
        taken.map_err(|violation| io::Error::new(io::ErrorKind::InvalidData, violation))
    }

    fn say_close(&mut self, code: u16) {
        if !self.said_close {
            self.said_close = true;
            self.answer.clear();
            push_header(CLOSE, 2, &mut self.answer);
            self.answer.extend(code.to_be_bytes());
        }
    }

    /// Writes what is on its way out; ready when nothing is.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.out_taken == self.out.len() {
                self.out = std::mem::take(&mut self.answer);
                self.out_taken = 0;
                if self.out.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            let left = &self.out[self.out_taken..];
            match ready!(Pin::new(&mut self.inner).poll_write(cx, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.out_taken += taken,
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_closed && buffer.remaining() > 0 {
            let room = buffer.initialize_unfilled();
            let mut raw = ReadBuf::new(room);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut raw))?;
            let read = raw.filled().len();
            if read == 0 {
                break;
            }
            let taken = self.take(&mut room[..read]);
            // What the socket doesn't take now goes with the next flush, which tells of errors too.
            let _ = self.poll_out(cx);
            let payload = taken?;
            if payload > 0 {
                buffer.advance(payload);
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ClientStream for ByteStream<S> {}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_out(cx))?;
        if self.said_close {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let this = &mut *self;
        push_binary(bytes, &mut this.out);
        match this.poll_out(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_close(1000);
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
