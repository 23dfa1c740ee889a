//! Image decoding in Rust, under limits, to one gray byte per pixel.

mod embed;
mod gif_frames;
mod gray;
mod jbig2_end;
mod jp2;
mod jpeg_end;
mod measure;
mod pages;
mod palette;
mod picture;
mod png_data;
mod resolution;
mod tiff;

use std::io::Cursor;

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder,
};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};
use ocr_api::answer::DocumentType;
use ocr_protocol::{Counted, Fault, FaultKind, Overlay};

pub use jbig2_end::is_whole as is_whole_jbig2;
pub use jpeg_end::is_whole as is_whole_jpeg;
pub use measure::{measure, png, preview};
use pages::Pages;

/// Longest side in pixels. Tesseract keeps coordinates in 16 bits.
const MAX_SIDE: u32 = 32_767;

/// Number of pages of an image. Only a TIFF has more than one.
pub fn count(kind: DocumentType, bytes: &[u8]) -> Result<Counted, Fault> {
    match kind {
        DocumentType::Tiff => tiff::count(bytes),
        _ => Ok(Counted::pages(1)),
    }
}

/// True if an image has further frames, which are not read.
pub fn is_animated(kind: DocumentType, bytes: &[u8]) -> bool {
    /// Both chunks come before the first picture's data.
    const ANIMATED: u8 = 2;
    match kind {
        // The extended header has the flags.
        DocumentType::Webp => {
            bytes.get(12..16) == Some(b"VP8X")
                && bytes.get(20).is_some_and(|flags| flags & ANIMATED != 0)
        }
        DocumentType::Png => resolution::chunk(bytes, b"acTL")
            .and_then(|control| control.first_chunk::<4>())
            .is_some_and(|frames| u32::from_be_bytes(*frames) > 1),
        DocumentType::Gif => gif_frames::has_several(bytes),
        _ => false,
    }
}

/// Decodes the page with this index, counted from 0.
pub fn decode(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<Scan, Fault> {
    match kind {
        DocumentType::Tiff => return tiff::decode(bytes, index, max_pixels),
        _ if index > 0 => return Err(corrupt("The image has only one page.")),
        _ => {}
    }
    let data = Cursor::new(bytes);
    match kind {
        DocumentType::Png => {
            let decoder = PngDecoder::with_limits(data, png_limits(bytes, max_pixels));
            finish(decoder, kind, bytes, max_pixels)
        }
        DocumentType::Jpeg => {
            jpeg_end::check(bytes)?;
            finish(JpegDecoder::new(data), kind, bytes, max_pixels)
        }
        DocumentType::Webp => finish(WebPDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Gif => finish(GifDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Bmp => finish(BmpDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Jp2 => finish(jp2::open(bytes, max_pixels), kind, bytes, max_pixels),
        DocumentType::Tiff | DocumentType::Pdf | DocumentType::Heic | DocumentType::Avif => {
            Err(corrupt("Not a plain image."))
        }
    }
}

/// Memory for a PNG's extra chunks: a colour profile of any usual size.
const PNG_EXTRAS: u64 = 16 << 20;

/// Memory limit for decoding, by the size that the header states. A colour profile is read along with the header, and
/// could otherwise expand to the size of a whole page.
fn png_limits(bytes: &[u8], max_pixels: u64) -> Limits {
    let side = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map_or(0, |four| u64::from(u32::from_be_bytes(four)))
    };
    let pixels = side(16).saturating_mul(side(20)).min(max_pixels);
    let mut limits = Limits::no_limits();
    // Four channels of 16 bits.
    limits.max_alloc = Some(pixels * 8 + PNG_EXTRAS);
    limits
}

/// Converts these pages of the image to a PDF without text.
pub fn as_pdf(
    kind: DocumentType,
    bytes: &[u8],
    pages: &[Overlay],
    max_pixels: u64,
) -> Result<Vec<u8>, Fault> {
    let mut pdf = Pages::new();
    for page in pages {
        let index = page.page.saturating_sub(1);
        pdf.push(&embed::picture(kind, bytes, index, max_pixels)?);
    }
    Ok(pdf.finish())
}

/// Converts a picture to a PDF of one page.
pub fn picture_as_pdf(image: DynamicImage) -> Result<Vec<u8>, Fault> {
    let mut pdf = Pages::new();
    pdf.push(&embed::of_image(image, Orientation::NoTransforms, None)?);
    Ok(pdf.finish())
}

/// Converts a picture without a resolution to gray.
pub fn scan(image: DynamicImage) -> Scan {
    let image = gray::on_paper(image);
    let (width, height) = image.dimensions();
    Scan {
        pixels: image.into_raw(),
        width,
        height,
        dpi: None,
    }
}

fn finish<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    kind: DocumentType,
    bytes: &[u8],
    max_pixels: u64,
) -> Result<Scan, Fault> {
    let fault = |error: ImageError| fault_of(&error, kind);
    let mut decoder = decoder.map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, max_pixels)?;

    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    // Four channels of 16 bits, and as much again for the decoder's other needs.
    limits.max_alloc = Some(max_pixels.saturating_mul(16));
    decoder.set_limits(limits).map_err(fault)?;

    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(fault)?;
    let mut image = DynamicImage::ImageLuma8(gray::on_paper(image));
    image.apply_orientation(orientation);
    let scan = scan(image);
    let side = scan.width.max(scan.height);
    Ok(Scan {
        dpi: resolution::of(kind, bytes).filter(|dpi| resolution::believable(*dpi, side)),
        ..scan
    })
}

/// Checks the size in the header before anything is decoded.
pub fn check_size(width: u32, height: u32, max_pixels: u64) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(corrupt(format!(
            "The image states a size of {width} × {height} pixels, so there is nothing to read."
        )));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > max_pixels || width.max(height) > MAX_SIDE {
        return Err(Fault::new(
            FaultKind::TooLarge,
            format!(
                "The image states a size of {width} × {height} pixels; the limit is {} megapixels, and {MAX_SIDE} a \
                 side. Scan at 300 dpi, or split the image.",
                max_pixels / 1_000_000
            ),
        ));
    }
    Ok(())
}

/// Converts a decoder's error. Its text states where the damage is and never quotes the image.
fn fault_of(error: &ImageError, kind: DocumentType) -> Fault {
    let name = kind.name();
    match error {
        ImageError::Limits(_) => Fault::new(
            FaultKind::TooLarge,
            format!(
                "Decoding this {name} needs more memory than allowed; save it at a lower resolution."
            ),
        ),
        ImageError::Unsupported(what) => Fault::new(
            FaultKind::Unsupported,
            format!(
                "This variant of {name} is not supported ({what}); save it as a plain {name} or a PNG."
            ),
        ),
        other => corrupt(format!(
            "The {name} is damaged or cut short ({other}); send it again, or export it again."
        )),
    }
}

/// Pixels of a page: one byte each, 0 is black, rows without padding.
#[derive(Debug, Clone)]
pub struct Scan {
    pub pixels: Vec<u8>,
    pub width: u32,
    pub height: u32,
    /// Pixels per inch, if the document states them.
    pub dpi: Option<u32>,
}

impl Scan {
    /// The part of the page within left, top, right and bottom.
    pub fn picture(&self, [left, top, right, bottom]: [i32; 4]) -> Option<image::GrayImage> {
        let within = |at: i32, most: u32| u32::try_from(at.max(0)).unwrap_or(0).min(most);
        let (left, right) = (within(left, self.width), within(right, self.width));
        let (top, bottom) = (within(top, self.height), within(bottom, self.height));
        let width = right.checked_sub(left).filter(|width| *width > 0)?;
        let height = bottom.checked_sub(top).filter(|height| *height > 0)?;
        let part = self.part(left, top, width, height);
        image::GrayImage::from_raw(width, height, part.pixels)
    }

    /// A rectangle of the page, cut at the page's edges.
    pub fn part(&self, left: u32, top: u32, width: u32, height: u32) -> Self {
        let width = width.min(self.width.saturating_sub(left));
        let height = height.min(self.height.saturating_sub(top));
        let (columns, from) = (width as usize, left as usize);
        let mut pixels = Vec::with_capacity(columns * height as usize);
        for row in top..top + height {
            let start = row as usize * self.width as usize + from;
            pixels.extend_from_slice(&self.pixels[start..start + columns]);
        }
        Self {
            pixels,
            width,
            height,
            dpi: self.dpi,
        }
    }
}

/// Size of a page in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
    /// Pixels per inch, if the document states them.
    pub dpi: Option<u32>,
}

pub fn corrupt(detail: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Corrupt, detail)
}
