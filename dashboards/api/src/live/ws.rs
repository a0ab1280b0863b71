//! Live readings over WebSocket.

use super::{CHUNK_BYTES, End, Subscriber, log_end};
use crate::{
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
    render::{self, Detail},
    server::Connection,
};
use axum::{
    Extension,
    extract::{
        State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::HeaderMap,
    response::Response,
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use nhip_ingest::FeedBatch;
use std::{io::Write, time::Duration};

/// What a client may send in one message, bytes: it has nothing to say.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Live readings over WebSocket.
///
/// Each message is a JSON array of readings as of `/api/v1/live`, each with its `id` beside
/// it; `after` resumes. A client that reads too slowly is closed with code 1013 and the reason.
#[utoipa::path(get, path = "/api/v1/live/ws", tag = "live", params(LiveParams), responses(
    (status = 101, description = "The stream."),
    (status = 400, description = "A parameter can't be taken.", body = Problem),
    (status = 410, description = "What followed the id is only in the history now.",
        body = Problem),
    (status = 503, description = "There are as many subscribers as may be.", body = Problem)))]
pub(crate) async fn live_ws(
    State(app): State<App>,
    params: Params<LiveParams>,
    headers: HeaderMap,
    connection: Option<Extension<Connection>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let subscriber = Subscriber::open(app, &params, &headers)?;
    let connection = connection.map(|found| found.0);
    Ok(upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(subscriber.app.parts.config.live_queue_bytes_max + 2 * CHUNK_BYTES)
        .on_upgrade(|socket| run(subscriber, socket, connection)))
}

type Sender = SplitSink<WebSocket, Message>;

async fn run(mut subscriber: Subscriber, socket: WebSocket, connection: Option<Connection>) {
    let (mut sender, mut receiver) = socket.split();
    let end = tokio::select! {
        end = pump(&mut subscriber, &mut sender) => end,
        end = hear(&mut receiver) => end,
    };
    log_end(&end, &subscriber.app);
    let code = match end {
        End::Left => 1000,
        End::Shutdown => 1001,
        End::TooSlow => 1013,
        End::Feed(_) => 1011,
    };
    let reason = Utf8Bytes::from(end.reason().chars().take(100).collect::<String>());
    let patience = subscriber.patience();
    drop(subscriber);
    let close = sender.send(Message::Close(Some(CloseFrame { code, reason })));
    // A client that does not read does not read this either: it is only tried.
    let _ = tokio::time::timeout(patience, close).await;
    if let (End::TooSlow, Some(connection)) = (end, connection) {
        connection.close();
    }
}

/// Waits until the client leaves; what it sends is not for us, but for its pings.
async fn hear(receiver: &mut SplitStream<WebSocket>) -> End {
    loop {
        match receiver.next().await {
            Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Left,
            Some(Ok(_)) => {}
        }
    }
}

async fn pump(subscriber: &mut Subscriber, sender: &mut Sender) -> End {
    let (patience, heartbeat) = (subscriber.patience(), subscriber.heartbeat());
    let Subscriber {
        app,
        reader,
        filter,
        ..
    } = subscriber;
    let shutdown = app.parts.shutdown.clone();
    loop {
        let mut next = reader.next();
        let batch = loop {
            tokio::select! {
                batch = &mut next => break batch,
                () = tokio::time::sleep(heartbeat) => {
                    if let Err(end) = send(sender, Message::Ping(Default::default()), patience).await {
                        return end;
                    }
                }
                () = shutdown.cancelled() => return End::Shutdown,
            }
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return End::Feed(error),
        };
        filter.follow(&app.parts.registry);
        let mut sent = 0;
        while sent < batch.events.len() {
            let text;
            (text, sent) = render_some(app, filter, &batch, sent);
            if let Some(text) = text {
                tokio::select! {
                    sent = send(sender, Message::Text(text), patience) => {
                        if let Err(end) = sent {
                            return end;
                        }
                    }
                    () = shutdown.cancelled() => return End::Shutdown,
                }
            }
        }
    }
}

async fn send(sender: &mut Sender, message: Message, patience: Duration) -> Result<(), End> {
    match tokio::time::timeout(patience, sender.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Left),
        Err(_) => Err(End::TooSlow),
    }
}

/// A message with readings from number `from` on, as many as are enough for one, and how far
/// it came.
fn render_some(
    app: &App,
    filter: &super::Filter,
    batch: &FeedBatch,
    from: usize,
) -> (Option<Utf8Bytes>, usize) {
    let fragments = app.fragments.current(&app.parts.registry);
    let mut text = vec![b'['];
    let mut upto = batch.events.len();
    for (number, event) in batch.events.iter().enumerate().skip(from) {
        if text.len() >= CHUNK_BYTES {
            upto = number;
            break;
        }
        if !filter.takes(event.observation.series) {
            continue;
        }
        if let Some(fragment) = fragments.get(event.observation.series) {
            if text.len() > 1 {
                text.push(b',');
            }
            render::json(&mut text, fragment, &event.observation, Detail::Full);
            text.pop();
            // Writing to memory can't fail.
            let _ = write!(text, ",\"id\":\"{}\"}}", event.cursor);
        }
    }
    if text.len() == 1 {
        return (None, upto);
    }
    text.push(b']');
    (Utf8Bytes::try_from(bytes::Bytes::from(text)).ok(), upto)
}
