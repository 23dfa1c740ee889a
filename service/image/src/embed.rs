//! Images for PDFs. Compressed data is embedded unchanged if PDF supports the compression; otherwise, the pixels are
//! embedded without loss.

use std::io::Cursor;

use image::codecs::{
    bmp::BmpDecoder, gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder,
};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, Limits};
use ocr_api::answer::DocumentType;
use ocr_protocol::Fault;

use super::picture::{Data, Picture, Space, deflate};
use super::{check_size, corrupt, fault_of, jp2, jpeg_end, png_data, resolution, tiff};

/// The page with this index, counted from 0.
pub(super) fn picture(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<Picture, Fault> {
    let data = Cursor::new(bytes);
    match kind {
        DocumentType::Jpeg => {
            jpeg_end::check(bytes)?;
            let space = jpeg_end::space(bytes)
                .ok_or_else(|| corrupt("The JPEG states no frame header."))?;
            let mut decoder = open(JpegDecoder::new(data), kind, max_pixels)?;
            let (width, height) = decoder.dimensions();
            Ok(Picture {
                width,
                height,
                space,
                bits: 8,
                data: Data::Jpeg(bytes.to_vec()),
                alpha: None,
                orientation: orientation(&mut decoder),
                dpi: resolution::of(kind, bytes),
            })
        }
        DocumentType::Png => {
            let mut decoder = open(
                PngDecoder::with_limits(data, super::png_limits(bytes, max_pixels)),
                kind,
                max_pixels,
            )?;
            let orientation = orientation(&mut decoder);
            let dpi = resolution::of(kind, bytes);
            match png_data::picture(bytes) {
                Some(picture) => Ok(Picture {
                    orientation,
                    dpi,
                    ..picture
                }),
                None => decoded(decoder, kind, orientation, dpi),
            }
        }
        DocumentType::Webp => plain(WebPDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Gif => plain(GifDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Bmp => plain(BmpDecoder::new(data), kind, bytes, max_pixels),
        DocumentType::Jp2 => plain(jp2::open(bytes, max_pixels), kind, bytes, max_pixels),
        DocumentType::Tiff => tiff::picture(bytes, index, max_pixels),
        DocumentType::Pdf | DocumentType::Heic | DocumentType::Avif => {
            Err(corrupt("Not an image."))
        }
    }
}

/// A picture whose compression PDF does not have.
fn plain<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    kind: DocumentType,
    bytes: &[u8],
    max_pixels: u64,
) -> Result<Picture, Fault> {
    let mut decoder = open(decoder, kind, max_pixels)?;
    let orientation = orientation(&mut decoder);
    decoded(decoder, kind, orientation, resolution::of(kind, bytes))
}

fn open<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    kind: DocumentType,
    max_pixels: u64,
) -> Result<D, Fault> {
    let fault = |error: ImageError| fault_of(&error, kind);
    let mut decoder = decoder.map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, max_pixels)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(max_pixels.saturating_mul(16));
    decoder.set_limits(limits).map_err(fault)?;
    Ok(decoder)
}

fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn decoded(
    decoder: impl ImageDecoder,
    kind: DocumentType,
    orientation: Orientation,
    dpi: Option<u32>,
) -> Result<Picture, Fault> {
    let image = DynamicImage::from_decoder(decoder).map_err(|error| fault_of(&error, kind))?;
    of_image(image, orientation, dpi)
}

/// A picture of pixels.
pub(super) fn of_image(
    image: DynamicImage,
    orientation: Orientation,
    dpi: Option<u32>,
) -> Result<Picture, Fault> {
    let color = image.color();
    let (width, height) = (image.width(), image.height());
    let wide = color.bytes_per_pixel() / color.channel_count() > 1;
    let has_alpha = color.has_alpha();
    let space = if color.has_color() {
        Space::Rgb
    } else {
        Space::Gray
    };
    // PDF stores the higher byte first.
    let samples: Vec<u8> = match (wide, color.has_color()) {
        (false, _) => image.into_bytes(),
        (true, false) => big_endian(image.into_luma_alpha16().as_raw()),
        (true, true) => big_endian(image.into_rgba16().as_raw()),
    };
    let size = if wide { 2 } else { 1 };
    // Widened pixels have an alpha channel now, whether it is needed or not.
    let stored_alpha = has_alpha || wide;
    let colors = usize::from(space.channels()) * size;
    let (data, alpha) = if stored_alpha {
        let mut data = Vec::with_capacity(samples.len());
        let mut alpha = Vec::new();
        for pixel in samples.chunks_exact(colors + size) {
            data.extend_from_slice(&pixel[..colors]);
            alpha.extend_from_slice(&pixel[colors..]);
        }
        (data, has_alpha.then_some(alpha))
    } else {
        (samples, None)
    };
    Ok(Picture {
        width,
        height,
        space,
        bits: if wide { 16 } else { 8 },
        data: Data::Deflated(deflate(&data)?),
        alpha: alpha.as_deref().map(deflate).transpose()?,
        orientation,
        dpi,
    })
}

fn big_endian(samples: &[u16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_be_bytes())
        .collect()
}
