//! Landlock: files are read where language data and fonts are, and nowhere else, and none is written.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

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
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = allow(rules, language_data, read)?;
    for fonts in FONTS {
        rules = allow(rules, Path::new(fonts), read)?;
    }
    let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let status = allow(rules, Path::new(NULL), write)?.restrict_self()?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            Ok(effective_abi as u32)
        }
        _ => Err(FilesError::None),
    }
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
