//! The operations page: files that were built into the binary.

use crate::{
    parts::{App, Asset},
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// Files under here are named by their content and never change.
const IMMUTABLE: &str = "assets/";

/// A file of the page, or the page itself for its own addresses.
pub(crate) async fn page(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Err(Problem::not_found("the API has nothing here; see /docs"));
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        return Ok((StatusCode::METHOD_NOT_ALLOWED, allowed).into_response());
    }
    // Names with a point are files; anything else is an address inside the page. What is not
    // in the set of files can't be reached whatever the path says: there is no file system.
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let (name, asset) = match app.parts.assets.file(path) {
        Some(asset) if !path.is_empty() => (path, Some(asset)),
        _ if is_file => (path, None),
        _ => ("index.html", app.parts.assets.file("index.html")),
    };
    let asset = asset.ok_or_else(|| Problem::not_found("there is no such page"))?;
    Ok(answer(name, asset, &headers))
}

fn answer(name: &str, asset: Asset, headers: &HeaderMap) -> Response {
    let caching = if name.starts_with(IMMUTABLE) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| is_same(tag, &asset.etag)));
    // The same content may go out packed or not, which makes the tag a weak one.
    let about = [
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, format!("W/{}", asset.etag)),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, asset.content_type.into_owned())];
    (about, content_type, asset.bytes.into_owned()).into_response()
}

fn is_same(tag: &str, etag: &str) -> bool {
    tag.trim().trim_start_matches("W/") == etag
}
