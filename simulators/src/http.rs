//! A client for the platform's HTTP API: plain HTTP/1.1, one connection, bodies bounded.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// The platform's HTTP address, and a connection to it while one is open.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
    config: Config,
}

/// Bounds on one request.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long one answer may take, s. Default 60.
    pub answer_s_max: u64,
    /// How long one answer may be, bytes. Default 256 MiB.
    pub answer_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            answer_s_max: 60,
            answer_bytes_max: 256 << 20,
        }
    }
}

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The platform can't be reached, or went away: worth another try.
    #[error("{address} can't be reached: {reason}")]
    Unreachable {
        /// Where it should be.
        address: SocketAddr,
        /// What the connection said.
        reason: String,
    },
    /// The platform answered with an error; 5xx and 429 are worth another try.
    #[error("{path} was answered with {status}: {detail}")]
    Status {
        /// The path asked for.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The start of the body.
        detail: String,
    },
    /// The answer isn't what the contract says.
    #[error("the answer of {path} can't be read: {reason}")]
    Answer {
        /// The path asked for.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl ApiError {
    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Answer { .. } => false,
        }
    }
}

impl Api {
    /// A client of the platform at an address; it connects when it is first used.
    pub fn new(address: SocketAddr, config: Config) -> Self {
        Self {
            address,
            sender: None,
            config,
        }
    }

    /// The JSON that a path (with its query) gives.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ApiError> {
        let body = self.send(Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::Answer {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Asks whether the platform is there.
    pub async fn knock(&mut self) -> Result<(), ApiError> {
        let answer = self.send(Method::GET, "/healthz", Bytes::new()).await;
        answer.map(drop)
    }

    /// Puts JSON at a path.
    pub async fn put(&mut self, path: &str, body: &serde_json::Value) -> Result<(), ApiError> {
        let body = Bytes::from(body.to_string());
        self.send(Method::PUT, path, body).await.map(drop)
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ApiError> {
        let limit = Duration::from_secs(self.config.answer_s_max);
        let answer = timeout(limit, self.exchange(method, path, body)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(unreachable(
                self.address,
                format!("no answer within {} s", limit.as_secs()),
            ))
        });
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        let address = self.address;
        let sender = self.connection().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, address.to_string())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ApiError::Answer {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| unreachable(address, error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), self.config.answer_bytes_max)
            .collect()
            .await
            .map_err(|error| unreachable(address, error))?
            .to_bytes();
        accept(path, status, body)
    }

    async fn connection(&mut self) -> Result<&mut http1::SendRequest<Full<Bytes>>, ApiError> {
        let address = self.address;
        let open = match self.sender.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let sender = match open {
            Some(sender) => sender,
            None => connect(address)
                .await
                .map_err(|reason| unreachable(address, reason))?,
        };
        Ok(self.sender.insert(sender))
    }
}

async fn connect(address: SocketAddr) -> Result<http1::SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| error.to_string())?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // The connection ends with its sender; what ends it early is seen by the next request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn accept(path: &str, status: StatusCode, body: Bytes) -> Result<Bytes, ApiError> {
    if status.is_success() {
        return Ok(body);
    }
    Err(ApiError::Status {
        path: path.to_owned(),
        status: status.as_u16(),
        detail: String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned(),
    })
}

fn unreachable(address: SocketAddr, reason: impl ToString) -> ApiError {
    ApiError::Unreachable {
        address,
        reason: reason.to_string(),
    }
}

/// Percent-encodes what a query value can't hold.
pub fn escape(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                // Writing to a string can't fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
        escaped
    })
}
