//! What a host can't make again: API keys (their hashes), rules, ACME accounts and certificates with the
//! authority that clients trust. Read and encrypted on the host, kept by the operator in one file for all
//! hosts of an environment, and put back by `ocrctl deploy ENV --restore FILE`.

mod contents;
mod file;
mod restore;
mod seal;
mod stamp;

pub use contents::Contents;
pub use file::{BackupFile, FileError, Opened, Part};
pub use restore::{compare, restore};
pub use seal::{Identities, Recipient, RecipientError, seal};
pub use stamp::Stamp;

/// The time, as exactly as people read it.
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now)
}
