//! Live readings: server-sent events and WebSocket.
//!
//! One task a subscriber follows the feed and fills a bounded queue. The feed itself keeps
//! nothing for a slow subscriber: it goes on from the log. So a slow one costs a queue and a
//! place in the log, until it is dropped.

mod filter;
mod queue;
mod sse;
mod ws;

use crate::{
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
};
use axum::http::HeaderMap;
use filter::Filter;
use nhip_ingest::{Cursor, FeedError, FeedReader};
use prometheus::IntGauge;
pub(crate) use sse::{__path_live, live};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
pub(crate) use ws::{__path_live_ws, live_ws};

/// How much text is sent at once, bytes.
const CHUNK_BYTES: usize = 32 << 10;

/// An open live stream.
struct Subscriber {
    app: App,
    reader: Box<dyn FeedReader>,
    filter: Filter,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

/// Why a live stream ends.
enum End {
    /// The client left.
    Left,
    /// The platform stops.
    Shutdown,
    /// The client took nothing for too long.
    TooSlow,
    /// The feed can't go on.
    Feed(FeedError),
}

impl End {
    /// What the client is told, if it can be.
    fn reason(&self) -> String {
        match self {
            Self::Left => "the client left".into(),
            Self::Shutdown => "the platform is stopping; connect again later".into(),
            Self::TooSlow => "you read too slowly; connect again with the last event id".into(),
            Self::Feed(error) => error.to_string(),
        }
    }
}

/// Counts a subscriber as long as it is there.
struct Counted(IntGauge);

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Subscriber {
    fn open(app: App, params: &Params<LiveParams>, headers: &HeaderMap) -> Result<Self, Problem> {
        let selection = params.selection()?;
        let after = params.text("after").or_else(|| {
            let last = headers.get("last-event-id")?.to_str().ok()?;
            (!last.is_empty()).then_some(last)
        });
        let after = after
            .map(|text| {
                text.parse::<Cursor>()
                    .map_err(|error| Problem::parameter("after", error.to_string()))
            })
            .transpose()?;
        let place =
            app.subscribers.clone().try_acquire_owned().map_err(|_| {
                Problem::unavailable("there are as many live subscribers as may be")
            })?;
        Ok(Self {
            reader: app.parts.view.subscribe(after)?,
            filter: Filter::new(selection, &app.parts.registry),
            _counted: Counted::new(&app.own.live_subscribers),
            _place: place,
            app,
        })
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.app.parts.config.live_heartbeat_s)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.app.parts.config.live_write_timeout_s)
    }
}

fn log_end(end: &End, app: &App) {
    match end {
        End::TooSlow => {
            app.own.live_dropped.inc();
            tracing::info!("a live subscriber read too slowly and was dropped");
        }
        End::Feed(FeedError::Log { reason }) => {
            tracing::error!(reason, "a live stream ended");
        }
        _ => {}
    }
}
