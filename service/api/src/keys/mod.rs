//! API keys: their text, their hashes, and `keys.json`, which holds only the hashes.

mod file;
mod hash;
mod key;

pub use file::{KeyFile, KeyFileError, KeyRecord, Quota, Refusal, Scope};
pub use hash::KeyHash;
pub use key::{ApiKey, ApiKeyError};
