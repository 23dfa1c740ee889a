//! What unit tests share with the integration tests.

#[path = "../tests/support/mount.rs"]
pub(crate) mod mount;
#[path = "../tests/support/pebble.rs"]
pub(crate) mod pebble;
#[path = "../tests/support/sshd.rs"]
pub(crate) mod sshd;
#[path = "../tests/support/user.rs"]
pub(crate) mod user;
