//! Stored readings, raw.

mod format;
mod key;
mod merge;
mod page;

use crate::{
    body::streamed,
    model::{Page, Reading},
    params::{Params, ReadingsParams},
    parts::App,
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::Response,
};
use format::Format;
pub(crate) use key::Place;
use nhip_store::Order;
use page::Query;

/// How many readings a page of JSON has unless told.
const LIMIT: usize = 1_000;

/// Stored readings.
///
/// Of one device, or of few datastreams, they are in order of time; of more than
/// `merge_series_max` (256) datastreams they are in order of datastream, then time. A page
/// continues exactly where the one before ended, whatever is stored in between. As `ndjson` and
/// `csv` everything is streamed unless `limit` is given; then the header `Nhip-Next` has the
/// cursor of the next page and `Link` its address, and neither is there on the last page.
#[utoipa::path(get, path = "/api/v1/readings", tag = "readings", params(ReadingsParams), responses(
    (status = 200, description = "One page, or everything.", content(
        (Page<Reading> = "application/json"),
        (Reading = "application/x-ndjson"),
        (String = "text/csv"))),
    (status = 400, description = "A parameter can't be taken.", body = Problem),
    (status = 503, description = "The store can't now.", body = Problem)))]
pub(crate) async fn readings(
    State(app): State<App>,
    headers: HeaderMap,
    uri: axum::http::Uri,
    params: Params<ReadingsParams>,
) -> Result<Response, Problem> {
    let (from_us, to_us) = params.range_us()?;
    let order = match params.text("order") {
        Some("desc") => Order::Descending,
        _ => Order::Ascending,
    };
    let format = match params.text("format") {
        Some(name) => Format::named(name),
        None => Format::accepted(&headers),
    };
    let mut selection = params.selection()?;
    // History stays when a device is retired.
    selection.retired = params.text("retired") != Some("false");
    let limit = params.integer("limit");
    let query = Query {
        selection,
        from_us: from_us.unwrap_or(i64::MIN),
        to_us: to_us.unwrap_or(i64::MAX),
        order,
        after: params
            .text("cursor")
            .map(|text| Place::open(text, order))
            .transpose()?,
        limit: limit.or((format == Format::Json).then_some(LIMIT)),
    };
    let mut answer = vec![
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    match (format, query.limit) {
        (Format::Json, _) | (_, None) => {
            streamed(&app, answer, move |app, writer| {
                page::write(app, writer, &query, format)
            })
            .await
        }
        (_, Some(_)) => {
            let (text, next) = page::collected(&app, query, format).await?;
            if let Some(next) = next {
                answer.push((HeaderName::from_static("nhip-next"), next.clone()));
                answer.push((header::LINK, link(&uri, &next)));
            }
            streamed(&app, answer, move |_, writer| {
                *writer.buffer() = text;
                Ok(())
            })
            .await
        }
    }
}

/// The address of the next page (RFC 8288).
fn link(uri: &axum::http::Uri, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", next);
    format!("<{}?{}>; rel=\"next\"", uri.path(), query.finish())
}
