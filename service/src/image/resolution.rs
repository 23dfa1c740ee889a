//! The resolution that an image states, in pixels an inch.

use ocr_api::answer::DocumentType;

/// What Tesseract takes for a credible resolution; anything else is as good as none.
const CREDIBLE: std::ops::RangeInclusive<u32> = 70..=2400;

/// Many programs write 72 or 96 whatever the image is. What would be larger than this many inches is no page, and is not
/// believed below [`DEFAULTS`].
const LARGEST_PAGE: u32 = 24;
const DEFAULTS: u32 = 100;

/// Whether an image with `side` pixels along its longer side can be of that resolution.
pub(super) fn believable(dpi: u32, side: u32) -> bool {
    dpi > DEFAULTS || side / dpi <= LARGEST_PAGE
}

/// `None` when it states none, or none that can be meant.
pub(super) fn of(kind: DocumentType, bytes: &[u8]) -> Option<u32> {
    let dpi = match kind {
        DocumentType::Png => png(bytes),
        DocumentType::Jpeg => jfif(bytes),
        _ => None,
    };
    dpi.and_then(credible)
}

pub(super) fn credible(dpi: f64) -> Option<u32> {
    let dpi = dpi.round();
    // A comparison in floats first: a cast of something larger would be cut.
    (dpi <= f64::from(*CREDIBLE.end()) && dpi >= f64::from(*CREDIBLE.start())).then_some(dpi as u32)
}

/// The pHYs chunk: pixels a unit (x, y), unit 1 being the metre.
fn png(bytes: &[u8]) -> Option<f64> {
    let chunk = chunk(bytes, b"pHYs")?.get(..9)?;
    let x = u32::from_be_bytes(chunk[..4].try_into().ok()?);
    (chunk[8] == 1).then(|| f64::from(x) * 0.0254)
}

/// What a PNG's chunk of this kind holds, if it comes before the pixels.
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

/// The JFIF segment, first in the file: unit 1 is the inch, 2 the centimetre.
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
    fn jpeg_states_it_in_inches_or_centimetres() {
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
    fn a_default_is_not_believed_of_a_scan() {
        assert!(!believable(72, 3508) && !believable(96, 3508));
        assert!(believable(72, 842) && believable(96, 1920));
        assert!(believable(150, 4961) && believable(300, 9933));
    }

    #[test]
    fn png_states_it_in_metres() {
        let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x02tEXtab....\0\0\0\x09pHYs".to_vec();
        file.extend(11811u32.to_be_bytes());
        file.extend(11811u32.to_be_bytes());
        file.push(1);
        assert_eq!(of(DocumentType::Png, &file), Some(300));
        file.truncate(38);
        assert_eq!(of(DocumentType::Png, &file), None);
    }
}
