//! Enlarging of small text. Tesseract finds lines badly if letters are only a few pixels high.

use image::GrayImage;
use image::imageops::{self, FilterType};

use crate::worker::Scan;

/// Height of capitals, in pixels, below which text is enlarged to about [`GOOD`].
const SMALL: u32 = 9;
const GOOD: u32 = 20;
const MOST: u32 = 4;
/// Most pixels of an enlarged page. More would be no page at a low resolution.
const MAX_PIXELS: u64 = 20_000_000;

/// Factor by which a page with such text is enlarged. Returns `None` if it is not.
pub(super) fn factor(scan: &Scan, text_height: u32) -> Option<u32> {
    let factor = (GOOD / text_height.max(1)).clamp(2, MOST);
    let pixels = u64::from(scan.width) * u64::from(scan.height) * u64::from(factor * factor);
    (text_height <= SMALL && pixels <= MAX_PIXELS).then_some(factor)
}

pub(super) fn by(scan: &Scan, factor: u32) -> Scan {
    let (width, height) = (scan.width * factor, scan.height * factor);
    let image = GrayImage::from_raw(scan.width, scan.height, scan.pixels.clone());
    let image = image.unwrap_or_default();
    let larger = imageops::resize(&image, width, height, FilterType::CatmullRom);
    Scan {
        pixels: larger.into_raw(),
        width,
        height,
        dpi: scan.dpi.map(|dpi| dpi * factor),
    }
}
