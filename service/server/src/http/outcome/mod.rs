//! The end of a request: a problem in place of an answer, and the line in the log.

pub(super) mod access;
pub(super) mod error;
pub(super) mod problems;
