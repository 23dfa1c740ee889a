//! What unit tests share with the integration tests.

#[path = "../tests/support/mount.rs"]
pub(crate) mod mount;
#[path = "../tests/support/pebble.rs"]
pub(crate) mod pebble;
#[path = "../tests/support/slow_link.rs"]
pub(crate) mod slow_link;
#[path = "../tests/support/ssh_agent.rs"]
pub(crate) mod ssh_agent;
#[path = "../tests/support/sshd.rs"]
pub(crate) mod sshd;
#[path = "../tests/support/user.rs"]
pub(crate) mod user;
