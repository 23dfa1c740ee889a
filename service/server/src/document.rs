//! An uploaded document, and its type by its first bytes. Its name and its content type are not trusted.

use std::sync::Arc;

use bytes::Bytes;
use ocr_api::answer::DocumentType;
use ocr_protocol::Password;
use tokio::sync::watch;

use crate::memory::{Account, Charge};

/// A document on its way to the workers.
#[derive(Debug)]
pub struct Document {
    /// Number of the document, unique within the process. It identifies the workers that have the document.
    pub id: u64,
    pub kind: DocumentType,
    pub bytes: Bytes,
    /// SHA-256 of the bytes, as 64 hex digits.
    pub sha256: String,
    /// Languages to read it in, as Tesseract names them, joined by `+`. Empty for the default.
    pub languages: String,
    /// Password to open it with, if it needs one.
    pub password: Option<Password>,
    pub owner: Owner,
    /// Charge for its bytes. The request's account pays for the workers' answers, too.
    pub charge: Charge,
    /// Ends the document's workers when the document is dropped.
    pub open: Open,
}

/// Signal that is sent when its document is dropped.
#[derive(Debug, Default)]
pub struct Open(watch::Sender<()>);

impl Document {
    /// Waits until the document is dropped.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut open = self.open.0.subscribe();
        async move { while open.changed().await.is_ok() {} }
    }

    /// An empty document without a key, for work that has none.
    pub(crate) fn none() -> Self {
        Self {
            id: 0,
            kind: DocumentType::Png,
            bytes: Bytes::new(),
            sha256: String::new(),
            languages: String::new(),
            password: None,
            owner: Owner {
                key: "".into(),
                concurrent_pages: None,
            },
            charge: Account::unlimited().charge(),
            open: Open::default(),
        }
    }
}

/// The key on whose behalf a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Id of the API key.
    pub key: Arc<str>,
    /// Most pages of the key that workers may have at a time. `None` for as many as there are workers.
    pub concurrent_pages: Option<u32>,
}

/// Bytes within which PDF readers accept the header. Mail gateways and scanners put other data before it.
const PDF_HEADER_WITHIN: usize = 1024;

/// The type of a document, if it is supported.
pub fn sniff(bytes: &[u8]) -> Option<DocumentType> {
    let start = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    match start {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(DocumentType::Png),
        [0xff, 0xd8, 0xff, ..] => Some(DocumentType::Jpeg),
        // Classic TIFF and BigTIFF, little and big endian.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(DocumentType::Tiff),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(DocumentType::Webp),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(DocumentType::Gif),
        [
            0,
            0,
            0,
            12,
            b'j',
            b'P',
            b' ',
            b' ',
            b'\r',
            b'\n',
            0x87,
            b'\n',
            ..,
        ]
        | [0xff, 0x4f, 0xff, 0x51, ..] => Some(DocumentType::Jp2),
        _ if is_bmp(start) => Some(DocumentType::Bmp),
        _ if start.get(4..8) == Some(b"ftyp") => of_brands(start),
        _ if start.windows(5).any(|window| window == b"%PDF-") => Some(DocumentType::Pdf),
        _ => None,
    }
}

/// True if the two letters of a BMP are followed by its header: text may begin with them, too.
fn is_bmp(start: &[u8]) -> bool {
    const RESERVED: [u8; 4] = [0; 4];
    const LENGTHS: [u8; 8] = [12, 16, 40, 52, 56, 64, 108, 124];
    let length = start.get(14..18);
    start.starts_with(b"BM")
        && start.get(6..10) == Some(&RESERVED)
        && length.is_some_and(|length| LENGTHS.contains(&length[0]) && length[1..] == [0; 3])
}

/// Type of an image in ISO's media format, by the brands in its first box. Videos have other brands.
fn of_brands(start: &[u8]) -> Option<DocumentType> {
    let length = u32::from_be_bytes(*start.first_chunk()?);
    let length = start.len().min(usize::try_from(length).ok()?);
    let (major, compatible) = (start.get(8..12)?, start.get(16..length)?);
    let has = |wanted: &[&[u8; 4]]| {
        let compatible = compatible.chunks_exact(4);
        let mut brands = std::iter::once(major).chain(compatible);
        brands.any(|brand| wanted.iter().any(|one| brand == *one))
    };
    if has(&[b"avif", b"avis"]) {
        Some(DocumentType::Avif)
    } else if has(&[
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1",
    ]) {
        Some(DocumentType::Heic)
    } else {
        None
    }
}

/// Describes bytes that are not a supported document, for error messages: `a video`.
pub fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a video",
        [b'P', b'K', 3 | 5, ..] => "a ZIP archive or an office document",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "an old office document",
        [0x1f, 0x8b, ..] => "gzip data",
        [b'%', b'!', b'P', b'S', ..] => "PostScript",
        [b'{', b'\\', b'r', b't', b'f', ..] => "RTF text",
        _ if is_text(bytes) => "text",
        _ => "data of an unknown kind",
    }
}

/// True if the first bytes have no control characters but white space. UTF-8 may be cut anywhere, so it is not
/// validated.
fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(512)];
    start
        .iter()
        .all(|byte| *byte >= 0x20 && *byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_supported_types_by_their_first_bytes() {
        let cases: [(&[u8], DocumentType); 17] = [
            (b"\x89PNG\r\n\x1a\nrest", DocumentType::Png),
            (b"\xff\xd8\xff\xe0", DocumentType::Jpeg),
            (b"II*\0", DocumentType::Tiff),
            (b"MM\0*", DocumentType::Tiff),
            (b"II+\0", DocumentType::Tiff),
            (b"RIFF\x10\0\0\0WEBPVP8 ", DocumentType::Webp),
            (b"GIF89a\x01\0", DocumentType::Gif),
            (
                b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
                DocumentType::Bmp,
            ),
            (b"\0\0\0\x0cjP  \r\n\x87\n", DocumentType::Jp2),
            (b"\xff\x4f\xff\x51\0", DocumentType::Jp2),
            (b"\0\0\0\x14ftypheic\0\0\0\0mif1", DocumentType::Heic),
            (b"\0\0\0\x14ftypmif1\0\0\0\0heic", DocumentType::Heic),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", DocumentType::Avif),
            (b"\0\0\0\x14ftypavis\0\0\0\0msf1", DocumentType::Avif),
            (b"%PDF-1.7", DocumentType::Pdf),
            (b"\xef\xbb\xbf\r\n%PDF-1.4", DocumentType::Pdf),
            (
                &[b"junk ".repeat(100).as_slice(), b"%PDF-1.4"].concat(),
                DocumentType::Pdf,
            ),
        ];
        for (bytes, kind) in cases {
            assert_eq!(sniff(bytes), Some(kind), "{bytes:?}");
        }
    }

    #[test]
    fn describes_unsupported_types() {
        let cases: [(&[u8], &str); 8] = [
            (b"\0\0\0\x14ftypisom\0\0\0\0mp41", "a video"),
            (b"\0\0\0\x10ftypisom\0\0\0\0heic", "a video"),
            (b"BMW of Munich, 12 July", "text"),
            (b"PK\x03\x04", "a ZIP archive or an office document"),
            (b"Dear Sir,\nplease find", "text"),
            ("Größe".as_bytes(), "text"),
            (b"\0\x01\x02\x03", "data of an unknown kind"),
            (b"RIFF\0\0\0\0WAVE", "data of an unknown kind"),
        ];
        for (bytes, name) in cases {
            assert_eq!(sniff(bytes), None);
            assert_eq!(describe(bytes), name, "{bytes:?}");
        }
    }

    #[test]
    fn rejects_short_input() {
        for length in 0..4 {
            assert_eq!(sniff(&b"\x89PNG"[..length]), None);
        }
    }
}
