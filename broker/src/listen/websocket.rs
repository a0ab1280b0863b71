//! MQTT in binary WebSocket messages as a byte stream (MQTT 5 section 6).

use crate::config::Config;
use futures_util::{Sink, Stream};
use std::{
    io,
    net::IpAddr,
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
pub(crate) async fn open<S>(stream: S, config: &Config) -> Result<ByteStream<S>, Error>
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
    let hosts = config.websocket_hosts.as_deref();
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let agree = |request: &Request, response| match is_of_ours(request, hosts) {
        true => agree(request, response),
        false => Err(refuse(StatusCode::FORBIDDEN, "a page of another origin")),
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

/// Whether the request comes from no page, or from a page of the host that it asks; and that
/// host is an address or one of ours, so that a foreign name can't be pointed here (DNS
/// rebinding).
fn is_of_ours(request: &Request, hosts: Option<&[String]>) -> bool {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let Some(origin) = header("origin") else {
        return true;
    };
    let origin = origin.split_once("://").map_or(origin, |(_, host)| host);
    let (origin, asked) = (name_of(origin), name_of(header("host").unwrap_or_default()));
    let is_address = asked.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_known = match hosts {
        Some(hosts) => hosts.iter().any(|host| host.eq_ignore_ascii_case(asked)),
        None => true,
    };
    origin.eq_ignore_ascii_case(asked) && (is_address || is_known)
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn refuse(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_owned()));
    *response.status_mut() = status;
    response
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(origin: Option<&str>, host: &str, hosts: Option<&[String]>) -> bool {
        let mut request = Request::builder().uri("/mqtt").header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        is_of_ours(&request.body(()).unwrap(), hosts)
    }

    #[test]
    fn pages_of_the_same_host_and_clients_that_are_no_pages_are_let_in() {
        let ours = ["localhost".to_owned()];
        assert!(is_let_in(None, "anything", Some(&ours)));
        assert!(is_let_in(
            Some("http://127.0.0.1:8080"),
            "127.0.0.1:8083",
            Some(&ours)
        ));
        assert!(is_let_in(
            Some("http://[::1]:8080"),
            "[::1]:8083",
            Some(&ours)
        ));
        assert!(is_let_in(
            Some("http://localhost:8080"),
            "LOCALHOST:8083",
            Some(&ours)
        ));
    }

    #[test]
    fn pages_of_other_hosts_and_names_pointed_here_are_refused() {
        let ours = ["localhost".to_owned()];
        assert!(!is_let_in(
            Some("http://evil.example"),
            "127.0.0.1:8083",
            Some(&ours)
        ));
        assert!(!is_let_in(
            Some("http://evil.example"),
            "evil.example:8083",
            Some(&ours)
        ));
        assert!(!is_let_in(Some("null"), "127.0.0.1:8083", Some(&ours)));
        assert!(is_let_in(
            Some("http://city.example"),
            "city.example:8083",
            None
        ));
    }
}
