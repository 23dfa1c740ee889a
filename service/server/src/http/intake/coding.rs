//! Decodes a compressed request body (RFC 9110, 8.4). It decodes piece by piece, so a body that expands to gigabytes is
//! refused as soon as it exceeds the upload limit.

use std::io::{self, Write};

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, HeaderName, TRANSFER_ENCODING};
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use ocr_api::problem::ProblemKind;

use super::parameters::{malformed, shown};
use crate::http::outcome::error::{ACCEPTED_CODINGS, Rejection};

/// Memory that a decoder holds: its window, its tables, and the fields of a gzip header.
const DECODER_BYTES: u64 = 256 << 10;
/// Bytes that are decoded at a time. They expand to a thousand times as much at most, and other requests get their turn
/// in between.
const PIECE: usize = 4 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Coding {
    /// Reads the coding from a request's headers. Unsupported codings are an error.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        // hyper decodes chunked bodies and no other transfer coding.
        if let Some(other) = names(headers, &TRANSFER_ENCODING).find(|name| name != "chunked") {
            return Err(malformed(format!(
                "The transfer coding `{}` is not supported; compress the body with Content-Encoding: gzip, or not at all.",
                shown(&other)
            )));
        }
        let named: Vec<String> = names(headers, &CONTENT_ENCODING)
            .filter(|name| name != "identity")
            .collect();
        match named.as_slice() {
            [] => Ok(Self::Identity),
            [one] if one == "gzip" || one == "x-gzip" => Ok(Self::Gzip),
            [one] if one == "deflate" => Ok(Self::Deflate),
            others => Err(Rejection::new(
                ProblemKind::Encoding,
                format!(
                    "The content coding `{}` is not supported; send the body as it is, or in one of: {ACCEPTED_CODINGS}.",
                    shown(&others.join(", "))
                ),
            )),
        }
    }

    /// Bytes of a body that are decoded at a time.
    pub(crate) fn piece(self) -> usize {
        match self {
            Self::Identity => usize::MAX,
            Self::Gzip | Self::Deflate => PIECE,
        }
    }

    /// Memory that the decoder holds, in bytes.
    pub(crate) fn held(self) -> u64 {
        match self {
            Self::Identity => 0,
            Self::Gzip | Self::Deflate => DECODER_BYTES,
        }
    }
}

/// Elements of a list header, in lower case.
fn names(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .filter(|name| !name.is_empty())
}

/// Writer that decodes a body into `W`.
#[derive(Debug)]
pub(crate) enum Decoder<W: Write> {
    Identity(W),
    Gzip(Box<MultiGzDecoder<W>>),
    Deflate(Box<ZlibDecoder<W>>),
}

impl<W: Write> Decoder<W> {
    pub(crate) fn new(coding: Coding, to: W) -> Self {
        match coding {
            Coding::Identity => Self::Identity(to),
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(to))),
            Coding::Deflate => Self::Deflate(Box::new(ZlibDecoder::new(to))),
        }
    }

    /// Decodes the next bytes. Fails if `W` fails or if the body is malformed.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(to) => to.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Deflate(decoder) => decoder.write_all(bytes),
        }
    }

    /// Writes the rest and checks that the body is complete. Called when all bytes have arrived.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Identity(_) => Ok(()),
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut W {
        match self {
            Self::Identity(to) => to,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{GzEncoder, ZlibEncoder};
    use std::io::Read;

    fn all_of(mut coded: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        coded.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        all_of(GzEncoder::new(bytes, Compression::best()))
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        all_of(ZlibEncoder::new(bytes, Compression::best()))
    }

    fn decode(coding: Coding, body: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(coding, Vec::new());
        for piece in body.chunks(size) {
            decoder.push(piece)?;
        }
        decoder.finish()?;
        Ok(std::mem::take(decoder.get_mut()))
    }

    #[test]
    fn decodes_whole_bodies_and_rejects_truncated_or_damaged_ones() {
        let text: Vec<u8> = (0..50_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let two = [gzip(&text[..100]), gzip(&text[100..])].concat();
        for (coding, body) in [
            (Coding::Identity, text.clone()),
            (Coding::Gzip, gzip(&text)),
            (Coding::Gzip, two),
            (Coding::Deflate, deflate(&text)),
        ] {
            for size in [1, 4096, usize::MAX] {
                assert!(
                    decode(coding, &body, size).unwrap() == text,
                    "{coding:?} {size}"
                );
            }
            if coding == Coding::Identity {
                continue;
            }
            for cut in [5, body.len() / 2, body.len() - 5, body.len() - 1] {
                assert!(
                    decode(coding, &body[..cut], 100).is_err(),
                    "{coding:?} {cut}"
                );
            }
            let mut damaged = body.clone();
            *damaged.last_mut().unwrap() ^= 1;
            assert!(decode(coding, &damaged, 100).is_err(), "{coding:?}");
            let longer = [&body[..], b"more"].concat();
            assert!(decode(coding, &longer, 100).is_err(), "{coding:?}");
            assert!(decode(coding, b"", 100).is_err(), "{coding:?}");
        }
    }

    #[test]
    fn rejects_unknown_codings() {
        let of = |name: HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            Coding::of(&headers).map_err(|refused| refused.kind())
        };
        let content = |value| of(CONTENT_ENCODING, value);
        assert_eq!(Coding::of(&HeaderMap::new()).ok(), Some(Coding::Identity));
        assert_eq!(content("identity"), Ok(Coding::Identity));
        assert_eq!(content("GZip"), Ok(Coding::Gzip));
        assert_eq!(content("x-gzip, identity"), Ok(Coding::Gzip));
        assert_eq!(content("deflate"), Ok(Coding::Deflate));
        for other in ["br", "zstd", "gzip, gzip", "compress"] {
            assert_eq!(content(other), Err(ProblemKind::Encoding), "{other}");
        }
        assert_eq!(of(TRANSFER_ENCODING, "Chunked"), Ok(Coding::Identity));
        let coded = of(TRANSFER_ENCODING, "gzip, chunked");
        assert_eq!(coded, Err(ProblemKind::Malformed));
    }
}
