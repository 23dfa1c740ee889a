//! JPEG 2000: in its file format (JP2), or a bare codestream.

use hayro_jpeg2000::{DecodeSettings, Image};
use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::{ImageDecoder, ImageError, ImageResult};

/// Bytes that decoding takes for each pixel of the largest page.
const BYTES_PER_PIXEL: u64 = 16;
/// Start of a codestream.
const CODESTREAM: [u8; 2] = [0xff, 0x4f];
const END: [u8; 2] = [0xff, 0xd9];

/// Reads the headers. Refuses an image that is cut short: the decoder would leave out what is missing.
pub(super) fn open(bytes: &[u8], max_pixels: u64) -> ImageResult<Image<'_>> {
    if !is_whole(bytes) {
        return Err(damaged("it ends before its last tile"));
    }
    let image = Image::new(bytes, &DecodeSettings::default())?;
    let (width, height) = image.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    // The decoder keeps four bytes of each sample, and its coefficients besides.
    let channels = u64::from(image.color_space().num_channels()) + u64::from(image.has_alpha());
    let needed = pixels.saturating_mul(4 * channels + 4);
    // A page that is too large is reported as such, by the caller.
    if pixels <= max_pixels && needed > max_pixels.saturating_mul(BYTES_PER_PIXEL) {
        let kind = LimitErrorKind::InsufficientMemory;
        return Err(ImageError::Limits(LimitError::from_kind(kind)));
    }
    Ok(image)
}

/// True if the codestream is all there.
fn is_whole(bytes: &[u8]) -> bool {
    if bytes.starts_with(&CODESTREAM) {
        return bytes.ends_with(&END);
    }
    // Boxes: each has its length and its kind.
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *head;
        let length = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => return &kind == b"jp2c" && rest.ends_with(&END),
            1 => rest
                .get(8..16)
                .and_then(|long| usize::try_from(u64::from_be_bytes(*long.first_chunk()?)).ok()),
            short => usize::try_from(short).ok(),
        };
        let Some(next) = length.filter(|length| *length >= 8) else {
            return false;
        };
        if &kind == b"jp2c" {
            return next <= rest.len();
        }
        rest = rest.get(next..).unwrap_or_default();
    }
    false
}

fn damaged(what: &'static str) -> ImageError {
    let format = ImageFormatHint::Name("JPEG 2000".to_owned());
    ImageError::Decoding(DecodingError::new(format, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codestream_has_its_end() {
        assert!(is_whole(b"\xff\x4f\xff\x51data\xff\xd9"));
        assert!(!is_whole(b"\xff\x4f\xff\x51data\xff"));
        let signature = b"\0\0\0\x0cjP  \r\n\x87\n";
        let of = |codestream: &[u8]| is_whole(&[&signature[..], codestream].concat());
        assert!(of(b"\0\0\0\x0cjp2c\xff\x4f\xff\xd9"));
        assert!(of(b"\0\0\0\0jp2c\xff\x4f\xff\xd9"));
        assert!(of(b"\0\0\0\x01jp2c\0\0\0\0\0\0\0\x12\xff\xd9"));
        for cut in [
            &b""[..],
            b"\0\0\0\x0cjp2c\xff\x4f\xff",
            b"\0\0\0\0jp2c\xff\x4f\xff",
            b"\0\0\0\x01jp2c\0",
            b"\0\0\0\x02jp2c",
        ] {
            assert!(!of(cut), "{cut:?}");
        }
    }
}
