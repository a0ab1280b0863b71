//! Live readings over WebSocket.

use super::{
    Subscriber,
    carrier::{Carrier, Refused},
    end::End,
    follow::{self, CHUNK_BYTES},
    subscriber::Asked,
};
use crate::{
    fragment::Fragment,
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
    render::{self, Detail},
    server::Peer,
};
use axum::{
    Extension,
    extract::{
        State,
        ws::{
            CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::{Buf, Bytes};
use futures_util::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use nhip_ingest::FeedEvent;
use std::{io::Write, time::Duration};

/// What a client may send in one message, bytes: it has nothing to say.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// How long the reason of a close frame may be, bytes (RFC 6455, section 5.5).
const REASON_BYTES_MAX: usize = 123;

/// Live readings over WebSocket.
///
/// Each message is one reading as of `/api/v1/live`, a JSON object, with its `id` in it;
/// `after` resumes. A client that reads too slowly is closed with code 1013 and the reason.
#[utoipa::path(get, path = "/api/v1/live/ws", tag = "live", params(LiveParams), responses(
    (status = 101, description = "The stream."),
    (status = 400, description = "A parameter can't be taken.", body = Problem),
    (status = 410, description = "What followed the id is only in the history now.",
        body = Problem),
    (status = 426, description = "The request does not open a WebSocket.", body = Problem),
    (status = 503, description = "There are as many subscribers as may be.", body = Problem)))]
pub(crate) async fn live_ws(
    State(app): State<App>,
    params: Params<LiveParams>,
    uri: Uri,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(upgrade_required(&rejection)),
    };
    let asked = Asked {
        stream: "websocket",
        uri: &uri,
        headers: &headers,
        peer: peer.map(|peer| peer.0),
    };
    let subscriber = Subscriber::open(app, &params, asked)?;
    let patience = subscriber.patience();
    Ok(upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .write_buffer_size(CHUNK_BYTES)
        .max_write_buffer_size(subscriber.app.parts.config.live_queue_bytes_max + 2 * CHUNK_BYTES)
        .on_upgrade(move |socket| follow::run(subscriber, Socket::new(socket, patience))))
}

/// The answer to a request that does not open a WebSocket (RFC 9110, section 15.5.22).
fn upgrade_required(rejection: &WebSocketUpgradeRejection) -> Response {
    let detail = format!(
        "a WebSocket is opened here ({}); /api/v1/live has the same as server-sent events",
        rejection.body_text()
    );
    let headers = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
    ];
    (headers, Problem::new(StatusCode::UPGRADE_REQUIRED, detail)).into_response()
}

/// A WebSocket. A chunk is readings with a line end behind each, and each is one message.
struct Socket {
    sender: SplitSink<WebSocket, Message>,
    receiver: SplitStream<WebSocket>,
    patience: Duration,
}

impl Socket {
    fn new(socket: WebSocket, patience: Duration) -> Self {
        let (sender, receiver) = socket.split();
        Self {
            sender,
            receiver,
            patience,
        }
    }

    /// Each line of a chunk as a message, all of them on their way when it returns.
    async fn pass_lines(&mut self, chunk: Bytes) -> Result<(), axum::Error> {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end);
            rest.advance(1);
            // It is written from texts.
            if let Ok(text) = Utf8Bytes::try_from(line) {
                self.sender.feed(Message::Text(text)).await?;
            }
        }
        self.sender.flush().await
    }

    async fn pass(&mut self, message: Message) -> Result<(), Refused> {
        match tokio::time::timeout(self.patience, self.sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Refused::Closed),
            Err(_) => Err(Refused::Full),
        }
    }
}

impl Carrier for Socket {
    fn write(&self, chunk: &mut Vec<u8>, event: &FeedEvent, fragment: &Fragment) {
        render::json(chunk, fragment, &event.observation, Detail::Full);
        chunk.pop();
        // Writing to memory can't fail.
        let _ = writeln!(chunk, ",\"id\":\"{}\"}}", event.cursor);
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), Refused> {
        match tokio::time::timeout(self.patience, self.pass_lines(chunk)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Refused::Closed),
            Err(_) => Err(Refused::Full),
        }
    }

    async fn beat(&mut self) -> Result<(), Refused> {
        self.pass(Message::Ping(Bytes::new())).await
    }

    /// What a client sends is not for us, but for its pings.
    async fn left(&mut self) {
        while let Some(Ok(message)) = self.receiver.next().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    }

    /// Behind the message that was begun. It is given up when the connection takes nothing
    /// for `write_timeout_s`.
    async fn end(mut self, end: End) {
        let code = match end {
            End::Left => 1000,
            End::Shutdown => 1001,
            End::TooSlow => 1013,
            End::Feed(_) => 1011,
        };
        let mut reason = end.reason();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let reason = Utf8Bytes::from(reason);
        let close = Message::Close(Some(CloseFrame { code, reason }));
        if self.sender.send(close).await.is_ok() {
            // Closed before the other side has answered, what it did not read yet may be lost.
            let _ = tokio::time::timeout(self.patience, self.left()).await;
        }
    }
}
