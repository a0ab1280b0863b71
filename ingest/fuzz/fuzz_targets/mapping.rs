//! Any bytes as an uplink: `cargo +nightly fuzz run mapping` in this folder's parent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nhip_ingest::{
    decode::{Limits, Readings},
    mapping::{MappingRule, chirpstack_v4, the_things_stack_v3},
};

fuzz_target!(|payload: &[u8]| {
    for raw in [chirpstack_v4(), the_things_stack_v3()] {
        if let Ok(rule) = MappingRule::compile(&raw) {
            let mut out = Readings::default();
            let _ = rule.decode("a/b", payload, &Limits::default(), &mut out);
        }
    }
});
