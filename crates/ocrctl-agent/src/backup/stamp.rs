//! `/var/lib/ocrctl/backup.json`: when the host was last backed up, written once the operator has the file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::{Access, Host};
use ocrctl_protocol::{Context, Result};

const PATH: &str = "/var/lib/ocrctl/backup.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub at: Timestamp,
    pub operator: String,
    /// Digest of the contents, of [`super::contents::digest`].
    pub digest: String,
}

impl Stamp {
    pub fn write(&self, host: &Host) -> Result<()> {
        let json = serde_json::to_vec(self).context("writing the backup's stamp")?;
        host.write(PATH, &json, Access::root(0o644))
    }

    /// `None` if there was no backup yet.
    pub fn read(host: &Host) -> Result<Option<Self>> {
        host.read(PATH)?
            .map(|json| serde_json::from_slice(&json).context(format_args!("reading {PATH}")))
            .transpose()
    }
}
