//! Asking the API.

use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A status and a body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: String,
    /// The cursor of the next page, of formats that have no place for it.
    pub next: Option<String>,
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
    let next = header("nhip-next");
    let text = response
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_string()?;
    Ok(Answer {
        status: response.status().as_u16(),
        content_type,
        next,
        text,
    })
}

/// How long the server says that an answer took, waiting for us aside: ms. It follows the
/// body of a streamed answer, where only those who look for trailers see it.
pub fn server_ms(address: SocketAddr, path: &str) -> io::Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nTE: trailers\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let field = |name: &str| {
        let (_, rest) = answer.rsplit_once("server-timing: ")?;
        let (_, rest) = rest.split_once(&format!("{name};dur="))?;
        let end = rest.find([',', '\r'])?;
        rest[..end].parse::<f64>().ok()
    };
    match (field("total"), field("client")) {
        (Some(total), Some(client)) => Ok(total - client),
        _ => Err(io::Error::other(format!("no Server-Timing for {path}"))),
    }
}
