//! `ocrctl rehearse`: starts the rehearsal, which is an executable of its own, so that this one, which goes to hosts, holds
//! nothing of it.

use std::path::{Path, PathBuf};

use ocrctl_command::Program;
use ocrctl_protocol::Diagnostic;

use super::Failed;

const NAME: &str = "ocrctl-rehearsal";
/// Where cargo puts what it builds in a clone: below the target's name, or without it.
const BUILT: &str = "target";
/// Names this executable to the rehearsal.
const OCRCTL: &str = "OCRCTL_REHEARSAL_OCRCTL";

/// Becomes the rehearsal, with the command line as it is. What comes back is why not.
pub fn start() -> Failed {
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return Failed::new(Diagnostic::of(&error)),
    };
    let Some(rehearsal) = find(&own, Path::new(BUILT)) else {
        return Failed::new(
            Diagnostic::new(format!(
                "there is no {NAME} beside {}, nor in {BUILT}/ of this directory",
                own.display()
            ))
            .hint("`make build` in a clone of the repository builds both; `make rehearse` does all of it"),
        );
    };
    let error = Program::new(rehearsal.to_string_lossy())
        .args(std::env::args_os().skip(1))
        .env(OCRCTL, own)
        .replace();
    Failed::new(Diagnostic::of(&error).hint(error.hint()))
}

/// Beside ocrctl, or in a clone's `target/`, where ocrctl itself came from a package.
fn find(own: &Path, built: &Path) -> Option<PathBuf> {
    let within = |directory: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let profiles = within(built);
    let of_targets = profiles.iter().flat_map(|target| within(target));
    let beside = own.parent().map(Path::to_owned);
    beside
        .into_iter()
        .chain(profiles.iter().cloned())
        .chain(of_targets)
        .map(|directory| directory.join(NAME))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_beside_ocrctl_or_where_cargo_has_put_it() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let (own, built) = (put("bin/ocrctl"), dir.path().join("target"));
        assert_eq!(find(&own, &built), None);
        let of_target = put("target/x86_64-unknown-linux-gnu/quick/ocrctl-rehearsal");
        assert_eq!(find(&own, &built), Some(of_target));
        let beside = put("bin/ocrctl-rehearsal");
        assert_eq!(find(&own, &built), Some(beside));
    }
}
