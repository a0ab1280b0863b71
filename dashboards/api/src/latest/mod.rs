//! The newest reading of each datastream.

mod rendered;
mod stretch;

use crate::{
    body::{Stop, Writer, streamed},
    cursor,
    datastreams::behind,
    model::{Page, Reading},
    params::{Params, StreamsParams},
    parts::App,
    problem::Problem,
};
use axum::{extract::State, http::header, response::Response};
use nhip_registry::{Selection, SeriesId};
pub(crate) use rendered::Rendered;
use std::{collections::VecDeque, sync::Arc};
use stretch::{STRETCH, Stretch};
use tokio::task::JoinHandle;

/// How many readings are given unless told.
const LIMIT: usize = 1_000;

/// How many stretches of one answer are rendered at once, beside the one that is sent.
const AHEAD_MAX: usize = 4;

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
    let mut from = series.len() - behind(&series, after).len();
    let mut coming = Coming::new(app, &series, from / STRETCH);
    writer.buffer().extend_from_slice(b"{\"items\":[");
    let (mut room, mut last, mut next) = (limit, None, None);
    while let Some((number, stretch)) = coming.next(writer, room)? {
        let begin = number * STRETCH;
        let piece = stretch.piece(from.saturating_sub(begin), room);
        from = 0;
        if !piece.text.is_empty() {
            let comma = usize::from(last.is_none());
            writer.push(piece.text.slice(comma..))?;
        }
        room -= piece.readings;
        last = piece.last.map(|at| series[begin + at]).or(last);
        if piece.is_cut {
            next = last;
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

/// The stretches of an answer, rendered by other threads while this one sends.
struct Coming<'a> {
    app: &'a App,
    series: &'a Arc<[SeriesId]>,
    next: usize,
    ahead: VecDeque<(usize, JoinHandle<Arc<Stretch>>)>,
}

impl<'a> Coming<'a> {
    fn new(app: &'a App, series: &'a Arc<[SeriesId]>, next: usize) -> Self {
        Self {
            app,
            series,
            next,
            ahead: VecDeque::with_capacity(AHEAD_MAX),
        }
    }

    /// The next stretch with its number, as long as there is any. No more are begun than
    /// `room` readings may need.
    fn next(
        &mut self,
        writer: &Writer,
        room: usize,
    ) -> Result<Option<(usize, Arc<Stretch>)>, Problem> {
        let wanted = room.div_ceil(STRETCH).clamp(1, AHEAD_MAX);
        while self.ahead.len() < wanted && self.next * STRETCH < self.series.len() {
            let (app, series, number) = (self.app.clone(), self.series.clone(), self.next);
            let rendered =
                writer.spawn_blocking(move || app.rendered.stretch(&app, &series, number));
            self.ahead.push_back((number, rendered));
            self.next += 1;
        }
        let Some((number, rendered)) = self.ahead.pop_front() else {
            return Ok(None);
        };
        let stretch = writer
            .wait(rendered)
            .map_err(|error| Problem::internal(format!("rendering ended early: {error}")))?;
        Ok(Some((number, stretch)))
    }
}
