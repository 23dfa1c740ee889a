//! Every transport against a real host: the same contract for each, and what is SSH's own.

mod contract;
mod login;
mod refusals;
pub(crate) mod support;
