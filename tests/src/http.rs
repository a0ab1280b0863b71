//! Asking the API.

use serde_json::Value;
use std::{net::SocketAddr, time::Duration};

/// A status and a body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// How long the server says that it took.
    pub server_timing: Option<String>,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text))
    }
}

/// Asks, whatever the status; an error only when there is no answer.
pub fn ask(
    method: &str,
    address: SocketAddr,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let url = format!("http://{address}{path}");
    let request = ureq::http::Request::builder().method(method).uri(url);
    let mut response = match body {
        Some(body) => agent.run(
            request
                .header("content-type", "application/json")
                .body(body.to_string())
                .expect("the test's own request is valid"),
        )?,
        None => agent.run(request.body(()).expect("the test's own request is valid"))?,
    };
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let content_type = header("content-type").unwrap_or_default();
    let server_timing = header("server-timing");
    let text = response
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_string()?;
    Ok(Answer {
        status: response.status().as_u16(),
        content_type,
        server_timing,
        text,
    })
}
