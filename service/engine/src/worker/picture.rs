//! Pictures of every type: those that [`ocr_image`] decodes, and those that need libheif.

use image::DynamicImage;
use ocr_api::answer::DocumentType;
use ocr_protocol::{Fault, FaultKind, Overlay};

use super::ffi::heif::{Heif, HeifError};
use super::{Scan, Size, corrupt};

/// Decodes the page with this index, counted from 0.
pub(super) fn decode(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<Scan, Fault> {
    if !needs_libheif(kind) {
        return ocr_image::decode(kind, bytes, index, max_pixels);
    }
    Ok(ocr_image::scan(decoded(kind, bytes, index, max_pixels)?))
}

/// Size of the page with this index, counted from 0, in its upright orientation.
pub(super) fn measure(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<Size, Fault> {
    if !needs_libheif(kind) {
        return ocr_image::measure(kind, bytes, index, max_pixels);
    }
    let (width, height) = open(kind, bytes, index, max_pixels)?.size();
    Ok(Size {
        width,
        height,
        dpi: None,
    })
}

/// A gray PNG of the page, of at most `side` pixels a side.
pub(super) fn preview(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    side: u32,
    max_pixels: u64,
) -> Result<Vec<u8>, Fault> {
    ocr_image::preview(decode(kind, bytes, index, max_pixels)?, side)
}

/// Converts these pages to a PDF without text.
pub(super) fn as_pdf(
    kind: DocumentType,
    bytes: &[u8],
    pages: &[Overlay],
    max_pixels: u64,
) -> Result<Vec<u8>, Fault> {
    if !needs_libheif(kind) {
        return ocr_image::as_pdf(kind, bytes, pages, max_pixels);
    }
    ocr_image::picture_as_pdf(decoded(kind, bytes, 0, max_pixels)?)
}

/// True if there are further pictures or frames, which are not read.
pub(super) fn has_more(kind: DocumentType, bytes: &[u8]) -> bool {
    /// Brands of files whose pictures are a sequence.
    const SEQUENCES: [&[u8]; 5] = [b"avis", b"hevc", b"hevx", b"hevm", b"msf1"];
    if !needs_libheif(kind) {
        return ocr_image::is_animated(kind, bytes);
    }
    let brand = bytes.get(8..12);
    brand.is_some_and(|brand| SEQUENCES.contains(&brand))
        || Heif::open(bytes).is_ok_and(|file| file.pictures() > 1)
}

fn needs_libheif(kind: DocumentType) -> bool {
    matches!(kind, DocumentType::Heic | DocumentType::Avif)
}

fn decoded(
    kind: DocumentType,
    bytes: &[u8],
    index: u32,
    max_pixels: u64,
) -> Result<DynamicImage, Fault> {
    let picture = open(kind, bytes, index, max_pixels)?.decode();
    let picture = picture.map_err(|error| fault_of(error, kind))?;
    // A file can lie about its picture's size.
    ocr_image::check_size(picture.width(), picture.height(), max_pixels)?;
    Ok(picture)
}

/// Opens a file whose picture is not too large.
fn open(kind: DocumentType, bytes: &[u8], index: u32, max_pixels: u64) -> Result<Heif<'_>, Fault> {
    if index > 0 {
        return Err(corrupt("The image has only one page."));
    }
    let file = Heif::open(bytes).map_err(|error| fault_of(error, kind))?;
    let (width, height) = file.size();
    ocr_image::check_size(width, height, max_pixels)?;
    Ok(file)
}

fn fault_of(error: HeifError, kind: DocumentType) -> Fault {
    let name = kind.name();
    match error {
        HeifError::Damaged => corrupt(format!(
            "The {name} is damaged or cut short; send it again, or export it again."
        )),
        HeifError::NeedsMemory => Fault::new(
            FaultKind::TooLarge,
            format!(
                "Decoding this {name} needs more memory than allowed; save it at a lower resolution."
            ),
        ),
        HeifError::Unsupported => Fault::new(
            FaultKind::Unsupported,
            format!(
                "This variant of {name} is not supported, or libheif is not installed with a decoder for it; save it as a JPEG."
            ),
        ),
    }
}
