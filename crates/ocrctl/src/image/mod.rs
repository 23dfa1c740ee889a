//! The service's image, built from a clone of this repository: what goes to the builder, and what is said of it.

mod context;
mod sbom;
mod source;

pub use context::{Context, ContextError};
pub use sbom::cyclonedx;
pub use source::{Source, SourceError};

/// Where the image has the list of what its own programs are made of; a label says so.
pub const SBOM: &str = "/usr/share/doc/ocr-service/sbom.cdx.json";
pub const SBOM_LABEL: &str = "org.ocrctl.sbom";
