//! Live readings as server-sent events.

use super::{
    CHUNK_BYTES, End, Subscriber, log_end,
    queue::{self, Queue, Refused},
};
use crate::{
    model::Reading,
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
    render::{self, Detail},
    server::Connection,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use nhip_ingest::FeedBatch;
use std::io::Write;
use tokio::time::MissedTickBehavior;

/// Live readings as server-sent events.
///
/// Each event has the name `reading`, a reading as its data, and an id; a client that comes
/// back with the last id, in the header `Last-Event-ID` or as `after`, gets exactly what
/// followed. Without readings a comment says every 15 s that the stream is there. A client
/// that reads too slowly gets an event `dropped` with the reason, and the stream ends.
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
    headers: HeaderMap,
    connection: Option<Extension<Connection>>,
) -> Result<Response, Problem> {
    let subscriber = Subscriber::open(app, &params, &headers)?;
    let (queue, out) = queue::bounded(subscriber.app.parts.config.live_queue_bytes_max);
    tokio::spawn(run(subscriber, queue, connection.map(|found| found.0)));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(out)).into_response())
}

async fn run(mut subscriber: Subscriber, queue: Queue, connection: Option<Connection>) {
    let end = pump(&mut subscriber, &queue).await;
    log_end(&end, &subscriber.app);
    let last = format!(
        "event: dropped\ndata: {{\"reason\":{}}}\n\n",
        serde_json::Value::from(end.reason())
    );
    match end {
        End::TooSlow => queue.end(last.into()),
        _ => queue.finish(last.into()),
    }
    let patience = subscriber.patience();
    drop(subscriber);
    if let (End::TooSlow, Some(connection)) = (end, connection) {
        // It may never read its last word either.
        tokio::time::sleep(patience).await;
        connection.close();
    }
}

async fn pump(subscriber: &mut Subscriber, queue: &Queue) -> End {
    let (patience, heartbeat) = (subscriber.patience(), subscriber.heartbeat());
    let Subscriber {
        app,
        reader,
        filter,
        ..
    } = subscriber;
    let hello = queue
        .push(Bytes::from_static(b": nhip\n\n"), patience)
        .await;
    if let Err(refused) = hello {
        return refused.into();
    }
    let mut tick = tokio::time::interval(heartbeat);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.reset();
    loop {
        let mut next = reader.next();
        let batch = loop {
            tokio::select! {
                batch = &mut next => break batch,
                _ = tick.tick() => {
                    if let Err(refused) = queue.push(Bytes::from_static(b":\n\n"), patience).await {
                        return refused.into();
                    }
                }
                () = app.parts.shutdown.cancelled() => return End::Shutdown,
                () = queue.closed() => return End::Left,
            }
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return End::Feed(error),
        };
        filter.follow(&app.parts.registry);
        let mut sent = 0;
        while sent < batch.events.len() {
            let mut text = Vec::new();
            sent = render_some(app, filter, &batch, sent, &mut text);
            if text.is_empty() {
                continue;
            }
            tokio::select! {
                pushed = queue.push(text.into(), patience) => {
                    if let Err(refused) = pushed {
                        return refused.into();
                    }
                }
                () = app.parts.shutdown.cancelled() => return End::Shutdown,
            }
            tick.reset();
        }
    }
}

/// Writes events from number `from` on until there is enough for one chunk; how far it came.
fn render_some(
    app: &App,
    filter: &super::Filter,
    batch: &FeedBatch,
    from: usize,
    text: &mut Vec<u8>,
) -> usize {
    let fragments = app.fragments.current(&app.parts.registry);
    for (number, event) in batch.events.iter().enumerate().skip(from) {
        if text.len() >= CHUNK_BYTES {
            return number;
        }
        if !filter.takes(event.observation.series) {
            continue;
        }
        if let Some(fragment) = fragments.get(event.observation.series) {
            // Writing to memory can't fail.
            let _ = write!(text, "id: {}\nevent: reading\ndata: ", event.cursor);
            render::json(text, fragment, &event.observation, Detail::Full);
            text.extend_from_slice(b"\n\n");
        }
    }
    batch.events.len()
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::Left,
            Refused::Full => Self::TooSlow,
        }
    }
}
