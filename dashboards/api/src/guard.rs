//! What every request and answer goes through: who may ask, and what browsers may do with it.

use crate::{
    Config, Hosts,
    parts::App,
    problem::{self, Problem},
    timing,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::time::{Duration, Instant};

/// What the operations page may load: its own files, and pictures that its map makes.
const POLICY_OF_PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page that explains the API may load: Swagger UI writes styles into its elements.
const POLICY_OF_DOCS: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Refuses what must not get in, and marks what goes out.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let config = &app.parts.config;
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let checked = check_host(request.headers(), &config.hosts)
        .and_then(|()| check_origin(&request, reads, config));
    let policy = policy(request.uri().path());
    let mut response = match checked {
        Ok(()) => problem::explained(next.run(request).await).await,
        Err(problem) => problem.into_response(),
    };
    let mut set = |name: HeaderName, value: &'static str| {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::REFERRER_POLICY, "no-referrer");
    if reads && config.cors_any_origin {
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    timing::tell(response.headers_mut(), started.elapsed());
    response
}

fn policy(path: &str) -> &'static str {
    match path.strip_prefix("/docs") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => POLICY_OF_DOCS,
        _ => POLICY_OF_PAGE,
    }
}

/// Gives a request's body a bounded time to arrive.
pub(crate) async fn bound_body(State(app): State<App>, request: Request, next: Next) -> Response {
    let config = &app.parts.config;
    let (head, body) = request.into_parts();
    let patience = Duration::from_secs(config.body_timeout_s);
    let read = axum::body::to_bytes(body, config.body_bytes_max);
    match tokio::time::timeout(patience, read).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, bytes.into())).await,
        Ok(Err(_)) => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body of at most {} B is taken", config.body_bytes_max),
        )
        .into_response(),
        Err(_) => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not arrive within {} s", config.body_timeout_s),
        )
        .into_response(),
    }
}

/// Refuses names that are not ours.
fn check_host(headers: &HeaderMap, hosts: &Hosts) -> Result<(), Problem> {
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    match host {
        // HTTP/1.0 and tools without a Host are no browsers.
        None => Ok(()),
        Some(Ok(host)) if hosts.knows(host) => Ok(()),
        Some(_) => Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "the name in the Host header is not in the setting `http.hosts`: ask by IP address, \
             or add the name to it",
        )),
    }
}

/// A page elsewhere must not change anything here with the rights of who looks at it, nor
/// read the live stream, which WebSocket would let it.
fn check_origin(request: &Request, reads: bool, config: &Config) -> Result<(), Problem> {
    let headers = request.headers();
    let upgrades = headers.contains_key(header::UPGRADE);
    if reads && (!upgrades || config.cors_any_origin) {
        return Ok(());
    }
    let foreign = match headers.get(header::ORIGIN) {
        None => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "cross-site"),
        Some(origin) => !is_own(origin, headers, &config.hosts),
    };
    if foreign {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a page of another origin must not do this, unless its host name is in the setting \
             `http.hosts`",
        ));
    }
    Ok(())
}

fn is_own(origin: &HeaderValue, headers: &HeaderMap, hosts: &Hosts) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    let host = host.unwrap_or(Ok("")).unwrap_or_default();
    origin
        .to_str()
        .is_ok_and(|origin| hosts.take_page(origin, host))
}
