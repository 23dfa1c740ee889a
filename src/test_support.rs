//! What unit tests share with the integration tests.

#[path = "../tests/support/sshd.rs"]
pub(crate) mod sshd;
