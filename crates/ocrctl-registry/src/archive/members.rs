//! A tar file's members by name, and where their bytes are. A gzip'd one is unpacked to a temporary file first.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::ArchiveError;
use ocrctl_protocol::hex;

pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];
pub(super) const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Manifests and configurations are far smaller; whatever is larger is not read into memory.
const LONGEST_TEXT: u64 = 8 << 20;
const BUFFER: usize = 1 << 20;

/// Where a member's bytes are in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    /// Bytes.
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) struct Members {
    file: File,
    places: HashMap<String, Place>,
    /// Name → name of what it stands for.
    links: HashMap<String, String>,
}

impl Members {
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let unreadable = |source| ArchiveError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = [0; 4];
        let read = file.read(&mut magic).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        if magic[..read] == *ZSTD {
            return Err(ArchiveError::Zstd(path.to_owned()));
        }
        let damaged = |error: io::Error| ArchiveError::damaged(path, error.to_string());
        if magic.starts_with(GZIP) {
            let mut unpacked = tempfile::tempfile().map_err(ArchiveError::NoRoom)?;
            let mut packed = MultiGzDecoder::new(io::BufReader::new(file));
            let mut buffer = vec![0; BUFFER];
            loop {
                let read = packed.read(&mut buffer).map_err(damaged)?;
                if read == 0 {
                    break;
                }
                io::Write::write_all(&mut unpacked, &buffer[..read])
                    .map_err(ArchiveError::NoRoom)?;
            }
            file = unpacked;
        }
        Self::index(file).map_err(damaged)
    }

    fn index(mut file: File) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        let (mut places, mut links) = (HashMap::new(), HashMap::new());
        for entry in tar::Archive::new(&file).entries_with_seek()? {
            let entry = entry?;
            let name = normal(&entry.path()?.to_string_lossy());
            let kind = entry.header().entry_type();
            if let Some(target) = entry.link_name()? {
                let target = target.to_string_lossy();
                let target = match name.rsplit_once('/') {
                    Some((directory, _)) if kind.is_symlink() => format!("{directory}/{target}"),
                    _ => target.into_owned(),
                };
                links.insert(name, normal(&target));
            } else if kind.is_file() {
                let place = Place {
                    offset: entry.raw_file_position(),
                    size: entry.size(),
                };
                if place.offset + place.size > length {
                    return Err(io::Error::other(format!("it ends within {name}")));
                }
                places.insert(name, place);
            }
        }
        Ok(Self {
            file,
            places,
            links,
        })
    }

    /// `None` if there is no such file.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let mut name = normal(name);
        // A few at most: one to another layer's file.
        for _ in 0..8 {
            if let Some(place) = self.places.get(&name) {
                return Some(*place);
            }
            name = self.links.get(&name)?.clone();
        }
        None
    }

    /// A small file, whole.
    pub(super) fn text(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(place) = self.place(name) else {
            return Ok(None);
        };
        if place.size > LONGEST_TEXT {
            return Err(io::Error::other(format!("{name} is too large")));
        }
        self.read(place, 0, place.size).map(Some)
    }

    /// At most what there is.
    pub(super) fn read(&self, place: Place, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = length.min(place.size.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, place.offset + offset)?;
        Ok(bytes)
    }

    /// `sha256:…` of a file's bytes.
    pub(super) fn digest(&self, place: Place) -> io::Result<String> {
        self.hash(self.reader(place))
    }

    /// The same of what a gzip'd file holds.
    pub(super) fn digest_of_content(&self, place: Place) -> io::Result<String> {
        self.hash(MultiGzDecoder::new(self.reader(place)))
    }

    fn hash(&self, mut from: impl Read) -> io::Result<String> {
        let mut hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            match from.read(&mut buffer)? {
                0 => return Ok(format!("sha256:{}", hex(&hash.finalize()))),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    fn reader(&self, place: Place) -> impl Read {
        let mut done = 0;
        Reader(move |buffer: &mut [u8]| {
            let rest = usize::try_from(place.size - done).unwrap_or(usize::MAX);
            let length = buffer.len().min(rest);
            let read = self
                .file
                .read_at(&mut buffer[..length], place.offset + done)?;
            done += read as u64;
            Ok(read)
        })
    }
}

struct Reader<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for Reader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.0)(buffer)
    }
}

/// Without `.`, `..` and empty components.
fn normal(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
