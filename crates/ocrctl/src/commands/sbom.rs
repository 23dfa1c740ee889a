//! `ocrctl sbom LOCK`, for packaging/: the crates of this executable.

use std::path::Path;

use super::{Failed, Outcome, Result};
use crate::image::cyclonedx;
use crate::report::Report;
use ocrctl_protocol::Diagnostic;

pub(super) fn run(report: &Report, lock: &Path) -> Result {
    let unread = |reason: String| {
        let text = format!("{} can't be read: {reason}", lock.display());
        Failed::new(Diagnostic::new(text).hint("name the Cargo.lock that ocrctl was built with"))
    };
    let text = std::fs::read_to_string(lock).map_err(|error| unread(error.to_string()))?;
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    report.data(&cyclonedx(&text, name, version).map_err(unread)?);
    Ok(Outcome::Done)
}
