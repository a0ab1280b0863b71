//! The course of one datastream in buckets.

use crate::{
    body::blocking,
    model::{Bucket, Series},
    params::{Params, SeriesParams},
    parts::App,
    problem::Problem,
    time,
};
use axum::{Json, extract::State};

/// How many buckets there are at most unless told.
const POINTS: usize = 500;

/// How far back it goes unless told: a day, µs.
const SPAN_US: i64 = 86_400_000_000;

/// The course of one datastream: buckets of min, mean, max, last and count, of values that
/// were measured. Where there is nothing there is no bucket, so that a gap stays a gap.
/// Without `to` it ends now, without `from` it begins a day before its end.
#[utoipa::path(get, path = "/api/v1/series", tag = "readings", params(SeriesParams), responses(
    (status = 200, description = "The buckets.", body = Series),
    (status = 400, description = "A parameter can't be taken.", body = Problem),
    (status = 404, description = "There is no such datastream.", body = Problem)))]
pub(crate) async fn series(
    State(app): State<App>,
    params: Params<SeriesParams>,
) -> Result<Json<Series>, Problem> {
    let needed = |name: &'static str| {
        params
            .text(name)
            .ok_or_else(|| Problem::parameter(name, "this parameter is needed"))
    };
    let (name, stream) = (needed("device")?, needed("datastream")?);
    let device = app
        .parts
        .registry
        .device(name)
        .ok_or_else(|| Problem::unknown("device", "there is no device of this name"))?;
    let datastream = device
        .datastream(stream)
        .cloned()
        .ok_or_else(|| Problem::unknown("datastream", "the device has none of this name"))?;
    let (from, to) = params.range_us()?;
    let to_us = to.unwrap_or_else(|| app.now_us());
    let from_us = from.unwrap_or(to_us.saturating_sub(SPAN_US));
    if to_us < from_us {
        return Err(Problem::parameter("from", "`from` is in the future"));
    }
    let points = params.integer("points").unwrap_or(POINTS);
    let points = u32::try_from(points).unwrap_or(u32::MAX);
    let turn = app.queries.clone().acquire_owned();
    let turn = tokio::time::timeout(app.query_wait(), turn)
        .await
        .map_err(|_| Problem::unavailable("too many queries are in work"))?;
    blocking(&app, move |app| {
        let _turn = turn;
        let buckets = app
            .parts
            .store
            .buckets(datastream.series, from_us, to_us, points)?;
        let width_us = buckets.first().map_or_else(
            || to_us.saturating_sub(from_us) as f64 / f64::from(points),
            |bucket| bucket.width_us as f64,
        );
        let items = buckets.iter().map(|bucket| Bucket {
            time: time::text(bucket.start_us),
            min: bucket.min,
            mean: bucket.mean,
            max: bucket.max,
            last: bucket.last,
            count: bucket.count,
        });
        Ok(Json(Series {
            device: device.name.to_string(),
            datastream: datastream.name.to_string(),
            property: datastream.property.to_string(),
            unit: datastream.unit.to_string(),
            from: time::text(from_us),
            to: time::text(to_us),
            bucket_s: width_us / 1e6,
            items: items.collect(),
        }))
    })
    .await
}
