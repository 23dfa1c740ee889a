//! Files that the proofs keep beside the machines' own state.

pub(super) const BACKUP: &str = "rehearsal.backup";
/// It opens the backup.
pub(super) const IDENTITY: &str = "age-identity";
/// An image.
pub(super) const ARCHIVE: &str = "image.tar";
/// The authority that a probe verifies the host by.
pub(super) const PROBE_CA: &str = "probe-ca.pem";

/// The root of the ACME server's certificates.
pub(super) const ROOT: &str = "root.crt";

pub(super) const ALL: [&str; 8] = [
    "inventory.yaml",
    ROOT,
    "alerts-webhook",
    "alerts-ping",
    BACKUP,
    IDENTITY,
    ARCHIVE,
    PROBE_CA,
];
