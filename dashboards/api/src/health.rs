//! Whether the platform is alive, ready and well.

use crate::{
    body::blocking,
    model::{Counts, Health, Lag, Ready, ReadyPart, Reconciliation, StoreFigures},
    params::{NoParams, Params},
    parts::{App, PartState},
    problem::Problem,
    time,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus::TextEncoder;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "It does.", body = String)))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the platform is ready, part by part.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Every part is ready.", body = Ready),
    (status = 503, description = "The parts that are not say so.", body = Ready)))]
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    answer(app.parts.readiness.parts())
}

/// Metrics as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Text format 0.0.4.", body = String)))]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = TextEncoder::new()
        .encode_to_string(&app.parts.metrics.gather())
        .map_err(|error| Problem::internal(format!("metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// How the platform is: lag, log, store, what became of readings.
#[utoipa::path(get, path = "/api/v1/health", tag = "health", params(NoParams), responses(
    (status = 200, description = "How it is.", body = Health)))]
pub(crate) async fn health(
    State(app): State<App>,
    _: Params<NoParams>,
) -> Result<Json<Health>, Problem> {
    blocking(&app, |app| Ok(Json(gather(app)))).await
}

/// The answer to `/readyz` of these parts.
pub(crate) fn answer(parts: Vec<PartState>) -> Response {
    let ready = ready(parts);
    let status = if ready.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(ready)).into_response()
}

fn ready(parts: Vec<PartState>) -> Ready {
    Ready {
        ready: parts.iter().all(|part| part.ready),
        parts: parts
            .into_iter()
            .map(|part| {
                let state = ReadyPart {
                    ready: part.ready,
                    detail: part.detail,
                };
                (part.name.to_owned(), state)
            })
            .collect(),
    }
}

fn gather(app: &App) -> Health {
    let parts = &app.parts;
    let (lag, store) = (parts.view.lag(), parts.store.figures());
    Health {
        time: time::text(app.now_us()),
        ready: ready(parts.readiness.parts()),
        lag: Lag {
            records: lag.records,
            seconds: lag.seconds,
            store_unavailable: lag.store_unavailable,
        },
        log: (parts.log)(),
        store: StoreFigures {
            bytes: store.bytes + store.journal_bytes,
            open_readings: store.open_observations,
            parts_due: store.parts_due,
        },
        counts: Counts {
            devices: parts.registry.device_count() as u64,
            datastreams: parts.registry.datastream_count() as u64,
            live_subscribers: u64::try_from(app.own.live_subscribers.get()).unwrap_or(0),
        },
        reconciliation: Reconciliation::new(None, parts.view.reconciliation()),
    }
}
