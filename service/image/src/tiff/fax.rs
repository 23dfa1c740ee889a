//! TIFF pages in the fax compressions of ITU-T T.4 and T.6 (TIFF 6.0, sections 10 and 11). The tiff crate reads them
//! only in part: it does not read Group 3, or bytes with the lowest bit first.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use ocr_protocol::Fault;
use tiff::ColorType;
use tiff::tags::Tag;

use super::{Tiff, corrupt, fault, unsupported};

const MODIFIED_HUFFMAN: u16 = 2;
const GROUP_3: u16 = 3;
const GROUP_4: u16 = 4;

/// Bits of `T4Options` and, except for the first, of `T6Options`.
const TWO_DIMENSIONAL: u32 = 1;
const UNCOMPRESSED: u32 = 2;

const LOWEST_BIT_FIRST: u16 = 2;

/// Decodes the page to one byte per pixel, row by row: 1 where the fax is black. Returns `None` if the page has another
/// compression, or tiles.
pub(super) fn bits(tiff: &mut Tiff<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let compression = tiff
        .find_tag_unsigned::<u16>(Tag::Compression)
        .map_err(fault)?;
    let (encoding, options) = match compression {
        Some(MODIFIED_HUFFMAN) => (EncodingMode::Group3_1D, 0),
        Some(GROUP_3) => match tag(tiff, Tag::Unknown(292), 0)? {
            options if options & TWO_DIMENSIONAL != 0 => (EncodingMode::Group3_2D, options),
            options => (EncodingMode::Group3_1D, options),
        },
        Some(GROUP_4) => (EncodingMode::Group4, tag(tiff, Tag::Unknown(293), 0)?),
        _ => return Ok(None),
    };
    let tiled = tiff.find_tag(Tag::TileOffsets).map_err(fault)?.is_some();
    if tiled && encoding == EncodingMode::Group4 {
        return Ok(None);
    }
    let color = tiff.colortype().map_err(fault)?;
    if options & UNCOMPRESSED != 0 || tiled || !matches!(color, ColorType::Gray(1)) {
        return Err(unsupported("a fax compression in an unusual form"));
    }
    let settings = DecodeSettings {
        columns: 0,
        rows: 0,
        end_of_block: compression != Some(MODIFIED_HUFFMAN),
        end_of_line: false,
        rows_are_byte_aligned: compression == Some(MODIFIED_HUFFMAN),
        encoding,
        // If a line was disturbed in transmission, its rest is white, as on a fax machine.
        strict: false,
    };
    strips(tiff, settings).map(Some)
}

fn strips(tiff: &mut Tiff<'_>, settings: DecodeSettings) -> Result<Vec<u8>, Fault> {
    let bytes: &[u8] = tiff.inner().get_ref();
    let (width, height) = tiff.dimensions().map_err(fault)?;
    let rows_per_strip = tag(tiff, Tag::RowsPerStrip, height)?.clamp(1, height.max(1));
    let reversed = tag(tiff, Tag::FillOrder, 1)? == u32::from(LOWEST_BIT_FIRST);
    let offsets = tiff.get_tag_u64_vec(Tag::StripOffsets).map_err(fault)?;
    let lengths = tiff.get_tag_u64_vec(Tag::StripByteCounts).map_err(fault)?;

    let mut page = Rows {
        bits: Vec::with_capacity(width as usize * height as usize),
        width: width as usize,
        most: 0,
    };
    // Strips that overlap are rejected: they would be decoded over and over.
    let mut left = bytes.len();
    let mut strips = offsets.into_iter().zip(lengths);
    let mut row = 0;
    while row < height {
        let strip = strips.next().and_then(|(offset, length)| {
            let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
            left = left.checked_sub(length)?;
            bytes.get(offset..offset.checked_add(length)?)
        });
        let strip = strip.ok_or_else(cut_short)?;
        let rows = rows_per_strip.min(height - row);
        row += rows;
        page.most = row as usize * page.width;
        let mut context = DecoderContext::new(DecodeSettings {
            columns: width,
            rows,
            ..settings
        });
        let decoded = if reversed {
            let turned: Vec<u8> = strip.iter().map(|byte| byte.reverse_bits()).collect();
            hayro_ccitt::decode(&turned, &mut page, &mut context)
        } else {
            hayro_ccitt::decode(strip, &mut page, &mut context)
        };
        decoded.map_err(|error| {
            corrupt(format!(
                "The fax is damaged ({error}); send it again, or export it again."
            ))
        })?;
        if page.bits.len() < page.most {
            return Err(cut_short());
        }
    }
    Ok(page.bits)
}

fn tag(tiff: &mut Tiff<'_>, tag: Tag, default: u32) -> Result<u32, Fault> {
    let value = tiff.find_tag_unsigned(tag).map_err(fault)?;
    Ok(value.unwrap_or(default))
}

fn cut_short() -> Fault {
    corrupt("The fax has fewer rows than its header states; send it again, or export it again.")
}

/// Rows of the page so far.
struct Rows {
    bits: Vec<u8>,
    width: usize,
    /// Most pixels by the end of the strip.
    most: usize,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        if self.bits.len() + self.width > self.most {
            return;
        }
        let start = self.bits.len();
        let mut black = 0;
        for change in changes {
            let end = start + self.width.min(*change as usize);
            self.bits.resize(end.max(self.bits.len()), black);
            black ^= 1;
        }
        self.bits.resize(start + self.width, black);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(changes: &[&[u32]], width: usize, most: usize) -> Vec<u8> {
        let mut rows = Rows {
            bits: Vec::new(),
            width,
            most,
        };
        for row in changes {
            rows.push_row(row);
        }
        rows.bits
    }

    #[test]
    fn rows_are_white_until_their_first_change() {
        assert_eq!(
            rows(&[&[], &[0, 2], &[1], &[1, 2, 3]], 4, 16),
            [0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1]
        );
    }

    #[test]
    fn ignores_rows_and_changes_beyond_the_page() {
        assert_eq!(rows(&[&[1, 9], &[], &[0]], 3, 6), [0, 1, 1, 0, 0, 0]);
    }
}
