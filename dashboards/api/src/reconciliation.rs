//! What became of readings.

use crate::{
    cursor,
    model::{Page, Reconciliation},
    params::{Params, ReconciliationParams},
    parts::App,
    problem::Problem,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

/// How many devices are listed unless told.
const LIMIT: usize = 1_000;

/// What became of readings: of the platform, of one device with `device`, or as a list of
/// every device with `by=device`. `received = stored + duplicate + rejected + pending`; when
/// `pending` and `unread` are 0, everything acknowledged can be queried.
#[utoipa::path(get, path = "/api/v1/reconciliation", tag = "health",
    params(ReconciliationParams), responses(
    (status = 200, description = "The figures, or with `by=device` a page of `items`.",
        body = inline(Figures)),
    (status = 404, description = "Nothing was ever heard of this device.", body = Problem)))]
pub(crate) async fn reconciliation(
    State(app): State<App>,
    params: Params<ReconciliationParams>,
) -> Result<Response, Problem> {
    let view = &app.parts.view;
    if params.text("by").is_some() {
        if params.text("device").is_some() {
            return Err(Problem::parameter(
                "by",
                "`by` and `device` exclude each other",
            ));
        }
        return by_device(&app, &params);
    }
    if let Some(name) = ["limit", "cursor"]
        .into_iter()
        .find(|name| params.text(name).is_some())
    {
        return Err(Problem::parameter(name, "it belongs to `by=device`"));
    }
    let Some(device) = params.text("device") else {
        let figures = Reconciliation::new(None, view.reconciliation());
        return Ok(Json(Figures::One(figures)).into_response());
    };
    let figures = match view.reconciliation_of(device) {
        Some(figures) => figures,
        None if app.parts.registry.device(device).is_some() => nhip_ingest::Reconciliation {
            unread: view.reconciliation().unread,
            ..Default::default()
        },
        None => {
            let detail = "nothing was ever heard of this device";
            return Err(Problem::unknown("device", detail));
        }
    };
    let figures = Reconciliation::new(Some(device), figures);
    Ok(Json(Figures::One(figures)).into_response())
}

/// What the figures look like.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum Figures {
    /// Of the platform or of one device.
    One(Reconciliation),
    /// Of every device.
    All(Page<Reconciliation>),
}

fn by_device(app: &App, params: &Params<ReconciliationParams>) -> Result<Response, Problem> {
    let limit = params.integer("limit").unwrap_or(LIMIT);
    let after = params
        .text("cursor")
        .map(|text| cursor::open_name("reconciliation", text))
        .transpose()?;
    let mut figures = app
        .parts
        .view
        .reconciliation_by_device(after.as_deref(), limit + 1);
    let more = figures.len() > limit;
    figures.truncate(limit);
    let last = figures.last().filter(|_| more);
    let next = last.map(|(name, _)| cursor::seal("reconciliation", name.as_bytes()));
    let items = figures
        .iter()
        .map(|(name, of)| Reconciliation::new(Some(name), *of));
    let page = Figures::All(Page {
        items: items.collect(),
        next,
    });
    Ok(Json(page).into_response())
}
