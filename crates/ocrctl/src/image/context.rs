//! The builder's input as a tar archive: the same bytes for the same commit, whoever packs it and when.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::sbom::cyclonedx;
use super::source::Source;

/// Name of the list of components in the archive; service/Dockerfile puts it into the image.
const SBOM_FILE: &str = "sbom.cdx.json";

/// A build context.
#[derive(Debug)]
pub struct Context {
    pub tar: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    #[error("{} can't be packed: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("Cargo.lock can't be read: {0}")]
    Lock(String),
}

impl Context {
    pub fn pack(source: &Source) -> Result<Self, ContextError> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut lock = String::new();
        for name in &source.files {
            let path = source.root.join(name);
            let failed = |source| ContextError::File {
                path: name.clone(),
                source,
            };
            let bytes = std::fs::read(&path).map_err(failed)?;
            let mode = path.metadata().map_err(failed)?.permissions().mode();
            if name.as_os_str() == "Cargo.lock" {
                lock = String::from_utf8_lossy(&bytes).into_owned();
            }
            // The one bit that git keeps; owners and other bits are the clone's.
            let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
            let mut header = header(source.time, mode, bytes.len());
            tar.append_data(&mut header, name, bytes.as_slice())
                .map_err(failed)?;
        }
        let sbom = cyclonedx(&lock, "ocr-service", &source.version).map_err(ContextError::Lock)?;
        let mut header = header(source.time, 0o644, sbom.len());
        let failed = |source| ContextError::File {
            path: SBOM_FILE.into(),
            source,
        };
        tar.append_data(&mut header, SBOM_FILE, sbom.as_bytes())
            .map_err(failed)?;
        let tar = tar.into_inner().map_err(failed)?;
        Ok(Self { tar })
    }
}

fn header(time: u64, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_are_the_same_bytes_whatever_their_times_and_modes() {
        let pack = |mode: u32| {
            let dir = tempfile::tempdir().unwrap();
            let lock = "[[package]]\nname = \"ocr-service\"\nversion = \"1.0.0\"\n";
            for (name, text) in [("Cargo.lock", lock), ("run.sh", "#!/bin/sh\n")] {
                std::fs::write(dir.path().join(name), text).unwrap();
            }
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(dir.path().join("run.sh"), permissions).unwrap();
            let source = Source {
                root: dir.path().to_owned(),
                revision: "0".into(),
                version: "1.0.0".into(),
                time: 1_700_000_000,
                dirty: false,
                files: vec!["Cargo.lock".into(), "run.sh".into()],
            };
            Context::pack(&source).unwrap().tar
        };
        assert!(pack(0o755) == pack(0o700));
        assert!(pack(0o755) != pack(0o644), "a script has lost its bit");
    }
}
