//! How long an answer took in here (`Server-Timing`).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The time that an answer took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    /// From the request to the last byte of the answer.
    pub(crate) total: Duration,
    /// What of it was waiting for the client to take what was written.
    pub(crate) client: Duration,
}

/// What tells a client how long it took, in milliseconds.
pub(crate) fn headers(spent: Spent) -> HeaderMap {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let text = format!(
        "total;dur={:.3}, client;dur={:.3}",
        ms(spent.total),
        ms(spent.client)
    );
    HeaderValue::try_from(text)
        .map(|value| HeaderMap::from_iter([(SERVER_TIMING, value)]))
        .unwrap_or_default()
}

/// Says that [`headers`] follow the body.
pub(crate) fn announce_trailer(headers: &mut HeaderMap) {
    headers.insert(header::TRAILER, HeaderValue::from_static("server-timing"));
}

/// Tells it in the headers, unless it follows the body.
pub(crate) fn tell(told: &mut HeaderMap, total: Duration) {
    if !told.contains_key(header::TRAILER) {
        let client = Duration::ZERO;
        told.extend(headers(Spent { total, client }));
    }
}
