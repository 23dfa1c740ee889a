//! State that a host can't make again: API keys (their hashes), rules, ACME accounts and certificates with the
//! authority that clients trust. Read and encrypted on the host, kept by the operator in one file for all
//! hosts of an environment, and put back by `ocrctl deploy ENV --restore FILE`.

mod contents;
mod restore;
mod stamp;

pub use contents::{collect, digest};
pub use restore::{compare, restore};
pub use stamp::Stamp;
