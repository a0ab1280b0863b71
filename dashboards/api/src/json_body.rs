//! Bodies of JSON.

use crate::{model::Object, problem::Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

/// A body that was read as a JSON object, and said that it is JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // A form of a page elsewhere can send a body, but not under this type.
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type: application/json is needed",
            ));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::parameter("body", error.to_string()))?;
        serde_json::from_slice(&body)
            .map(|Object(body)| Self(body))
            .map_err(|error| Problem::parameter("body", error.to_string()))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
