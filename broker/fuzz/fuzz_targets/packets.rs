#![no_main]

#[path = "../exercise.rs"]
mod exercise;

use libfuzzer_sys::fuzz_target;
use nhip_broker::codec::Version;

fuzz_target!(|bytes: &[u8]| {
    exercise::exercise(Version::V311, bytes);
    exercise::exercise(Version::V5, bytes);
});
