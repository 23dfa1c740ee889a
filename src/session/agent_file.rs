//! The executable that becomes the agent on a host: ours, or one built for another architecture.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::error::SessionError;

/// A static Linux executable.
#[derive(Debug, Clone)]
pub(super) struct AgentFile {
    pub(super) path: PathBuf,
    /// As `uname -m` says it.
    pub(super) architecture: String,
    pub(super) sha256: String,
    bytes: Vec<u8>,
}

/// Every agent that we could upload.
#[derive(Debug)]
pub(super) struct Agents {
    files: Vec<AgentFile>,
}

/// What makes a file unfit to be an agent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it is not a Linux executable (ELF)")]
    NotElf,
    #[error(
        "it is an executable for 32 bits or of another byte order, for which there is no agent"
    )]
    Class,
    #[error("it is dynamically linked, needing {0}; a static one was expected")]
    Dynamic(String),
    #[error("it is cut short")]
    Truncated,
}

impl Agents {
    /// The file that was named, or this executable and the `ocrctl-agent-<architecture>` beside it.
    pub(super) fn load(named: Option<&Path>) -> Result<Self, SessionError> {
        if let Some(path) = named {
            let file = AgentFile::load(path)?;
            return Ok(Self { files: vec![file] });
        }
        let path = std::env::current_exe().map_err(|source| SessionError::AgentUnreadable {
            path: "ocrctl".into(),
            source,
        })?;
        let mut files = beside(&path)?;
        match AgentFile::load(&path) {
            Ok(file) => files.insert(0, file),
            // Such as on macOS: the others will do.
            Err(SessionError::AgentUnfit { .. }) if !files.is_empty() => {}
            Err(error) => return Err(error),
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn given(files: Vec<AgentFile>) -> Self {
        Self { files }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(AgentFile::name)
    }

    /// The agent for a host of this architecture.
    pub(super) fn fitting(
        &self,
        host: &str,
        architecture: &str,
    ) -> Result<&AgentFile, SessionError> {
        self.files
            .iter()
            .find(|file| file.architecture == architecture)
            .ok_or_else(|| SessionError::WrongArchitecture {
                host: host.to_owned(),
                expected: architecture.to_owned(),
                found: self
                    .files
                    .iter()
                    .map(|f| format!("{} ({})", f.path.display(), f.architecture))
                    .collect(),
            })
    }
}

impl AgentFile {
    fn load(path: &Path) -> Result<Self, SessionError> {
        let bytes = fs::read(path).map_err(|source| SessionError::AgentUnreadable {
            path: path.to_owned(),
            source,
        })?;
        let architecture = architecture(&bytes).map_err(|problem| SessionError::AgentUnfit {
            path: path.to_owned(),
            problem,
        })?;
        Ok(Self::new(path.to_owned(), architecture, bytes))
    }

    pub(super) fn new(path: PathBuf, architecture: String, bytes: Vec<u8>) -> Self {
        let sha256 = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path,
            architecture,
            sha256,
            bytes,
        }
    }

    /// What it is called on a host: another content is another name.
    pub(super) fn name(&self) -> String {
        format!("ocrctl-{}", &self.sha256[..16])
    }

    pub(super) fn gzip(&self) -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&self.bytes)?;
        encoder.finish()
    }
}

fn beside(executable: &Path) -> Result<Vec<AgentFile>, SessionError> {
    let Some(Ok(entries)) = executable.parent().map(fs::read_dir) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("ocrctl-agent-"))
        })
        .collect();
    paths.sort();
    paths.iter().map(|path| AgentFile::load(path)).collect()
}

/// The architecture of a static executable, from its ELF header (elf(5), 64 bits, little endian).
fn architecture(elf: &[u8]) -> Result<String, Unfit> {
    const LITTLE_ENDIAN_64: [u8; 2] = [2, 1];
    if !elf.starts_with(b"\x7fELF") {
        return Err(Unfit::NotElf);
    }
    if elf.get(4..6) != Some(&LITTLE_ENDIAN_64) {
        return Err(Unfit::Class);
    }
    if let Some(loader) = loader(elf).ok_or(Unfit::Truncated)? {
        return Err(Unfit::Dynamic(loader));
    }
    Ok(match number::<2>(elf, 18).ok_or(Unfit::Truncated)? {
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        21 => "ppc64le".into(),
        258 => "loongarch64".into(),
        other => format!("machine {other}"),
    })
}

/// The path in the program header PT_INTERP: what a dynamic executable needs to be loaded.
/// The outer `None`: the file ends too early to tell.
fn loader(elf: &[u8]) -> Option<Option<String>> {
    const PT_INTERP: usize = 3;
    let table = number::<8>(elf, 32)?;
    let (size, count) = (number::<2>(elf, 54)?, number::<2>(elf, 56)?);
    for index in 0..count {
        let header = table.checked_add(index * size)?;
        if number::<4>(elf, header)? == PT_INTERP {
            let from = number::<8>(elf, header.checked_add(8)?)?;
            let length = number::<8>(elf, header.checked_add(32)?)?;
            let path = elf.get(from..from.checked_add(length)?)?;
            let text = String::from_utf8_lossy(path);
            return Some(Some(text.trim_end_matches('\0').to_owned()));
        }
    }
    Some(None)
}

fn number<const BYTES: usize>(elf: &[u8], at: usize) -> Option<usize> {
    let field: &[u8; BYTES] = elf.get(at..)?.first_chunk()?;
    let value = field
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with one program header of type `kind`, which spans `loader` at the end.
    fn elf(machine: u16, kind: u32, loader: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&1_u16.to_le_bytes());
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file[72..80].copy_from_slice(&120_u64.to_le_bytes());
        file[96..104].copy_from_slice(&(loader.len() as u64).to_le_bytes());
        file.extend_from_slice(loader);
        file
    }

    #[test]
    fn static_executables_name_their_architecture() {
        assert_eq!(architecture(&elf(62, 1, b"")).unwrap(), "x86_64");
        assert_eq!(architecture(&elf(183, 1, b"")).unwrap(), "aarch64");
    }

    #[test]
    fn a_dynamic_one_is_refused_with_what_it_needs() {
        let file = elf(62, 3, b"/lib64/ld-linux-x86-64.so.2\0");
        let problem = architecture(&file).unwrap_err();
        assert_eq!(
            problem,
            Unfit::Dynamic("/lib64/ld-linux-x86-64.so.2".into())
        );
        // A real one.
        let shell = fs::read("/bin/sh").unwrap();
        assert!(matches!(architecture(&shell), Err(Unfit::Dynamic(_))));
    }

    #[test]
    fn what_is_no_executable_is_refused() {
        assert_eq!(architecture(b"#!/bin/sh\n"), Err(Unfit::NotElf));
        assert_eq!(architecture(b"\x7fELF\x01\x01"), Err(Unfit::Class));
        let whole = elf(62, 3, b"/lib64/ld");
        for length in 6..whole.len() {
            assert_eq!(architecture(&whole[..length]), Err(Unfit::Truncated));
        }
    }

    #[test]
    fn numbers_that_lead_nowhere_are_refused() {
        let mut file = elf(62, 3, b"/lib64/ld");
        file[96..104].fill(0xff);
        assert_eq!(architecture(&file), Err(Unfit::Truncated));
        file[32..40].fill(0xff);
        assert_eq!(architecture(&file), Err(Unfit::Truncated));
    }

    #[test]
    fn the_tests_themselves_are_static_as_ocrctl_is() {
        let agents = Agents::load(None).unwrap();
        let fitting = agents.fitting("prod1", std::env::consts::ARCH).unwrap();
        assert_eq!(fitting.name().len(), "ocrctl-".len() + 16);
    }

    #[test]
    fn another_architecture_is_an_error_that_names_both() {
        let file = AgentFile::new("/usr/bin/ocrctl".into(), "x86_64".into(), Vec::new());
        let error = Agents::given(vec![file])
            .fitting("prod1", "aarch64")
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("aarch64") && text.contains("x86_64"),
            "{text}"
        );
    }
}
