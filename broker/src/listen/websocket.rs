//! MQTT in binary WebSocket messages as a byte stream (MQTT 5 section 6).

use crate::{config::Config, connection::ClientStream, identity::Pages};
use futures_util::{Sink, Stream};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Bytes, Error, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode},
        protocol::WebSocketConfig,
    },
};

const PATH: &str = "/mqtt";
const PROTOCOL: &str = "mqtt";

/// Bytes over WebSocket messages; their bounds are of no meaning to MQTT (MQTT-6.0.0-2).
pub(crate) struct ByteStream<S> {
    inner: WebSocketStream<S>,
    unread: Bytes,
}

/// Does the HTTP side of the handshake: path `/mqtt`, subprotocol `mqtt`.
pub(crate) async fn open<S>(
    stream: S,
    config: &Config,
    pages: &dyn Pages,
) -> Result<ByteStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let message = config.packet_bytes_max + 16;
    let limits = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(config.outgoing_bytes_max * 2 + (64 << 10))
        .max_message_size(Some(message))
        .max_frame_size(Some(message));
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let agree = |request: &Request, response| match may_connect(request, pages) {
        true => agree(request, response),
        false => Err(refuse(
            StatusCode::FORBIDDEN,
            "a page of another origin, and its host name is not in the setting http.hosts",
        )),
    };
    let inner = accept_hdr_async_with_config(stream, agree, Some(limits)).await?;
    Ok(ByteStream {
        inner,
        unread: Bytes::new(),
    })
}

#[expect(clippy::result_large_err, reason = "the signature is the library's")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request
        .headers()
        .get_all("sec-websocket-protocol")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == PROTOCOL);
    if request.uri().path() != PATH {
        return Err(refuse(StatusCode::NOT_FOUND, "MQTT is at /mqtt"));
    }
    if !offered {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "the subprotocol must be mqtt",
        ));
    }
    let protocol = HeaderValue::from_static(PROTOCOL);
    response
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    Ok(response)
}

/// Whether the request comes from no page (browsers always say where from), or from one that may.
fn may_connect(request: &Request, pages: &dyn Pages) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::to_str);
    match header("origin") {
        None => true,
        Some(Ok(origin)) => {
            let host = header("host").and_then(Result::ok).unwrap_or_default();
            pages.may_connect(origin, host)
        }
        Some(Err(_)) => false,
    }
}

fn refuse(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_owned()));
    *response.status_mut() = status;
    response
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ClientStream for ByteStream<S> {}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Text(_))) => {
                    // MQTT-6.0.0-1.
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(length));
        if self.unread.is_empty() {
            self.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.inner).poll_ready(cx)).map_err(io::Error::other)?;
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        Pin::new(&mut self.inner)
            .start_send(message)
            .map_err(io::Error::other)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner)
            .poll_flush(cx)
            .map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner)
            .poll_close(cx)
            .map_err(io::Error::other)
    }
}
