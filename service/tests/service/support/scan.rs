//! Scans: pages drawn by PDFium at 300 dpi, in every image format.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use pdfium_render::prelude::{PdfBitmapFormat, PdfRenderConfig, Pdfium};
use tiff::encoder::{TiffEncoder, colortype};

use super::pdf::Pdf;

/// The library that the service itself finds beside its executable.
pub(crate) fn pdfium_path() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_ocr-service")).with_file_name("libpdfium.so")
}

/// PDFium may be used by one thread at a time, whichever it is.
struct OneAtATime(Mutex<Pdfium>);

// SAFETY: its content is used only under the lock, and does not belong to a thread.
#[allow(
    unsafe_code,
    reason = "PDFium's bindings hold pointers, which Rust keeps on one thread"
)]
unsafe impl Send for OneAtATime {}
// SAFETY: as above.
#[allow(
    unsafe_code,
    reason = "PDFium's bindings hold pointers, which Rust keeps on one thread"
)]
unsafe impl Sync for OneAtATime {}

fn pdfium() -> MutexGuard<'static, Pdfium> {
    static LIBRARY: OnceLock<OneAtATime> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let bindings = Pdfium::bind_to_library(pdfium_path())
            .expect("run service/fetch-pdfium.sh before the tests");
        OneAtATime(Mutex::new(Pdfium::new(bindings)))
    });
    library.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A4 at 300 dpi with lines of text.
pub(crate) fn page(lines: &[&str]) -> GrayImage {
    draw(&Pdf::default().text_page(lines).build())
}

/// A4 at 300 dpi full of small type, which takes a second or more.
pub(crate) fn dense_page() -> GrayImage {
    static PAGE: OnceLock<GrayImage> = OnceLock::new();
    PAGE.get_or_init(|| draw(&Pdf::default().dense_page().build()))
        .clone()
}

/// The text of a letter: some 300 words.
pub(crate) fn text_page() -> GrayImage {
    let line = "We write with regard to the goods which were delivered to us on the third";
    draw(&Pdf::default().text_page_of(11.0, &[line; 24]).build())
}

/// The first page of a PDF at 300 dpi.
pub(crate) fn draw(pdf: &[u8]) -> GrayImage {
    let pdfium = pdfium();
    let document = pdfium.load_pdf_from_byte_slice(pdf, None).unwrap();
    let page = document.pages().get(0).unwrap();
    let config = PdfRenderConfig::new()
        .set_target_width(2480)
        .set_format(PdfBitmapFormat::Gray)
        // PDFium does not draw gray with this flag, which is on by default.
        .set_reverse_byte_order(false);
    let bitmap = page.render_with_config(&config).unwrap();
    let (width, height) = (bitmap.width() as u32, bitmap.height() as u32);
    let bytes = bitmap.as_raw_bytes();
    let stride = bytes.len() / height as usize;
    GrayImage::from_fn(width, height, |x, y| {
        Luma([bytes[y as usize * stride + x as usize]])
    })
}

pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(image: &GrayImage) -> Vec<u8> {
    encode(&image.clone().into(), ImageFormat::Png)
}

/// A PNG that states its resolution.
pub(crate) fn png_with_dpi(image: &GrayImage, dpi: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(png::ColorType::Grayscale);
    let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(image).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn jpeg(image: &GrayImage) -> Vec<u8> {
    jpeg_of(image, 85)
}

pub(crate) fn jpeg_of(image: &GrayImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(image)
        .unwrap();
    bytes
}

/// A JPEG with an EXIF segment that states its orientation.
pub(crate) fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
}

/// A TIFF with a page for each image.
pub(crate) fn tiff(pages: &[GrayImage]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    for page in pages {
        encoder
            .write_image::<colortype::Gray8>(page.width(), page.height(), page)
            .unwrap();
    }
    bytes.into_inner()
}

/// Faxes of `Delivery note 7731` in modified Huffman (black is 1), Group 3 of one and of two dimensions, Group 3 in
/// strips with the lowest bit first, and Group 4 in the same way: see `fixtures/make.sh`.
pub(crate) const FAXES: [&[u8]; 5] = [
    include_bytes!("../../fixtures/fax-huffman.tif"),
    include_bytes!("../../fixtures/fax-g3.tif"),
    include_bytes!("../../fixtures/fax-g3-2d.tif"),
    include_bytes!("../../fixtures/fax-g3-strips.tif"),
    include_bytes!("../../fixtures/fax-g4-lowest-first.tif"),
];

/// A picture of `Delivery note 7731`: see `fixtures/pictures/make.py`.
pub(crate) fn picture(name: &str) -> Vec<u8> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pictures");
    std::fs::read(PathBuf::from(directory).join(name)).unwrap()
}

/// A page of a fax server: one bit per pixel, 1 is black, not compressed here, 204 dpi.
pub(crate) fn fax(image: &GrayImage) -> Vec<u8> {
    bilevel(image, 0, &[])
}

/// The same with a colour map: 0 is yellow paper, 1 is dark blue ink.
pub(crate) fn two_colours(image: &GrayImage) -> Vec<u8> {
    bilevel(image, 3, &[0xffff, 0, 0xffff, 0, 0x8000, 0x6000])
}

/// A hand-written TIFF of one strip, because the encoder supports neither bits nor colour maps.
fn bilevel(image: &GrayImage, photometric: u32, map: &[u16]) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let mut bits = Vec::new();
    for row in image.rows() {
        let row: Vec<u8> = row.map(|pixel| u8::from(pixel.0[0] < 128)).collect();
        bits.extend(row.chunks(8).map(|eight| {
            eight
                .iter()
                .enumerate()
                .fold(0, |byte, (at, bit)| byte | bit << (7 - at))
        }));
    }
    let length = u32::try_from(bits.len()).unwrap();
    let resolution_at = 8 + length;
    let map_at = resolution_at + 8;
    let map_length = u32::try_from(map.len()).unwrap();
    let directory_at = map_at + 2 * map_length;
    let (short, long, rational) = (3, 4, 5);
    let mut entries = vec![
        (256u16, long, 1, width),
        (257, long, 1, height),
        (258, short, 1, 1),
        (259, short, 1, 1),
        (262, short, 1, photometric),
        (273, long, 1, 8),
        (277, short, 1, 1),
        (278, long, 1, height),
        (279, long, 1, length),
        (282, rational, 1, resolution_at),
    ];
    if !map.is_empty() {
        entries.push((320, short, map_length, map_at));
    }
    let mut file = b"II*\0".to_vec();
    file.extend(directory_at.to_le_bytes());
    file.extend(&bits);
    file.extend(204u32.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(map.iter().flat_map(|value| value.to_le_bytes()));
    file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(u16::to_le_bytes(kind));
        file.extend(u32::to_le_bytes(count));
        file.extend(value.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    file
}
