//! Answers packed with gzip, where that is worth it.

use axum::http::{HeaderMap, header};
use hyper::body::Body;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, Predicate},
};

/// Smaller answers are sent as they are, bytes.
const BYTES_MIN: u64 = 1_024;

/// Packs what [`Text`] takes for clients that ask for it.
pub(crate) fn layer() -> CompressionLayer<Text> {
    CompressionLayer::new()
        .gzip(true)
        .quality(CompressionLevel::Precise(5))
        .compress_when(Text)
}

/// Takes texts whose size is known. Streams are left out: stored readings are read faster than
/// they are packed, and events must not wait for a block to fill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text;

impl Predicate for Text {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: Body,
    {
        let bytes = response.body().size_hint().exact();
        bytes.is_some_and(|bytes| bytes >= BYTES_MIN) && is_text(response.headers())
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let of = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    of.starts_with("text/")
        || of.ends_with("json")
        || of.ends_with("javascript")
        || of.ends_with("svg+xml")
}
