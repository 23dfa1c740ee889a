//! Types shared by ocr-service, its clients and ocrctl.
//!
//! - [`keys`]: API keys and the file that holds their hashes
//! - [`answer`]: what `POST /v1/ocr` and `POST /v1/codes` answer
//! - [`inspection`]: what `POST /v1/inspect` answers
//! - [`issue`]: what its reader should know about an answer
//! - [`capacity`]: what `GET /v1/capacity` answers
//! - [`code`]: a code found in a document
//! - [`problem`]: every error answer (RFC 9457)
//! - [`health`]: what `/healthz` and `/readyz` answer

pub mod answer;
pub mod capacity;
pub mod code;
pub mod health;
pub mod inspection;
pub mod issue;
pub mod keys;
pub mod problem;
