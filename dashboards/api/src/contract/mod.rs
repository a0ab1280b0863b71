//! The contracts: OpenAPI of the HTTP API, AsyncAPI of MQTT topics and live streams.

mod asyncapi;
mod errors;
mod integers;

pub(crate) use asyncapi::asyncapi;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi};

/// Completes the document that the handlers gave.
pub(crate) fn openapi(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Nhịp")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Times are RFC 3339 UTC with microseconds; in queries integer milliseconds since \
             1970 are taken too. Lists are `{\"items\": […], \"next\": \"…\"}`: `next` is the \
             `cursor` of the next page and absent on the last. Errors are RFC 9457 problem \
             details; `parameter` names what is at fault, in a body by its path \
             (`datastreams[0].unit`). A parameter that is not known is \
             refused. Geometry is GeoJSON, longitude first.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .contact(None::<ContactBuilder>.map(ContactBuilder::build))
        .build();
    errors::declare(&mut document);
    integers::name(&mut document);
    document
}
