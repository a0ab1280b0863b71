//! One open live stream.

use super::{end::End, filter::Filter};
use crate::{
    params::{LiveParams, Params},
    parts::App,
    problem::Problem,
    server::Peer,
};
use axum::http::{HeaderMap, Uri};
use nhip_ingest::{Cursor, FeedError, FeedReader};
use prometheus::IntGauge;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How much of a client's query is logged, bytes.
const QUERY_BYTES_MAX: usize = 256;

/// The header in which a client that comes back says where it was (HTML, 9.2).
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// An open live stream.
pub(super) struct Subscriber {
    pub(super) app: App,
    pub(super) reader: Box<dyn FeedReader>,
    pub(super) filter: Filter,
    /// How many were written for it.
    pub(super) readings: u64,
    name: Name,
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

/// Who a subscriber is, for the log.
struct Name {
    stream: &'static str,
    peer: Option<Peer>,
    query: String,
}

/// A request for a live stream.
pub(super) struct Asked<'a> {
    /// Of which kind.
    pub(super) stream: &'static str,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: Option<Peer>,
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
    pub(super) fn open(
        app: App,
        params: &Params<LiveParams>,
        asked: Asked<'_>,
    ) -> Result<Self, Problem> {
        let selection = params.selection()?;
        let (parameter, after) = after(params, asked.headers)?;
        let place =
            app.subscribers.clone().try_acquire_owned().map_err(|_| {
                Problem::unavailable("there are as many live subscribers as may be")
            })?;
        let reader = app.parts.view.subscribe(after);
        let mut query = asked.uri.query().unwrap_or_default().to_owned();
        query.truncate(query.floor_char_boundary(QUERY_BYTES_MAX));
        Ok(Self {
            reader: reader.map_err(|error| no_place(error, parameter))?,
            filter: Filter::new(selection, &app.parts.registry),
            readings: 0,
            name: Name {
                stream: asked.stream,
                peer: asked.peer,
                query,
            },
            _counted: Counted::new(&app.own.live_subscribers),
            _place: place,
            app,
        })
    }

    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.app.parts.config.live_heartbeat_s)
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.app.parts.config.live_write_timeout_s)
    }

    /// Counts and logs why it ends.
    pub(super) fn note(&self, end: &End) {
        let Name {
            stream,
            peer,
            query,
        } = &self.name;
        let peer = peer.map(|Peer(peer)| tracing::field::display(peer));
        match end {
            End::TooSlow => {
                self.app.own.live_dropped.inc();
                tracing::info!(
                    stream,
                    peer,
                    query,
                    readings = self.readings,
                    unread_s = self.app.parts.config.live_write_timeout_s,
                    "a live subscriber read too slowly and was dropped"
                );
            }
            End::Feed(FeedError::Log { reason }) => {
                tracing::error!(stream, peer, query, reason, "a live stream ended");
            }
            _ => {}
        }
    }
}

/// Where a client goes on, and what says so. A client that comes back by itself asks its
/// first address again: then the header is newer.
fn after(
    params: &Params<LiveParams>,
    headers: &HeaderMap,
) -> Result<(&'static str, Option<Cursor>), Problem> {
    let header = headers
        .get(LAST_EVENT_ID)
        .filter(|value| !value.is_empty())
        .map(|value| (LAST_EVENT_ID, value.to_str().unwrap_or_default()));
    let given = header.or_else(|| params.text("after").map(|text| ("after", text)));
    let Some((parameter, text)) = given else {
        return Ok(("after", None));
    };
    match text.parse() {
        Ok(cursor) => Ok((parameter, Some(cursor))),
        Err(error) => Err(Problem::parameter(parameter, format!("{error}"))),
    }
}

fn no_place(error: FeedError, parameter: &str) -> Problem {
    let problem = Problem::from(error);
    Problem {
        parameter: problem.parameter.map(|_| parameter.to_owned()),
        ..problem
    }
}
