//! Which address is answered by what.

use crate::{
    compression, contract,
    dead_letters::{__path_list_dead_letters, __path_replay_dead_letters},
    dead_letters::{list_dead_letters, replay_dead_letters},
    guard, health, page,
    parts::{App, Parts, Readiness},
    problem::{self, Problem},
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::{Config as DocsConfig, SwaggerUi};

/// The whole API. An error is a metric that is registered twice.
pub fn router(parts: Parts) -> Result<Router, prometheus::Error> {
    let app = App::new(parts)?;
    let (api, document) = documented().split_for_parts();
    let document = contract::openapi(document);
    let asynchronous = contract::asyncapi();
    let docs = SwaggerUi::new("/docs").config(DocsConfig::from("/api/openapi.json"));
    Ok(api
        .route("/api/openapi.json", get(|| async move { Json(document) }))
        .route(
            "/api/asyncapi.json",
            get(|| async move { Json(asynchronous) }),
        )
        .merge(docs)
        .fallback(page::page)
        .layer(compression::layer())
        .layer(middleware::from_fn_with_state(
            app.clone(),
            guard::bound_body,
        ))
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app))
}

/// What answers while the platform starts: `/healthz`, `/readyz`, and 503 for the rest.
pub fn starting(readiness: Arc<dyn Readiness>) -> Router {
    let refuse = || async {
        let problem = Problem::unavailable("the platform is starting; /readyz says how far it is");
        (StatusCode::SERVICE_UNAVAILABLE, problem).into_response()
    };
    Router::new()
        .route("/healthz", get(health::healthz))
        .route(
            "/readyz",
            get(|State(readiness): State<Arc<dyn Readiness>>| async move {
                health::answer(readiness.parts())
            }),
        )
        .fallback(refuse)
        .layer(middleware::map_response(|response: Response| async {
            let mut response = problem::explained(response).await;
            // The next connection may find the whole API.
            let close = axum::http::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            response
        }))
        .with_state(readiness)
}

/// The OpenAPI document of the API.
pub fn openapi() -> OpenApi {
    contract::openapi(documented().split_for_parts().1)
}

fn documented() -> OpenApiRouter<App> {
    use crate::{datastreams::*, devices::*, health::*, latest::*, live::*};
    use crate::{readings::*, reconciliation::*, series::*, store_copy::*};
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(health))
        .routes(routes!(list_devices))
        .routes(routes!(show_device, put_device, retire_device))
        .routes(routes!(list_datastreams))
        .routes(routes!(list_places))
        .routes(routes!(latest))
        .routes(routes!(readings))
        .routes(routes!(series))
        .routes(routes!(live))
        .routes(routes!(live_ws))
        .routes(routes!(reconciliation))
        .routes(routes!(list_dead_letters))
        .routes(routes!(replay_dead_letters))
        .routes(routes!(show_store_copy, put_store_copy, end_store_copy))
}
