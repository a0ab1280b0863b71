#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    nhip_fuzz::sessions::withstand(bytes);
});
