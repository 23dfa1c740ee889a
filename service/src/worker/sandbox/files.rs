//! Landlock: files are read where language data and fonts are, and nowhere else, and none is written.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use ocr_api::answer::DocumentType;

/// The newest version of Landlock's interface that these rules were written for; older kernels do what they can.
const NEWEST: ABI = ABI::V6;
/// Where PDFium looks for a font that a document uses and does not contain.
const FONTS: [&str; 4] = [
    "/usr/share/fonts",
    "/usr/share/X11/fonts/Type1",
    "/usr/share/X11/fonts/TTF",
    "/usr/local/share/fonts",
];
/// Where Tesseract writes its remarks.
const NULL: &str = "/dev/null";

/// Why files are not out of reach.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("the kernel has none, or a container's rules hide it")]
    None,
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
}

/// Restricts this thread. The version of the interface that is in force.
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

/// Restricts this thread further: to fonts for a PDF, and to no file for an image.
pub(super) fn narrow(kind: DocumentType) -> Result<(), FilesError> {
    let readable = match kind {
        DocumentType::Pdf => rules(fonts())?,
        DocumentType::Png | DocumentType::Jpeg | DocumentType::Tiff | DocumentType::Webp => {
            rules([])?
        }
    };
    match readable.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err(FilesError::None),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

fn fonts<'a>() -> impl Iterator<Item = &'a Path> {
    FONTS.into_iter().map(Path::new)
}

/// Files below these may be read, and Tesseract's remarks be thrown away.
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

/// Nothing is allowed at a path that is not there.
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
