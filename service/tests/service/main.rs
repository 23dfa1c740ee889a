//! The service as its users meet it: a real process, real workers, real Tesseract and PDFium.
//! Needs `service/fetch-pdfium.sh` to have run, and Tesseract with `eng`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what the tests share is part of the tests, and clippy allows these in test functions only"
)]

mod answers;
mod bad_input;
mod codes;
mod drain;
mod formats;
mod keys;
mod oneshot;
mod pdf;
mod second_look;
mod sockets;
mod support;
mod workers;
