//! API keys: their text, their hashes, `keys.json` with the hashes, and counts of their use.

mod file;
mod hash;
mod key;
mod usage;

pub use file::{KeyFile, KeyFileError, KeyRecord, Quota, Refusal, Refused, Scope};
pub use hash::KeyHash;
pub use key::{ApiKey, ApiKeyError};
pub use usage::{KeyUse, Usage};
