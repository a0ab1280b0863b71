//! The newest reading of each datastream.

use crate::{
    body::{Stop, Writer, streamed},
    cursor,
    datastreams::behind,
    model::{Page, Reading},
    params::{Params, StreamsParams},
    parts::App,
    problem::Problem,
    render::{self, Detail},
};
use axum::{extract::State, http::header, response::Response};
use nhip_registry::{Selection, SeriesId};
use nhip_store::Observation;

/// How many readings are given unless told.
const LIMIT: usize = 1_000;

/// How many series are looked up at once.
const STRIDE: usize = 1_024;

/// The newest reading by measured time of each datastream that has one.
#[utoipa::path(get, path = "/api/v1/latest", tag = "readings", params(StreamsParams), responses(
    (status = 200, description = "One page.", body = Page<Reading>),
    (status = 400, description = "A parameter can't be taken.", body = Problem)))]
pub(crate) async fn latest(
    State(app): State<App>,
    params: Params<StreamsParams>,
) -> Result<Response, Problem> {
    let selection = params.selection()?;
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let after = params
        .text("cursor")
        .map(|text| cursor::open_number("latest", text))
        .transpose()?;
    let headers = vec![
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    streamed(&app, headers, move |app, writer| {
        write_page(app, writer, &selection, after, limit)
    })
    .await
}

fn write_page(
    app: &App,
    writer: &mut Writer,
    selection: &Selection,
    after: Option<u32>,
    limit: usize,
) -> Result<(), Stop> {
    let series = app.selected.get(&app.parts.registry, selection);
    writer.buffer().extend_from_slice(b"{\"items\":[");
    let mut found: Vec<Option<Observation>> = Vec::with_capacity(STRIDE);
    let mut room = limit;
    let mut last: Option<SeriesId> = None;
    let mut next = None;
    for stride in behind(&series, after).chunks(STRIDE) {
        app.parts.view.latest(stride, &mut found);
        let fragments = app.fragments.current(&app.parts.registry);
        for observation in found.iter().flatten() {
            let Some(fragment) = fragments.get(observation.series) else {
                continue;
            };
            if room == 0 {
                next = last;
                break;
            }
            let out = writer.buffer();
            if last.is_some() {
                out.push(b',');
            }
            render::json(out, fragment, observation, Detail::Full);
            last = Some(observation.series);
            room -= 1;
        }
        drop(fragments);
        writer.flush_full()?;
        if next.is_some() {
            break;
        }
    }
    let out = writer.buffer();
    out.push(b']');
    if let Some(SeriesId(next)) = next {
        let next = cursor::seal("latest", next.to_string().as_bytes());
        out.extend_from_slice(format!(",\"next\":\"{next}\"").as_bytes());
    }
    out.push(b'}');
    Ok(())
}
