//! Datastreams and places.

use crate::{
    body::blocking,
    cursor,
    model::{self, Limits, Page},
    params::{Params, PlacesParams, StreamsParams},
    parts::App,
    problem::Problem,
    time,
};
use axum::{Json, extract::State};
use nhip_registry::{Datastream, SeriesId};

/// How many are listed unless told.
const LIMIT: usize = 1_000;

/// Datastreams, in order of registration.
#[utoipa::path(get, path = "/api/v1/datastreams", tag = "devices", params(StreamsParams), responses(
    (status = 200, description = "One page.", body = Page<model::Datastream>),
    (status = 400, description = "A parameter can't be taken.", body = Problem)))]
pub(crate) async fn list_datastreams(
    State(app): State<App>,
    params: Params<StreamsParams>,
) -> Result<Json<Page<model::Datastream>>, Problem> {
    let selection = params.selection()?;
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let after: Option<u32> = params
        .text("cursor")
        .map(|text| cursor::open_number("datastreams", text))
        .transpose()?;
    blocking(&app, move |app| {
        let registry = &app.parts.registry;
        let series = app.selected.get(registry, &selection);
        let series = behind(&series, after);
        let page = &series[..series.len().min(limit)];
        let mut items = Vec::with_capacity(page.len());
        registry.with_each(page, |datastream, device| {
            items.push(model::Datastream {
                device: Some(device.name.to_string()),
                place: device.place.as_deref().map(str::to_owned),
                position: device.position.map(Into::into),
                ..datastream_model(datastream)
            });
        });
        let last = page.last().filter(|_| series.len() > limit);
        let next = last.map(|last| cursor::seal("datastreams", last.0.to_string().as_bytes()));
        Ok(Json(Page { items, next }))
    })
    .await
}

/// The places: wards, communes and the like, in order of name.
#[utoipa::path(get, path = "/api/v1/places", tag = "devices", params(PlacesParams), responses(
    (status = 200, description = "One page.", body = Page<model::Place>)))]
pub(crate) async fn list_places(
    State(app): State<App>,
    params: Params<PlacesParams>,
) -> Result<Json<Page<model::Place>>, Problem> {
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let after = params
        .text("cursor")
        .map(|text| cursor::open_name("places", text))
        .transpose()?;
    let mut places = app.parts.registry.places();
    places.retain(|place| after.as_deref().is_none_or(|after| *place.name > *after));
    let next = places.get(limit).and(places.get(limit - 1));
    let next = next.map(|place| cursor::seal("places", place.name.as_bytes()));
    let items = places.iter().take(limit).map(|place| model::Place {
        name: place.name.to_string(),
        code: place.code.to_string(),
        title: place.title.to_string(),
        kind: place.kind.to_string(),
        position: place.position.into(),
        area_km2: place.area_km2,
        from: place.from.to_string(),
        to: place.to.as_deref().map(str::to_owned),
    });
    Ok(Json(Page {
        items: items.collect(),
        next,
    }))
}

/// The series of a list in order that are behind `after`.
pub(crate) fn behind(series: &[SeriesId], after: Option<u32>) -> &[SeriesId] {
    let from = after.map_or(0, |after| {
        series.partition_point(|series| series.0 <= after)
    });
    &series[from..]
}

pub(crate) fn datastream_model(datastream: &Datastream) -> model::Datastream {
    let limits = |limits: &nhip_registry::Limits| Limits {
        from: time::text(limits.from_us),
        unit: limits.unit.to_string(),
        range: limits.range.map(Into::into),
    };
    model::Datastream {
        device: None,
        place: None,
        position: None,
        name: datastream.name.to_string(),
        property: datastream.property.to_string(),
        unit: datastream.unit.to_string(),
        range: datastream.range.map(Into::into),
        categories: datastream
            .categories
            .iter()
            .map(|(code, name)| (*code, name.to_string()))
            .collect(),
        registered: time::text(datastream.registered_us),
        since: time::text(datastream.since_us),
        earlier: datastream.earlier.iter().map(limits).collect(),
    }
}
