//! The service as its users meet it: a real process, real workers, real Tesseract and PDFium.
//! Needs `service/fetch-pdfium.sh` to have run, and Tesseract with `eng`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what the tests share is part of the tests, and clippy allows these in test functions only"
)]

mod active;
mod agreement;
mod answer_formats;
mod answers;
mod attachments;
mod bad_input;
mod barcodes;
mod bounds;
mod cells;
mod codes;
mod connections;
mod counts;
mod crashes;
mod doubts;
mod drain;
mod engine;
mod formats;
mod hostile;
mod inspect;
mod isolation;
mod keys;
mod layers;
mod load;
mod oneshot;
mod openapi;
mod page;
mod pdf;
mod pictures;
mod readme;
mod recognition;
mod replay;
mod rules;
mod sandbox;
mod searchable;
mod second_look;
mod seen;
mod sharing;
mod shown;
mod sockets;
mod support;
mod uncovered;
mod uploads;
mod upright;
mod workers;
