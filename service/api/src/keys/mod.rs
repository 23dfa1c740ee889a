//! API keys: their text, their hashes, `keys.json`, which holds only the hashes, and how often each is used.

mod file;
mod hash;
mod key;
mod usage;

pub use file::{KeyFile, KeyFileError, KeyRecord, Quota, Refusal, Refused, Scope};
pub use hash::KeyHash;
pub use key::{ApiKey, ApiKeyError};
pub use usage::{KeyUse, Usage};
