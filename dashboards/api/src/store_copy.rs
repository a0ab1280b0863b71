//! Moving the readings into the other kind of store.

use crate::{
    body::blocking,
    json_body::JsonBody,
    model::{self, StoreCopyPut},
    params::{NoParams, Params, StoreCopyParams},
    parts::App,
    problem::Problem,
};
use axum::{Json, extract::State, http::StatusCode};
use nhip_store::{CopyOrder, StoreCopy, StoreError, StoreKind};
use std::sync::Arc;

/// Readings copied in a second unless told.
const RATE: u64 = 200_000;

/// How far the copy of the store is.
#[utoipa::path(get, path = "/api/v1/store/copy", tag = "store", params(NoParams), responses(
    (status = 200, description = "How far it is.", body = model::StoreCopy),
    (status = 404, description = "No copy was begun.", body = Problem)))]
pub(crate) async fn show_store_copy(
    State(app): State<App>,
    _: Params<NoParams>,
) -> Result<Json<model::StoreCopy>, Problem> {
    let progress = copy(&app)?.progress();
    let progress = progress.ok_or_else(none)?;
    Ok(Json(progress.into()))
}

/// Begins to copy the store into the other kind, or goes on; it may be sent again.
///
/// Beginning empties the target of whatever an older copy left there.
#[utoipa::path(put, path = "/api/v1/store/copy", tag = "store", params(NoParams),
    request_body = StoreCopyPut, responses(
    (status = 200, description = "How far it is.", body = model::StoreCopy),
    (status = 400, description = "The readings are elsewhere, or something in it can't be taken.",
        body = Problem),
    (status = 503, description = "It can't be written down now; or the copy that follows can't go \
        on, as the detail says, until somebody mends a store.", body = Problem)))]
pub(crate) async fn put_store_copy(
    State(app): State<App>,
    _: Params<NoParams>,
    JsonBody(put): JsonBody<StoreCopyPut>,
) -> Result<Json<model::StoreCopy>, Problem> {
    let order = CopyOrder {
        from: kind("from", &put.from)?,
        to: kind("to", &put.to)?,
        check: put.check,
        rate_max: put.readings_per_s_max.unwrap_or(RATE),
    };
    if order.rate_max == 0 {
        return Err(Problem::parameter("readings_per_s_max", "1 at least"));
    }
    blocking(&app, move |app| {
        let progress = copy(app)?.begin(order).map_err(why)?;
        tracing::info!(from = put.from, to = put.to, "an operator copies the store");
        Ok(Json(progress.into()))
    })
    .await
}

/// Ends the copy and forgets it; what the target has stays there until the next one begins.
#[utoipa::path(delete, path = "/api/v1/store/copy", tag = "store", params(StoreCopyParams),
    responses(
    (status = 204, description = "There is no copy any more."),
    (status = 404, description = "No copy was begun, or one the other way round.",
        body = Problem),
    (status = 503, description = "It can't be written down now.", body = Problem)))]
pub(crate) async fn end_store_copy(
    State(app): State<App>,
    params: Params<StoreCopyParams>,
) -> Result<StatusCode, Problem> {
    let of = |name| params.text(name).map(|text| kind(name, text)).transpose();
    let (from, to) = (of("from")?, of("to")?);
    if from.is_some() && from == to {
        return Err(Problem::parameter("to", "it is the same as `from`"));
    }
    let from = from.or(to.map(StoreKind::other));
    blocking(&app, move |app| {
        let copy = copy(app)?;
        if copy.cancel(from)? {
            tracing::info!("an operator ended the copy of the store");
            return Ok(StatusCode::NO_CONTENT);
        }
        Err(match copy.progress() {
            Some(other) => Problem::not_found(format!(
                "the copy that is under way is from {} to {}; it was not ended",
                other.from, other.to
            )),
            None => none(),
        })
    })
    .await
}

fn copy(app: &App) -> Result<&Arc<StoreCopy>, Problem> {
    let copy = app.parts.copy.as_ref();
    copy.ok_or_else(|| Problem::not_found("this store can't be copied"))
}

/// Why an order can't be carried out.
fn why(error: StoreError) -> Problem {
    match error {
        StoreError::Unusable { reason } => Problem::unavailable(format!(
            "the copy can't go on: {reason}; it is kept, and goes on by itself when that is mended"
        )),
        other => other.into(),
    }
}

fn none() -> Problem {
    Problem::not_found("no copy was begun")
}

fn kind(name: &str, text: &str) -> Result<StoreKind, Problem> {
    let kind = StoreKind::named(text);
    kind.ok_or_else(|| Problem::parameter(name, "embedded or questdb is needed"))
}
