//! TIFF: any of its pages, in the sample layouts that scanners and fax servers write.

mod fax;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage};
use ocr_api::issue::{Issue, IssueCode};
use ocr_protocol::{Counted, Fault, FaultKind};
use tiff::decoder::ifd::Value;
use tiff::decoder::{BufferLayoutPreference, Decoder, DecodingResult, Limits};
use tiff::tags::{ResolutionUnit, Tag};
use tiff::{ColorType, TiffError};

use super::picture::{Data, Picture, Space, deflate, turned};
use super::{Scan, Size, check_size, corrupt, gray, palette, resolution};

/// Most pages that are counted. A chain of directories can be crafted to be endless.
const MAX_PAGES: u32 = 100_000;

/// Photometric interpretation of a page with a colour map.
const PALETTE: u16 = 3;

/// Photometric interpretation where 0 is black. Most faxes have the opposite one.
const BLACK_IS_ZERO: u16 = 1;

type Tiff<'b> = Decoder<Cursor<&'b [u8]>>;

/// Counts the pages. A page with a damaged directory counts, so that it is answered as damaged instead of being left
/// out.
pub(super) fn count(bytes: &[u8]) -> Result<Counted, Fault> {
    let mut tiff = open(bytes)?;
    let mut pages = 1;
    while tiff.more_images() && pages < MAX_PAGES {
        pages += 1;
        if tiff.next_image().is_err() {
            return Ok(Counted::pages(pages));
        }
    }
    if !tiff.more_images() {
        return Ok(Counted::pages(pages));
    }
    let detail = format!("the TIFF has more than {pages} pages, which is the limit; split it.");
    Ok(Counted {
        pages,
        lacks_pages: true,
        issues: vec![Issue::new(IssueCode::MissingPages, detail)],
        attachments: Vec::new(),
    })
}

/// Decodes the page with this index, counted from 0.
pub(super) fn decode(bytes: &[u8], index: u32, max_pixels: u64) -> Result<Scan, Fault> {
    let mut tiff = at_page(bytes, index)?;
    let palette = match tiff.find_tag_unsigned(Tag::PhotometricInterpretation) {
        Ok(Some(PALETTE)) => tiff.get_tag_u16_vec(Tag::ColorMap).map_err(fault)?,
        _ => return page(tiff, None, max_pixels),
    };
    let directory = tiff.ifd_pointer().map_or(0, |pointer| pointer.0);
    let gray = palette::declared_gray(bytes, directory, tiff.byte_order())
        .ok_or_else(|| corrupt("The directory of the TIFF page is damaged."))?;
    let palette = palette::brightness(&palette);
    page(at_page(&gray, index)?, Some(&palette), max_pixels)
}

/// The same page for a PDF: in colour if it is red, green and blue of 8 bits, otherwise in gray. Black and white takes
/// one bit.
pub(super) fn picture(bytes: &[u8], index: u32, max_pixels: u64) -> Result<Picture, Fault> {
    if let Some(picture) = colours(bytes, index, max_pixels)? {
        return Ok(picture);
    }
    let scan = decode(bytes, index, max_pixels)?;
    let bilevel = scan.pixels.iter().all(|pixel| matches!(pixel, 0 | 255));
    let (bits, samples) = if bilevel {
        (1, bits(&scan.pixels, scan.width as usize))
    } else {
        (8, scan.pixels)
    };
    Ok(Picture {
        width: scan.width,
        height: scan.height,
        space: Space::Gray,
        bits,
        data: Data::Deflated(deflate(&samples)?),
        alpha: None,
        // The pixels are upright already.
        orientation: Orientation::NoTransforms,
        dpi: scan.dpi,
    })
}

fn colours(bytes: &[u8], index: u32, max_pixels: u64) -> Result<Option<Picture>, Fault> {
    let mut tiff = at_page(bytes, index)?;
    if !matches!(tiff.colortype(), Ok(ColorType::RGB(8))) {
        return Ok(None);
    }
    let (width, height) = tiff.dimensions().map_err(fault)?;
    check_size(width, height, max_pixels)?;
    let mut tiff = tiff.with_limits(limits(max_pixels));
    let dpi = stated_resolution(&mut tiff);
    let orientation = stated_orientation(&mut tiff);
    let mut buffer = DecodingResult::U8(Vec::new());
    let layout = tiff.read_image_to_buffer(&mut buffer).map_err(fault)?;
    let DecodingResult::U8(samples) = buffer else {
        return Ok(None);
    };
    if layout.planes > 1 || samples.len() as u64 != u64::from(width) * u64::from(height) * 3 {
        return Ok(None);
    }
    Ok(Some(Picture {
        width,
        height,
        space: Space::Rgb,
        bits: 8,
        data: Data::Deflated(deflate(&samples)?),
        alpha: None,
        orientation,
        dpi,
    }))
}

/// Packs eight pixels into a byte, the leftmost in the highest bit; 1 is white. Each row starts with a new byte.
fn bits(pixels: &[u8], width: usize) -> Vec<u8> {
    let byte = |eight: &[u8]| {
        (0..)
            .zip(eight)
            .fold(0, |byte, (at, pixel)| byte | (pixel & 1) << (7 - at))
    };
    pixels
        .chunks(width.max(1))
        .flat_map(|row| row.chunks(8).map(byte))
        .collect()
}

/// Size of the page in its upright orientation, by its directory.
pub(super) fn measure(bytes: &[u8], index: u32, max_pixels: u64) -> Result<Size, Fault> {
    let mut tiff = at_page(bytes, index)?;
    let size = tiff.dimensions().map_err(fault)?;
    let (width, height) = turned(size, stated_orientation(&mut tiff));
    check_size(width, height, max_pixels)?;
    Ok(Size {
        width,
        height,
        dpi: stated_resolution(&mut tiff),
    })
}

fn at_page(bytes: &[u8], index: u32) -> Result<Tiff<'_>, Fault> {
    let mut tiff = open(bytes)?;
    for _ in 0..index {
        tiff.next_image().map_err(fault)?;
    }
    Ok(tiff)
}

/// Decodes the current page of `tiff`. With a palette, its samples are indices into the palette.
fn page(mut tiff: Tiff<'_>, palette: Option<&[u8]>, max_pixels: u64) -> Result<Scan, Fault> {
    let (width, height) = tiff.dimensions().map_err(fault)?;
    check_size(width, height, max_pixels)?;
    let mut tiff = tiff.with_limits(limits(max_pixels));

    let dpi = stated_resolution(&mut tiff);
    let orientation = stated_orientation(&mut tiff);
    let pixels = gray_pixels(&mut tiff, palette, width, height)?;
    let image = GrayImage::from_raw(width, height, pixels)
        .ok_or_else(|| corrupt("The TIFF page has fewer pixels than its directory states."))?;
    let mut image = DynamicImage::ImageLuma8(image);
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    Ok(Scan {
        pixels: image.into_bytes(),
        width,
        height,
        dpi,
    })
}

fn open(bytes: &[u8]) -> Result<Tiff<'_>, Fault> {
    Decoder::new(Cursor::new(bytes)).map_err(fault)
}

fn limits(max_pixels: u64) -> Limits {
    let mut limits = Limits::default();
    limits.decoding_buffer_size =
        usize::try_from(max_pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    limits
}

fn stated_orientation(tiff: &mut Tiff<'_>) -> Orientation {
    tiff.find_tag_unsigned::<u8>(Tag::Orientation)
        .ok()
        .flatten()
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

fn stated_resolution(tiff: &mut Tiff<'_>) -> Option<u32> {
    let x = match tiff.find_tag(Tag::XResolution).ok()?? {
        Value::Rational(dots, units) => f64::from(dots) / f64::from(units),
        other => other.into_f64().ok()?,
    };
    let unit = tiff
        .find_tag_unsigned::<u16>(Tag::ResolutionUnit)
        .ok()
        .flatten()
        .map_or(Some(ResolutionUnit::Inch), ResolutionUnit::from_u16)?;
    match unit {
        ResolutionUnit::Inch => resolution::credible(x),
        ResolutionUnit::Centimeter => resolution::credible(x * 2.54),
        _ => None,
    }
}

fn gray_pixels(
    tiff: &mut Tiff<'_>,
    palette: Option<&[u8]>,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, Fault> {
    if let Some(mut pixels) = fax::bits(tiff)? {
        let interpretation = tiff.find_tag_unsigned(Tag::PhotometricInterpretation);
        let shades = match (palette, interpretation.map_err(fault)?) {
            (Some(palette), _) => [0, 1].map(|index| palette.get(index).copied().unwrap_or(255)),
            (None, Some(BLACK_IS_ZERO)) => [0, 255],
            (None, _) => [255, 0],
        };
        for pixel in &mut pixels {
            *pixel = shades[usize::from(*pixel)];
        }
        return Ok(pixels);
    }
    let color = tiff.colortype().map_err(fault)?;
    let mut buffer = DecodingResult::U8(Vec::new());
    let layout = tiff.read_image_to_buffer(&mut buffer).map_err(fault)?;
    let samples = match buffer {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.iter().map(|sample| (sample >> 8) as u8).collect(),
        _ => return Err(unsupported(&format!("{color:?} with wide samples"))),
    };
    let samples = Samples {
        bytes: &samples,
        layout: &layout,
        width: width as usize,
        count: width as usize * height as usize,
    };
    match palette {
        Some(palette) => by_palette(&samples, color, palette),
        None => by_color(&samples, color),
    }
    .ok_or_else(|| unsupported(&format!("{color:?}")))
}

/// A decoded page, in the samples that it has.
struct Samples<'s> {
    bytes: &'s [u8],
    layout: &'s BufferLayoutPreference,
    width: usize,
    /// Number of the page's pixels.
    count: usize,
}

fn by_palette(samples: &Samples<'_>, color: ColorType, palette: &[u8]) -> Option<Vec<u8>> {
    let entry = |index: u8| palette.get(usize::from(index)).copied().unwrap_or(255);
    match color {
        ColorType::Gray(bits @ (1 | 2 | 4)) => Some(samples.packed(bits, &entry)),
        ColorType::Gray(8) => Some(samples.whole(1, &|s| entry(s[0]))),
        _ => None,
    }
}

fn by_color(samples: &Samples<'_>, color: ColorType) -> Option<Vec<u8>> {
    let rgb = |s: &[u8]| gray::luma(s[0], s[1], s[2]);
    let gray = match color {
        ColorType::Gray(bits @ (1 | 2 | 4)) => {
            let top = u8::MAX >> (8 - bits);
            samples.packed(bits, &|value| value * (255 / top))
        }
        ColorType::Gray(8 | 16) => samples.whole(1, &|s| s[0]),
        ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        } => samples.whole(2, &|s| gray::over_white(s[0], s[1])),
        ColorType::RGB(8 | 16) => samples.whole(3, &rgb),
        ColorType::RGBA(8 | 16) => samples.whole(4, &|s| gray::over_white(rgb(s), s[3])),
        ColorType::CMYK(8 | 16) => {
            samples.whole(4, &|s| gray::luma_of_inks(s[0], s[1], s[2], s[3]))
        }
        // Y is the brightness.
        ColorType::YCbCr(8) => samples.whole(3, &|s| s[0]),
        _ => return None,
    };
    Some(gray)
}

impl Samples<'_> {
    /// Converts samples of whole bytes, pixel by pixel or plane by plane.
    fn whole(&self, channels: usize, gray: &dyn Fn(&[u8]) -> u8) -> Vec<u8> {
        if self.layout.planes <= 1 {
            let pixels = self.bytes.chunks_exact(channels);
            return pixels.take(self.count).map(gray).collect();
        }
        let mut pixel = vec![0; channels];
        (0..self.count)
            .map(|at| {
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let sample = self.bytes.get(channel * self.count + at);
                    *value = sample.copied().unwrap_or(255);
                }
                gray(&pixel)
            })
            .collect()
    }

    fn packed(&self, bits: u8, gray: &dyn Fn(u8) -> u8) -> Vec<u8> {
        packed(self.bytes, self.width, bits, gray)
    }
}

/// Unpacks several pixels per byte, the leftmost in the highest bits. Each row starts with a new byte.
fn packed(samples: &[u8], width: usize, bits: u8, gray: &dyn Fn(u8) -> u8) -> Vec<u8> {
    let bits = usize::from(bits);
    let per_byte = 8 / bits;
    let mask = u8::MAX >> (8 - bits);
    samples
        .chunks_exact(width.div_ceil(per_byte))
        .flat_map(|row| {
            (0..width).map(move |x| {
                let shift = 8 - bits * (x % per_byte + 1);
                gray((row[x / per_byte] >> shift) & mask)
            })
        })
        .collect()
}

fn unsupported(what: &str) -> Fault {
    Fault::new(
        FaultKind::Unsupported,
        format!("This variant of TIFF is not supported ({what}); save it as 8 bits gray or RGB."),
    )
}

fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::LimitsExceeded => Fault::new(
            FaultKind::TooLarge,
            "Decoding this TIFF needs more memory than allowed; save it at a lower resolution.",
        ),
        TiffError::UnsupportedError(what) => unsupported(&what.to_string()),
        other => corrupt(format!(
            "The TIFF is damaged or cut short ({other}); send it again, or export it again."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_black_and_white_into_bits() {
        let white = [255, 0, 255, 0, 0, 0, 0, 0, 255];
        assert_eq!(
            bits(&[white, white].concat(), 9),
            [0b1010_0000, 0x80, 0b1010_0000, 0x80]
        );
    }

    #[test]
    fn unpacks_rows_that_start_with_a_new_byte() {
        let as_is = |value: u8| value;
        assert_eq!(
            packed(&[0b1010_0000, 0b0110_0000], 3, 1, &as_is),
            [1, 0, 1, 0, 1, 1]
        );
        assert_eq!(packed(&[0b1101_0000, 0], 2, 2, &as_is), [3, 1, 0, 0]);
        assert_eq!(packed(&[0xa5, 0xf0], 3, 4, &as_is), [10, 5, 15]);
    }
}
