//! Types shared by ocr-service, its clients and ocrctl.
//!
//! - [`keys`]: API keys and the file that holds their hashes
//! - [`answer`]: what `POST /v1/ocr` answers
//! - [`problem`]: every error answer (RFC 9457)
//! - [`health`]: what `/healthz` and `/readyz` answer

pub mod answer;
pub mod health;
pub mod keys;
pub mod problem;
