//! The operations page, as it was built into the binary.

use nhip_api::{Asset, Assets};
use rust_embed::RustEmbed;
use std::fmt::Write;

/// The files of `dashboards/web/dist`.
#[derive(RustEmbed)]
#[folder = "../dashboards/web/dist"]
pub struct Page;

impl Assets for Page {
    fn file(&self, path: &str) -> Option<Asset> {
        let file = Self::get(path)?;
        let mut etag = String::from("\"");
        for byte in &file.metadata.sha256_hash()[..16] {
            // Writing into a text can't fail.
            let _ = write!(etag, "{byte:02x}");
        }
        etag.push('"');
        Some(Asset {
            bytes: file.data,
            content_type: content_type(path).into(),
            etag: etag.into(),
        })
    }
}

/// The media type of what the page is built of.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("geojson") => "application/geo+json",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
