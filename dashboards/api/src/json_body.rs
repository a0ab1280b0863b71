//! Bodies of JSON.

use crate::{model::Object, problem::Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

/// What is at fault where no member of it is.
const BODY: &str = "body";

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
            .map_err(|error| Problem::parameter(BODY, error.to_string()))?;
        read(&body).map(Self)
    }
}

/// Reads an object, or says which of its members can't be read.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        Problem::parameter(&member(&path, &error.to_string()), error.to_string())
    })?;
    json.end()
        .map_err(|error| Problem::parameter(BODY, error.to_string()))?;
    Ok(value)
}

/// The path of the member at fault: `position.type`, `datastreams[0].unit`; of one that is
/// missing, where it should be.
fn member(path: &str, error: &str) -> String {
    // Of a key that is no name the path has `?`, and the object it is in is at fault.
    let path = path.trim_end_matches(".?").trim_matches(['.', '?']);
    let missing = error.strip_prefix("missing field `");
    let missing = missing.and_then(|rest| rest.split('`').next());
    let parts = [path, missing.unwrap_or_default()];
    let path: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match path.is_empty() {
        true => BODY.to_owned(),
        false => path.join("."),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
