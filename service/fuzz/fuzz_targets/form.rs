#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ocr_service::fuzzing::form(bytes));
