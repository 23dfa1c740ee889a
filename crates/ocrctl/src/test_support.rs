//! Test support shared with other crates.

#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/saved_image.rs"]
pub(crate) mod saved_image;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/sshd.rs"]
pub(crate) mod sshd;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/test_host.rs"]
pub(crate) mod test_host;
