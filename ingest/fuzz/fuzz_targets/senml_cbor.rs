//! Any bytes as a `senml_cbor` payload: `cargo +nightly fuzz run senml_cbor` in this folder's parent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nhip_ingest::decode::{Limits, Readings, decode};
use nhip_wire::Format;

fuzz_target!(|payload: &[u8]| {
    let mut out = Readings::default();
    let _ = decode(Format::SenmlCbor, payload, 1_795_327_200_000_000, &Limits::default(), &mut out);
});
