//! Compressed data of a PNG that a PDF can take over.

use image::metadata::Orientation;

use super::picture::{Data, Picture, Space};

const HEADER: usize = 8;

/// Returns `None` for a PNG that is interlaced or transparent, or has to be decoded for another reason.
pub(super) fn picture(bytes: &[u8]) -> Option<Picture> {
    let mut header: Option<[u8; 13]> = None;
    let mut palette = None;
    let mut data = Vec::new();
    let mut at = HEADER;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = usize::try_from(u32::from_be_bytes(head[..4].try_into().ok()?)).ok()?;
        let body = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
        match &head[4..] {
            b"IHDR" => header = Some(body.try_into().ok()?),
            b"PLTE" => palette = Some(body.to_vec()),
            b"tRNS" | b"acTL" => return None,
            b"IDAT" => data.extend_from_slice(body),
            b"IEND" => break,
            _ => {}
        }
        at += 8 + length + 4;
    }
    let header = header?;
    let side = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?))
    };
    let [bits, color, .., interlaced] = header[8..] else {
        return None;
    };
    let space = match color {
        0 => Space::Gray,
        2 => Space::Rgb,
        3 => Space::Indexed(palette?),
        _ => return None,
    };
    (interlaced == 0).then_some(Picture {
        width: side(0)?,
        height: side(4)?,
        space,
        bits,
        data: Data::Filtered(data),
        alpha: None,
        orientation: Orientation::NoTransforms,
        dpi: None,
    })
}
