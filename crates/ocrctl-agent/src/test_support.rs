//! Test support shared with other crates.

#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/mount.rs"]
pub(crate) mod mount;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/pebble.rs"]
pub(crate) mod pebble;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/saved_image.rs"]
pub(crate) mod saved_image;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "../../../tests/support/sshd.rs"]
pub(crate) mod sshd;
