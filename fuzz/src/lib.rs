//! What any bytes from outside must leave unharmed.
//!
//! Each target reads bytes as one part of the platform does and fails where a promise is
//! broken. `fuzz/libfuzzer` feeds them to libFuzzer (`make fuzz`), and `tests/corpus.rs` what
//! was kept of that, with seeded changes, in every `make test`.
#![forbid(unsafe_code)]

pub mod flash;
pub mod mapping;
pub mod names;
pub mod packets;
pub mod payloads;
pub mod segment;
pub mod sessions;
pub mod values;

/// Reads bytes; says whether they were good for anything.
pub type Target = fn(&[u8]) -> bool;

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("compact", payloads::compact),
    ("flash", flash::withstand),
    ("json", payloads::json),
    ("mapping", mapping::withstand),
    ("names", names::withstand),
    ("packets", packets::withstand),
    ("segment", segment::withstand),
    ("senml_cbor", payloads::senml_cbor),
    ("senml_json", payloads::senml_json),
    ("sessions", sessions::withstand),
    ("values", values::withstand),
];
