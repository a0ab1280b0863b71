//! What the embedded store keeps: chunks, parts, pages, rollups.

/// See [`nhip_store::conformance::values`].
pub use nhip_store::conformance::values::withstand;
