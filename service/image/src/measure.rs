//! Size of an image by its header, and previews.

use std::io::Cursor;

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder,
};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat};
use ocr_api::answer::DocumentType;
use ocr_protocol::{Fault, FaultKind};

use super::picture::turned;
use super::{Scan, Size, check_size, corrupt, fault_of, jp2, resolution, tiff};

/// Size of the page with this index, counted from 0, in its upright orientation.
pub fn measure(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<Size, Fault> {
    let data = Cursor::new(bytes);
    let (width, height) = match kind {
        DocumentType::Tiff => return tiff::measure(bytes, index, max_pixels),
        DocumentType::Png => seen(PngDecoder::new(data), kind)?,
        DocumentType::Jpeg => seen(JpegDecoder::new(data), kind)?,
        DocumentType::Webp => seen(WebPDecoder::new(data), kind)?,
        DocumentType::Gif => seen(GifDecoder::new(data), kind)?,
        DocumentType::Bmp => seen(BmpDecoder::new(data), kind)?,
        DocumentType::Jp2 => seen(jp2::open(bytes, max_pixels), kind)?,
        DocumentType::Pdf | DocumentType::Heic | DocumentType::Avif => {
            return Err(corrupt("Not an image."));
        }
    };
    check_size(width, height, max_pixels)?;
    Ok(Size {
        width,
        height,
        dpi: resolution::of(kind, bytes),
    })
}

fn seen<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    kind: DocumentType,
) -> Result<(u32, u32), Fault> {
    let mut decoder = decoder.map_err(|error| fault_of(&error, kind))?;
    let size = decoder.dimensions();
    Ok(turned(
        size,
        decoder.orientation().unwrap_or(Orientation::NoTransforms),
    ))
}

/// A gray PNG of a page, of at most `side` pixels a side.
pub fn preview(scan: Scan, side: u32) -> Result<Vec<u8>, Fault> {
    let image = GrayImage::from_raw(scan.width, scan.height, scan.pixels)
        .ok_or_else(|| corrupt("The image has fewer pixels than its header states."))?;
    let mut image = DynamicImage::from(image);
    if image.width().max(image.height()) > side {
        image = image.resize(side, side, FilterType::Triangle);
    }
    png(&image)
}

pub fn png(image: &DynamicImage) -> Result<Vec<u8>, Fault> {
    let mut bytes = Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| Fault::new(FaultKind::Engine, error.to_string()))?;
    Ok(bytes.into_inner())
}
