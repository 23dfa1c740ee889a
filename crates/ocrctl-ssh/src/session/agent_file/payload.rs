//! The content of an agent's file, and how it is packed for the wire.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use ocrctl_protocol::hex;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// The compression of an agent for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Packing {
    Gzip,
    Xz,
}

impl Packing {
    pub(in crate::session) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
        }
    }
}

/// The parts of an agent's file.
#[derive(Debug, Clone)]
pub(in crate::session) struct Payload {
    pub(in crate::session) sha256: String,
    pub(in crate::session) bytes: Bytes,
    gzipped: OnceCell<Bytes>,
    /// By xz, where it came with that.
    xz: Option<Bytes>,
}

impl Payload {
    pub(super) fn of(file: impl Into<Bytes>) -> Self {
        let mut bytes = file.into();
        let xz = split_xz(&mut bytes);
        Self {
            sha256: hex(&Sha256::digest(&bytes)),
            bytes,
            gzipped: OnceCell::new(),
            xz,
        }
    }

    /// Builds a file like `packaging/dist.sh`.
    #[cfg(test)]
    pub(in crate::session) fn with_xz(self, xz: impl Into<Bytes>) -> Self {
        Self {
            xz: Some(xz.into()),
            ..self
        }
    }

    /// Returns the bytes to send to a host that can unpack xz, or only gzip.
    pub(in crate::session) async fn packed(&self, xz: bool) -> io::Result<(Packing, Bytes)> {
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
        let packed = self.gzipped.get_or_try_init(pack).await?;
        Ok((Packing::Gzip, packed.clone()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_packed_parts_from_the_executable() {
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
}
