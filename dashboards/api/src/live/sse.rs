//! Live readings as server-sent events.

use super::{
    Subscriber,
    carrier::{Carrier, Refused},
    end::End,
    follow,
    queue::{self, Queue},
    subscriber::Asked,
};
use crate::{
    fragment::Fragment,
    model::Reading,
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
    render::{self, Detail},
    server::Peer,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use nhip_ingest::FeedEvent;
use std::{io::Write, time::Duration};

/// Live readings as server-sent events.
///
/// Each event without a name (`onmessage` of an `EventSource`) has a reading as its data, and an
/// id; a client that comes back with the last id, in the header `Last-Event-ID` or as `after`,
/// gets exactly what followed. Without readings a comment says every 15 s that the stream is
/// there. A client that reads too slowly gets an event `dropped` with the reason, and the stream
/// ends.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    params(LiveParams, ("Last-Event-ID" = Option<String>, Header, description = "As `after`.")),
    responses(
    (status = 200, description = "The stream.", content((Reading = "text/event-stream"))),
    (status = 400, description = "A parameter can't be taken.", body = Problem),
    (status = 410, description = "What followed the id is only in the history now.",
        body = Problem),
    (status = 503, description = "There are as many subscribers as may be.", body = Problem)))]
pub(crate) async fn live(
    State(app): State<App>,
    params: Params<LiveParams>,
    uri: Uri,
    headers: HeaderMap,
    peer: Option<Extension<Peer>>,
) -> Result<Response, Problem> {
    let asked = Asked {
        stream: "sse",
        uri: &uri,
        headers: &headers,
        peer: peer.map(|peer| peer.0),
    };
    let subscriber = Subscriber::open(app, &params, asked)?;
    let (queue, out) = queue::bounded(subscriber.app.parts.config.live_queue_bytes_max);
    let mut events = Events {
        queue,
        patience: subscriber.patience(),
    };
    // There is room: it is the first.
    let _ = events.send(Bytes::from_static(b": nhip\n\n")).await;
    tokio::spawn(follow::run(subscriber, events));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(out)).into_response())
}

/// A stream of server-sent events. Chunks are whole events, so that it ends between two.
struct Events {
    queue: Queue,
    patience: Duration,
}

impl Carrier for Events {
    fn write(&self, chunk: &mut Vec<u8>, event: &FeedEvent, fragment: &Fragment) {
        // Writing to memory can't fail.
        let _ = write!(chunk, "id: {}\ndata: ", event.cursor);
        render::json(chunk, fragment, &event.observation, Detail::Full);
        chunk.extend_from_slice(b"\n\n");
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), Refused> {
        self.queue.push(chunk, self.patience).await
    }

    async fn beat(&mut self) -> Result<(), Refused> {
        self.send(Bytes::from_static(b":\n\n")).await
    }

    async fn left(&mut self) {
        self.queue.closed().await;
    }

    /// What waits in the queue of a slow client is not for it any more: it reads its last word
    /// sooner. The connection ends when it takes nothing for `write_timeout_s`.
    async fn end(self, end: End) {
        let last = format!(
            "event: dropped\ndata: {{\"reason\":{}}}\n\n",
            serde_json::Value::from(end.reason())
        );
        match end {
            End::TooSlow => self.queue.end(last.into()),
            _ => self.queue.finish(last.into()),
        }
    }
}
