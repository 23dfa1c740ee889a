//! End-to-end tests of the service: a real process with real workers, Tesseract and PDFium. Run
//! `service/fetch-pdfium.sh` before, and install Tesseract with `eng`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "shared code is part of the tests, and clippy allows these only in test functions"
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
mod languages;
mod layers;
mod load;
mod oneshot;
mod openapi;
mod page;
mod passwords;
mod pdf;
mod pictures;
mod readme;
mod recognition;
mod replay;
mod rules;
mod sandbox;
mod searchable;
mod second_pass;
mod seen;
mod sharing;
mod shown;
mod sockets;
mod support;
mod uncovered;
mod uploads;
mod upright;
mod workers;
