//! MQTT in binary WebSocket messages as a byte stream (MQTT 5 section 6).

mod frames;
mod stream;

pub(crate) use stream::ByteStream;

use crate::identity::Pages;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        Error,
        error::ProtocolError,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode},
        protocol::WebSocketConfig,
    },
};

const PATH: &str = "/mqtt";
const PROTOCOL: &str = "mqtt";

/// Does the HTTP side of the handshake: path `/mqtt`, subprotocol `mqtt`.
pub(crate) async fn open<S>(mut stream: S, pages: &dyn Pages) -> Result<ByteStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // The handshake alone is the library's: its frames are put together in buffers of the length
    // that a client claims.
    let limits = WebSocketConfig::default().read_buffer_size(0);
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let agree = |request: &Request, response| match may_connect(request, pages) {
        true => agree(request, response),
        false => Err(refuse(
            StatusCode::FORBIDDEN,
            "a page of another origin, and its host name is not in the setting http.hosts",
        )),
    };
    match accept_hdr_async_with_config(&mut stream, agree, Some(limits)).await {
        Ok(_) => Ok(ByteStream::new(stream)),
        Err(error) => {
            if let Some(answer) = unsaid(&error) {
                stream.write_all(answer).await?;
                stream.shutdown().await?;
            }
            Err(error)
        }
    }
}

/// What the library leaves unsaid to whoever can't have a WebSocket (RFC 6455 section 4.2.2).
fn unsaid(error: &Error) -> Option<&'static [u8]> {
    match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => Some(
            b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nConnection: close\r\n\
              Content-Length: 0\r\n\r\n",
        ),
        Error::Protocol(_) | Error::HttpFormat(_) => {
            Some(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        _ => None,
    }
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
