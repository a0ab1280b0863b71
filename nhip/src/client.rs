//! Asking a running platform, for the subcommands that do.

use anyhow::{Context, anyhow, bail};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a whole answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

type Answer = ureq::http::Response<ureq::Body>;

/// The API of a platform.
#[derive(Debug)]
pub struct Client {
    base: String,
    agent: ureq::Agent,
}

impl Client {
    /// The API at a URL as `http://127.0.0.1:8080`.
    pub fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build()
            .into();
        Self {
            base: url.trim_end_matches('/').into(),
            agent,
        }
    }

    /// `GET path`, read as JSON.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask("GET", path, None)
    }

    /// `GET path`, read as JSON; none where the platform answers that there is no such thing.
    pub fn find<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        let answer = self.send("GET", path, None)?;
        if answer.status() == ureq::http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.read("GET", path, answer).map(Some)
    }

    /// A request with a JSON body; the answer read as JSON.
    pub fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<T> {
        let answer = self.send(method, path, body)?;
        self.read(method, path, answer)
    }

    /// `DELETE path`; whether there was such a thing.
    pub fn delete(&self, path: &str) -> anyhow::Result<bool> {
        let answer = self.send("DELETE", path, None)?;
        if answer.status() == ureq::http::StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.checked("DELETE", path, answer).map(|_| true)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.base);
        let request = ureq::http::Request::builder().method(method).uri(&url);
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string())?)
            }
            None => self.agent.run(request.body(())?),
        };
        answer.map_err(|error| {
            anyhow!(
                "no platform answers at {} ({error}); start it with `nhip up`, or say where it is \
                 with --url",
                self.base
            )
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        answer: Answer,
    ) -> anyhow::Result<T> {
        let mut answer = self.checked(method, path, answer)?;
        let body = answer.body_mut().with_config().limit(1 << 30).reader();
        serde_json::from_reader(std::io::BufReader::new(body))
            .with_context(|| format!("the answer of {}{path} is none of a platform's", self.base))
    }

    fn checked(&self, method: &str, path: &str, mut answer: Answer) -> anyhow::Result<Answer> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        bail!(
            "{method} {}{path} answered {status}: {}",
            self.base,
            explain(&text)
        )
    }
}

/// The words of a problem document (RFC 9457), or the text as it came.
fn explain(text: &str) -> String {
    let problem: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    match (problem["title"].as_str(), problem["detail"].as_str()) {
        (_, Some(detail)) => detail.into(),
        (Some(title), None) => title.into(),
        _ => text.chars().take(200).collect(),
    }
}

/// A value for a query string.
pub fn encode(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
