#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocr_server::http::fuzzing::headers(bytes));
