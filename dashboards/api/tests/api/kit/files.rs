//! The files of a page.

use nhip_api::{Asset, Assets};

/// A page of two files.
pub(super) struct Files;

impl Assets for Files {
    fn file(&self, path: &str) -> Option<Asset> {
        let (bytes, content_type): (&'static [u8], _) = match path {
            "index.html" => (
                b"<!doctype html><title>Nh\xe1\xbb\x8bp</title>",
                "text/html",
            ),
            "assets/app-1f2e.js" => (b"export {}", "text/javascript"),
            _ => return None,
        };
        Some(Asset {
            bytes: bytes.into(),
            content_type: content_type.into(),
            etag: "\"1f2e\"".into(),
        })
    }
}
