//! Types shared by ocr-service, its clients and ocrctl.
//!
//! - [`keys`]: API keys and the file that holds their hashes
//! - [`answer`]: answers of `POST /v1/ocr` and `POST /v1/codes`
//! - [`event`]: lines of an answer in NDJSON
//! - [`inspection`]: answer of `POST /v1/inspect`
//! - [`issue`]: issues of an answer
//! - [`capacity`]: answer of `GET /v1/capacity`
//! - [`code`]: a code found in a document
//! - [`problem`]: all error answers (RFC 9457)
//! - [`quantity`]: sizes and durations as they are written
//! - [`health`]: answers of `/healthz` and `/readyz`

pub mod answer;
pub mod capacity;
pub mod code;
pub mod event;
pub mod health;
pub mod inspection;
pub mod issue;
pub mod keys;
pub mod problem;
pub mod quantity;
#[cfg(feature = "schema")]
pub mod schema;
