//! The executable that becomes the agent on a host: ours, or one built for another architecture.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::error::SessionError;

/// A static Linux executable.
#[derive(Debug, Clone)]
pub(super) struct AgentFile {
    pub(super) path: PathBuf,
    /// As `uname -m` says it.
    pub(super) architecture: String,
    pub(super) sha256: String,
    bytes: Bytes,
    gzipped: OnceCell<Bytes>,
    /// By xz, where it came with that.
    xz: Option<Bytes>,
}

/// How an agent is packed for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Xz,
}

impl Packing {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
        }
    }
}

/// Every agent that we could upload: read when the first host asks, for all of them.
#[derive(Debug, Default)]
pub struct Agents {
    named: Option<PathBuf>,
    files: OnceCell<Vec<AgentFile>>,
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
    /// The file that is named, or this executable and the `ocrctl-agent-<architecture>` beside it.
    pub fn new(named: Option<PathBuf>) -> Self {
        Self {
            named,
            files: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn given(files: Vec<AgentFile>) -> Self {
        Self {
            named: None,
            files: OnceCell::new_with(Some(files)),
        }
    }

    pub(super) async fn files(&self) -> Result<&[AgentFile], SessionError> {
        let load = async || {
            let named = self.named.clone();
            let loaded = tokio::task::spawn_blocking(move || load(named.as_deref())).await;
            loaded.unwrap_or_else(|error| Err(unreadable("ocrctl", io::Error::other(error))))
        };
        Ok(self.files.get_or_try_init(load).await?)
    }
}

fn load(named: Option<&Path>) -> Result<Vec<AgentFile>, SessionError> {
    if let Some(path) = named {
        return Ok(vec![AgentFile::load(path)?]);
    }
    let path = std::env::current_exe().map_err(|source| unreadable("ocrctl", source))?;
    let mut files = beside(&path)?;
    match AgentFile::load(&path) {
        Ok(file) => files.insert(0, file),
        // Such as on macOS: the others will do.
        Err(SessionError::AgentUnfit { .. }) if !files.is_empty() => {}
        Err(error) => return Err(error),
    }
    Ok(files)
}

/// The agent for a host of this architecture.
pub(super) fn fitting<'a>(
    files: &'a [AgentFile],
    host: &str,
    architecture: &str,
) -> Result<&'a AgentFile, SessionError> {
    let fits = files.iter().find(|file| file.architecture == architecture);
    fits.ok_or_else(|| SessionError::WrongArchitecture {
        host: host.to_owned(),
        expected: architecture.to_owned(),
        found: files
            .iter()
            .map(|f| format!("{} ({})", f.path.display(), f.architecture))
            .collect(),
    })
}

fn unreadable(path: impl Into<PathBuf>, source: io::Error) -> SessionError {
    SessionError::AgentUnreadable {
        path: path.into(),
        source,
    }
}

impl AgentFile {
    fn load(path: &Path) -> Result<Self, SessionError> {
        let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
        let architecture = architecture(&bytes).map_err(|problem| SessionError::AgentUnfit {
            path: path.to_owned(),
            problem,
        })?;
        let mut bytes = Bytes::from(bytes);
        let xz = split_xz(&mut bytes);
        Ok(Self {
            xz,
            ..Self::new(path.to_owned(), architecture, bytes)
        })
    }

    pub(super) fn new(path: PathBuf, architecture: String, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let sha256 = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path,
            architecture,
            sha256,
            bytes,
            gzipped: OnceCell::new(),
            xz: None,
        }
    }

    /// What it is called on a host: another content is another name.
    pub(super) fn name(&self) -> String {
        format!("ocrctl-{}", &self.sha256[..16])
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As `packaging/dist.sh` makes it.
    #[cfg(test)]
    pub(super) fn with_xz(self, xz: impl Into<Bytes>) -> Self {
        Self {
            xz: Some(xz.into()),
            ..self
        }
    }

    /// As it goes over the wire to a host that can unpack xz, or only gzip.
    pub(super) async fn packed(&self, xz: bool) -> Result<(Packing, Bytes), SessionError> {
        if let Some(packed) = self.xz.as_ref().filter(|_| xz) {
            return Ok((Packing::Xz, packed.clone()));
        }
        let pack = async || {
            let bytes = self.bytes.clone();
            tokio::task::spawn_blocking(move || gzip(&bytes))
                .await
                .map_err(io::Error::other)
                .flatten()
        };
        match self.gzipped.get_or_try_init(pack).await {
            Ok(packed) => Ok((Packing::Gzip, packed.clone())),
            Err(source) => Err(unreadable(&self.path, source)),
        }
    }
}

/// `packaging/dist.sh` puts the executable behind itself once more, packed by xz, which takes too long to do when a host
/// waits for it; then these words, and its length in hexadecimal.
const XZ: &[u8] = b"ocrctl.xz ";
const XZ_DIGITS: usize = 16;

/// Takes off what follows an executable that was packed behind itself.
fn split_xz(bytes: &mut Bytes) -> Option<Bytes> {
    let end = bytes.len().checked_sub(XZ.len() + XZ_DIGITS)?;
    let digits = bytes[end..].strip_prefix(XZ)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    let start = end.checked_sub(length)?;
    let packed = bytes.slice(start..end);
    bytes.truncate(start);
    Some(packed)
}

fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
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
    fn what_is_packed_behind_is_no_part_of_it() {
        let file = |bytes: &'static [u8]| {
            let mut bytes = Bytes::from_static(bytes);
            let packed = split_xz(&mut bytes);
            (bytes, packed)
        };
        let (bytes, packed) = file(b"\x7fELF...packed!ocrctl.xz 0000000000000007");
        assert_eq!(bytes, b"\x7fELF..."[..]);
        assert_eq!(packed.unwrap(), b"packed!"[..]);
        for alone in [
            &b"\x7fELF..."[..],
            b"7ocrctl.xz 0000000000000002",
            b"7ocrctl.xz +000000000000001",
            b"7ocrctl.xz                1",
            b"7ocrctl.xz ffffffffffffffff",
            b"ocrctl.xz 0",
        ] {
            assert_eq!(file(alone), (Bytes::from_static(alone), None));
        }
    }

    #[test]
    fn the_tests_themselves_are_static_as_ocrctl_is() {
        let agents = load(None).unwrap();
        let fitting = fitting(&agents, "prod1", std::env::consts::ARCH).unwrap();
        assert_eq!(fitting.name().len(), "ocrctl-".len() + 16);
    }

    #[test]
    fn another_architecture_is_an_error_that_names_both() {
        let file = AgentFile::new("/usr/bin/ocrctl".into(), "x86_64".into(), Vec::new());
        let error = fitting(&[file], "prod1", "aarch64").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("aarch64") && text.contains("x86_64"),
            "{text}"
        );
    }
}
