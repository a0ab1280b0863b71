//! What came back, and waiting for what comes.

use axum::{
    body::{Body, to_bytes},
    http::Response,
};
use serde_json::Value;
use std::time::Duration;

/// The text of an answer.
pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The status and content of an answer that must be a problem.
pub(crate) async fn problem(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").cloned();
    let text = text(response).await;
    assert_eq!(content_type.unwrap(), "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status);
    (status, problem)
}

/// Waits until `condition` holds, at most half a minute.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen");
}
