//! Answers in the formats that clients ask for.

pub(super) mod answer;
mod hocr;
pub(super) mod ndjson;
pub(super) mod searchable;
pub(super) mod written;
