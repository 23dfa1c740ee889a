//! The resolution that an image states, in pixels per inch.

use ocr_api::answer::DocumentType;

/// Resolutions that Tesseract accepts as credible. Others count as missing.
const CREDIBLE: std::ops::RangeInclusive<u32> = 70..=2400;

/// Largest page, in inches. Many programs write 72 or 96 for any image. If an image would be larger than this at a
/// resolution below [`DEFAULTS`], the resolution is not trusted.
const LARGEST_PAGE: u32 = 24;
const DEFAULTS: u32 = 100;

/// True if an image with `side` pixels along its longer side can have that resolution.
pub(super) fn believable(dpi: u32, side: u32) -> bool {
    dpi > DEFAULTS || side / dpi <= LARGEST_PAGE
}

/// The resolution of the image, or `None` if it states none that is credible.
pub(super) fn of(kind: DocumentType, bytes: &[u8]) -> Option<u32> {
    let dpi = match kind {
        DocumentType::Png => png(bytes),
        DocumentType::Jpeg => jfif(bytes),
        DocumentType::Bmp => bmp(bytes),
        _ => None,
    };
    dpi.and_then(credible)
}

pub(super) fn credible(dpi: f64) -> Option<u32> {
    let dpi = dpi.round();
    // Compares as floats first, because a cast would cut larger values.
    (dpi <= f64::from(*CREDIBLE.end()) && dpi >= f64::from(*CREDIBLE.start())).then_some(dpi as u32)
}

/// The pHYs chunk: pixels per unit (x, y), where unit 1 is the metre.
fn png(bytes: &[u8]) -> Option<f64> {
    let chunk = chunk(bytes, b"pHYs")?.get(..9)?;
    let x = u32::from_be_bytes(chunk[..4].try_into().ok()?);
    (chunk[8] == 1).then(|| f64::from(x) * 0.0254)
}

/// Data of a PNG's chunk of this kind, if it comes before the pixels.
pub(super) fn chunk<'b>(bytes: &'b [u8], wanted: &[u8; 4]) -> Option<&'b [u8]> {
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = u32::from_be_bytes(head[..4].try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        let body = at + 8;
        match &head[4..] {
            kind if kind == wanted => return bytes.get(body..body.checked_add(length)?),
            b"IDAT" | b"IEND" => return None,
            _ => at = body.checked_add(length)?.checked_add(4)?,
        }
    }
}

/// Pixels per metre in a BMP's header, unless that is of the oldest kind.
fn bmp(bytes: &[u8]) -> Option<f64> {
    const LENGTH: usize = 40;
    let at = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let x = at(38)?;
    (at(14)? >= LENGTH as u32 && x > 0).then(|| f64::from(x) * 0.0254)
}

/// The JFIF segment, which comes first in the file: unit 1 is the inch, 2 the centimetre.
fn jfif(bytes: &[u8]) -> Option<f64> {
    let head = bytes.get(..16)?;
    if head[2..4] != [0xff, 0xe0] || &head[6..11] != b"JFIF\0" {
        return None;
    }
    let x = f64::from(u16::from_be_bytes([head[14], head[15]]));
    match head[13] {
        1 => Some(x),
        2 => Some(x * 2.54),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_inches_and_centimetres_from_a_jpeg() {
        let head = |unit: u8, x: u16| {
            let [high, low] = x.to_be_bytes();
            let mut head = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02".to_vec();
            head.extend([unit, high, low, high, low]);
            head
        };
        assert_eq!(of(DocumentType::Jpeg, &head(1, 300)), Some(300));
        assert_eq!(of(DocumentType::Jpeg, &head(2, 118)), Some(300));
        assert_eq!(of(DocumentType::Jpeg, &head(0, 1)), None);
        assert_eq!(of(DocumentType::Jpeg, &head(1, 1)), None);
        assert_eq!(of(DocumentType::Jpeg, b"\xff\xd8\xff"), None);
    }

    #[test]
    fn reads_metres_from_a_bmp() {
        let mut head = vec![0; 54];
        head[14] = 40;
        head[38..42].copy_from_slice(&11811u32.to_le_bytes());
        assert_eq!(of(DocumentType::Bmp, &head), Some(300));
        head[14] = 12;
        assert_eq!(of(DocumentType::Bmp, &head), None);
        assert_eq!(of(DocumentType::Bmp, b"BM"), None);
    }

    #[test]
    fn ignores_default_resolutions_of_large_images() {
        assert!(!believable(72, 3508) && !believable(96, 3508));
        assert!(believable(72, 842) && believable(96, 1920));
        assert!(believable(150, 4961) && believable(300, 9933));
    }

    #[test]
    fn reads_metres_from_a_png() {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x02tEXtab....\0\0\0\x09pHYs".to_vec();
        file.extend(11811u32.to_be_bytes());
        file.extend(11811u32.to_be_bytes());
        file.push(1);
        assert_eq!(of(DocumentType::Png, &file), Some(300));
        file.truncate(38);
        assert_eq!(of(DocumentType::Png, &file), None);
    }
}
