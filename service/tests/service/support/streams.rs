//! Streams of PDFs and compressed bodies, as bytes.

use std::io::Read;

use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};

/// A stream of a PDF with these entries in its dictionary.
pub(crate) fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<<{dictionary}/Length {}>>stream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    all_of(GzEncoder::new(bytes, Compression::best()))
}

pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    all_of(ZlibEncoder::new(bytes, Compression::best()))
}

fn all_of(mut coded: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    coded.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A JBIG2 image: the page's description (ITU T.88, 7.4.8), then an immediate generic region of the same size (7.4.6), of which `flags`
/// and `data` are given.
pub(crate) fn jbig2(width: u32, height: u32, flags: &[u8], data: &[u8]) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let page = [&size[..], &[0; 11]].concat();
    let region = [&size[..], &[0; 9], flags, data].concat();
    let mut image = Vec::new();
    for (number, kind, body) in [(0u32, 48u8, page), (1, 38, region)] {
        image.extend(number.to_be_bytes());
        image.extend([kind, 0, 1]);
        image.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        image.extend(body);
    }
    image
}
