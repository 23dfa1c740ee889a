//! `--archive`: the image in a file, for `plan` and `deploy`.

use std::sync::Arc;

use super::{Failed, Result};
use crate::cli;
use crate::report::Report;
use ocrctl_inventory::Environment;
use ocrctl_protocol::{Desired, Diagnostic, Level};
use ocrctl_registry::archive::{Archive, ArchiveError};

/// Reads it, all of it, before anything else happens. `None` if the image comes from its registry.
pub(super) fn open(
    report: &Report,
    asked: &cli::Archive,
    environment: &Environment,
) -> Result<Option<Arc<Archive>>> {
    let Some(path) = &asked.archive else {
        return Ok(None);
    };
    let archive = Archive::open(path, &environment.image)?;
    for note in &archive.notes {
        report.note(None, Level::Warning, note);
    }
    Ok(Some(Arc::new(archive)))
}

/// Returns the desired state of the hosts, with the archive's image.
pub(super) async fn desired(
    environment: &Environment,
    archive: Option<&Arc<Archive>>,
) -> Result<Desired> {
    Ok(Desired {
        archive: archive.map(|archive| archive.image.clone()),
        ..environment.desired().await?
    })
}

impl From<ArchiveError> for Failed {
    fn from(error: ArchiveError) -> Self {
        let mut diagnostic = Diagnostic::of(&error);
        diagnostic.hint = error.hint();
        Self::new(diagnostic)
    }
}
