//! Errors as users meet them: RFC 9457 problem details.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use nhip_ingest::{FeedError, ViewError};
use nhip_registry::RegistryError;
use nhip_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem in words, the same for each status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What exactly is wrong.
    pub detail: String,
    /// The parameter that is at fault, or the path of the body's member (`datastreams[0].unit`),
    /// if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            parameter: None,
        }
    }

    /// A parameter that can't be taken.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, detail)
        }
    }

    /// Something that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// What a parameter names is not there.
    pub fn unknown(name: &str, detail: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..Self::not_found(detail)
        }
    }

    /// Something that may be there later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The same, said of a member of the datastream at this place of a body.
    fn in_datastream(self, at: usize) -> Self {
        let list = format!("datastreams[{at}]");
        let parameter = match self.parameter.as_deref() {
            Some("datastream") => format!("{list}.name"),
            Some(member) => format!("{list}.{member}"),
            None => list,
        };
        Self {
            parameter: Some(parameter),
            ..self
        }
    }

    /// A failure on our side, which is logged here, where it ends.
    pub fn internal(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        tracing::error!(detail, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

/// How much of what a library says of an error is read, bytes.
const TOLD_BYTES_MAX: usize = 1_024;

/// An answer, and if it is an error that a library gave in words of its own, as a problem.
pub(crate) async fn explained(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let media = head.headers.get(header::CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok()).unwrap_or("");
    let failed = head.status.is_client_error() || head.status.is_server_error();
    if !failed || media.ends_with("json") {
        return Response::from_parts(head, body);
    }
    let told = match media.starts_with("text/plain") {
        true => axum::body::to_bytes(body, TOLD_BYTES_MAX).await.ok(),
        false => None,
    };
    let told = told.and_then(|told| String::from_utf8(told.into()).ok());
    let detail = match head.status {
        StatusCode::METHOD_NOT_ALLOWED => "the header Allow names the methods that are taken here",
        _ => told.as_deref().unwrap_or("there is nothing here"),
    };
    let mut explained = Problem::new(head.status, detail).into_response();
    for (name, value) in &head.headers {
        if !explained.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            explained.headers_mut().append(name, value.clone());
        }
    }
    explained
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } | StoreError::Unusable { .. } => {
                Self::unavailable(error.to_string())
            }
            StoreError::Damaged { .. } => Self::internal(error.to_string()),
            StoreError::Refused { .. } => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Damaged { .. } => Self::internal(error.to_string()),
            _ => Self::unavailable(error.to_string()),
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Trimmed { .. } => Self {
                parameter: Some("after".into()),
                ..Self::new(StatusCode::GONE, error.to_string())
            },
            FeedError::Beyond { .. } => Self::parameter("after", error.to_string()),
            _ => Self::unavailable(error.to_string()),
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let detail = error.to_string();
        match error {
            RegistryError::Name { what, .. } => Self::parameter(what, detail),
            RegistryError::Value {
                field: "position", ..
            } => Self::parameter("position.coordinates", detail),
            RegistryError::Value { field, .. } => Self::parameter(field, detail),
            RegistryError::Datastream { at, error } => Self::from(*error).in_datastream(at),
            RegistryError::UnitFixed { .. } => Self {
                parameter: Some("unit".into()),
                ..Self::new(StatusCode::CONFLICT, detail)
            },
            RegistryError::Limit { .. } => Self::new(StatusCode::CONFLICT, detail),
            RegistryError::Unavailable(_) => Self::unavailable(detail),
            RegistryError::Unknown { .. } => Self::unknown("device", detail),
            _ => Self::internal(detail),
        }
    }
}
