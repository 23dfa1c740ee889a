//! TIFF pages with a colour map. The tiff crate rejects them, but reads the same page as gray, which yields the
//! indices.

use tiff::tags::{ByteOrder, Tag};

use super::gray;

const BLACK_IS_ZERO: u16 = 1;

/// Brightness of each entry of a colour map. The map has all reds, then all greens, then all blues, of 16 bits each.
pub(super) fn brightness(map: &[u16]) -> Vec<u8> {
    let entries = map.len() / 3;
    let byte = |at: usize| (map[at] >> 8) as u8;
    (0..entries)
        .map(|at| gray::luma(byte(at), byte(entries + at), byte(2 * entries + at)))
        .collect()
}

/// Copies the file and declares the page whose directory is at `directory` as gray. Returns `None` if there is no such
/// directory.
pub(super) fn declared_gray(bytes: &[u8], directory: u64, order: ByteOrder) -> Option<Vec<u8>> {
    let short = |at: usize| -> Option<u16> {
        let two = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match order {
            ByteOrder::LittleEndian => u16::from_le_bytes(two),
            ByteOrder::BigEndian => u16::from_be_bytes(two),
        })
    };
    // A classic TIFF has a count of 2 bytes, and entries of 12 bytes with the value at 8. A BigTIFF has 8, 20 and 12;
    // no valid count needs more than the two bytes that are read here.
    let directory = usize::try_from(directory).ok()?;
    let big = short(2)? == 43;
    let (count_size, entry_size, value_offset) = if big { (8, 20, 12) } else { (2, 12, 8) };
    let count_at = match order {
        ByteOrder::BigEndian => directory.checked_add(count_size - 2)?,
        ByteOrder::LittleEndian => directory,
    };
    let value_at = (0..usize::from(short(count_at)?))
        .map(|entry| directory + count_size + entry * entry_size)
        .find(|at| short(*at) == Some(Tag::PhotometricInterpretation.to_u16()))?
        + value_offset;
    let mut copy = bytes.to_vec();
    copy.get_mut(value_at..value_at + 2)?
        .copy_from_slice(&match order {
            ByteOrder::LittleEndian => BLACK_IS_ZERO.to_le_bytes(),
            ByteOrder::BigEndian => BLACK_IS_ZERO.to_be_bytes(),
        });
    Some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_a_colour_map_to_brightness() {
        assert_eq!(brightness(&[0, 0xffff, 0, 0xffff, 0, 0xffff]), [0, 255]);
    }

    #[test]
    fn changes_only_the_photometric_entry_in_either_byte_order() {
        let little = b"II*\0\x08\0\0\0\x01\0\x06\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
        let mut wanted = little.to_vec();
        wanted[18] = 1;
        assert_eq!(
            declared_gray(little, 8, ByteOrder::LittleEndian),
            Some(wanted)
        );
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x06\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0";
        let mut wanted = big.to_vec();
        wanted[19] = 1;
        assert_eq!(declared_gray(big, 8, ByteOrder::BigEndian), Some(wanted));
        for directory in [7, 26, u64::MAX] {
            assert_eq!(
                declared_gray(little, directory, ByteOrder::LittleEndian),
                None
            );
        }
    }
}
