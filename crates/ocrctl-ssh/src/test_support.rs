//! Test support shared with other crates.

#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/mount.rs"]
pub(crate) mod mount;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/slow_link.rs"]
pub(crate) mod slow_link;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/ssh_agent.rs"]
pub(crate) mod ssh_agent;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/sshd.rs"]
pub(crate) mod sshd;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/test_host.rs"]
pub(crate) mod test_host;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/user.rs"]
pub(crate) mod user;
