//! JPEG 2000: in its file format (JP2), or a bare codestream.

use hayro_jpeg2000::{DecodeSettings, Image};
use image::error::{LimitError, LimitErrorKind};
use image::{ImageDecoder, ImageError, ImageResult};
use memchr::memmem;

/// Bytes that decoding takes for each pixel of the largest page.
const BYTES_PER_PIXEL: u64 = 16;
/// Most tiles of an image (ITU T.800, A.4.2).
const MAX_TILES: u64 = 65_535;
/// Start of a codestream and of its first segment, which has the sizes.
const START: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];

/// Reads the headers. The decoder refuses what is damaged or cut short: it would leave that out otherwise.
pub(super) fn open(bytes: &[u8], max_pixels: u64) -> ImageResult<Image<'_>> {
    if tiles(bytes).is_some_and(|tiles| tiles > MAX_TILES) {
        return Err(needs_memory());
    }
    let settings = DecodeSettings {
        strict: true,
        ..DecodeSettings::default()
    };
    let image = Image::new(bytes, &settings)?;
    let (width, height) = image.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    // The decoder keeps four bytes of each sample, and its coefficients besides.
    let channels = u64::from(image.color_space().num_channels()) + u64::from(image.has_alpha());
    let needed = pixels.saturating_mul(4 * channels + 4);
    // A page that is too large is reported as such, by the caller.
    if pixels <= max_pixels && needed > max_pixels.saturating_mul(BYTES_PER_PIXEL) {
        return Err(needs_memory());
    }
    Ok(image)
}

/// Number of tiles that the codestream states. The decoder makes a list of them.
fn tiles(bytes: &[u8]) -> Option<u64> {
    let sizes = bytes.get(memmem::find(bytes, &START)? + 8..)?;
    let number = |at: usize| Some(u32::from_be_bytes(*sizes.get(4 * at..)?.first_chunk()?));
    // The end of the picture, the size of a tile, and where the first tile begins.
    let along = |axis: usize| {
        let (end, size, first) = (number(axis)?, number(axis + 4)?, number(axis + 6)?);
        let length = u64::from(end.checked_sub(first)?);
        (size > 0).then(|| length.div_ceil(u64::from(size)))
    };
    along(0)?.checked_mul(along(1)?)
}

fn needs_memory() -> ImageError {
    ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tiles_by_the_sizes_in_the_codestream() {
        let of = |numbers: [u32; 8]| {
            let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
            let head = [b"in front".as_slice(), &START, &[0, 41, 0, 0]].concat();
            tiles(&head.into_iter().chain(numbers).collect::<Vec<u8>>())
        };
        assert_eq!(of([482, 148, 0, 0, 482, 148, 0, 0]), Some(1));
        assert_eq!(of([482, 148, 9, 9, 100, 100, 2, 2]), Some(10));
        assert_eq!(of([7000, 7000, 0, 0, 1, 1, 0, 0]), Some(49_000_000));
        assert_eq!(of([7000, 7000, 0, 0, 0, 1, 0, 0]), None);
        assert_eq!(of([1, 1, 0, 0, 1, 1, 2, 0]), None);
        assert_eq!(tiles(&START), None);
    }
}
