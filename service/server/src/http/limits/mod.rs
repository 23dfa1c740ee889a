//! Limits on requests, and the counts that they are compared with.

pub(super) mod attempts;
pub(super) mod budget;
pub(super) mod days;
pub(super) mod deadline;
pub(super) mod quota;
pub(super) mod share;

use std::time::Duration;

/// Limits on requests and on the service as a whole.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest document, in bytes.
    pub max_upload: u64,
    /// Most pages per request.
    pub max_pages: u32,
    /// Time in which a request is answered, counted from its first byte.
    pub deadline: Duration,
    /// Most documents in the service at a time, being read or waiting.
    pub max_documents: usize,
    /// Most bytes of documents in the service at a time.
    pub max_memory: u64,
    /// Limits on cached answers.
    pub replay: ReplayLimits,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct ReplayLimits {
    /// Of memory, about; 0 keeps nothing.
    pub bytes: u64,
    /// Nothing is kept for longer.
    pub age: Duration,
}
