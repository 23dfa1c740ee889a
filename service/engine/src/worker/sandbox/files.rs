//! Landlock rules: language data and fonts may be read, no other file may be read, and none may be written.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use ocr_api::answer::DocumentType;

/// Newest version of Landlock's interface that these rules use. Older kernels apply what they support.
const NEWEST: ABI = ABI::V6;
/// Directories in which PDFium searches for fonts that a document uses and does not contain.
const FONTS: [&str; 4] = [
    "/usr/share/fonts",
    "/usr/share/X11/fonts/Type1",
    "/usr/share/X11/fonts/TTF",
    "/usr/local/share/fonts",
];
/// File to which Tesseract writes its messages.
const NULL: &str = "/dev/null";

/// Reason for which files could not be restricted.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("the kernel has no Landlock, or a container's rules hide it")]
    None,
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
}

/// Restricts this thread. Returns the version of the interface in force.
pub(super) fn restrict(language_data: &Path) -> Result<u32, FilesError> {
    let status = rules([language_data].into_iter().chain(fonts()))?.restrict_self()?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            Ok(effective_abi as u32)
        }
        _ => Err(FilesError::None),
    }
}

/// Restricts this thread further: to fonts for a PDF, and to no files for an image.
pub(super) fn narrow(kind: DocumentType) -> Result<(), FilesError> {
    let readable = match kind {
        DocumentType::Pdf => rules(fonts())?,
        DocumentType::Png
        | DocumentType::Jpeg
        | DocumentType::Tiff
        | DocumentType::Webp
        | DocumentType::Gif
        | DocumentType::Bmp
        | DocumentType::Jp2
        | DocumentType::Heic
        | DocumentType::Avif => rules([])?,
    };
    match readable.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err(FilesError::None),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn fonts<'a>() -> impl Iterator<Item = &'a Path> {
    FONTS.into_iter().map(Path::new)
}

/// Allows reading files below these paths, and discarding Tesseract's messages.
fn rules<'a>(readable: impl IntoIterator<Item = &'a Path>) -> Result<RulesetCreated, RulesetError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?;
    for path in readable {
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    allow(rules, Path::new(NULL), write)
}

/// Allows access to a path. Missing paths are skipped.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(opened) => rules.add_rule(PathBeneath::new(opened, access)),
        Err(_) => Ok(rules),
    }
}
