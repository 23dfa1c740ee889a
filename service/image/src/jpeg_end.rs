//! Checks that a JPEG is complete. The decoder fills missing parts with gray, and text would be lost without a warning.

use memchr::memchr;
use ocr_protocol::Fault;

use super::corrupt;
use super::picture::Space;

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];

/// Checks for the image's own end marker, which comes after its first scan. Those of thumbnails come before it, within
/// segments.
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    let ended = first_scan(bytes).is_some_and(|scan| {
        bytes[scan..]
            .windows(2)
            .rev()
            .any(|window| window == END_OF_IMAGE)
    });
    if ended {
        Ok(())
    } else {
        Err(corrupt(
            "The JPEG is cut short: it has no end marker. Send it again, or export it again.",
        ))
    }
}

/// Whether the compressed data go on to the end marker: damage shows by markers that can't stand there.
pub fn is_whole(bytes: &[u8]) -> bool {
    let Some(mut at) = first_scan(bytes) else {
        return false;
    };
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr(0xff, rest)) {
        at += next;
        match bytes[at..] {
            [_, 0x00 | 0xd0..=0xd7, ..] => at += 2,
            [_, 0xff, ..] => at += 1,
            [_, 0xd9, ..] => return true,
            // Tables, comments and heads of further scans.
            [_, 0xc4 | 0xda..=0xdd | 0xe0..=0xef | 0xfe, high, low, ..] => {
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
            }
            _ => return false,
        }
    }
    false
}

/// The colours, by the number of components in the frame header (ITU T.81, B.2.2), and by Adobe's segment whether inks are
/// inverted.
pub(super) fn space(bytes: &[u8]) -> Option<Space> {
    let mut adobe = false;
    let mut at = 2;
    loop {
        match *bytes.get(at..at + 4)? {
            [0xff, 0xff, ..] => at += 1,
            [0xff, 0x01 | 0xd0..=0xd8, ..] => at += 2,
            [
                0xff,
                0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf,
                ..,
            ] => {
                return match bytes.get(at + 9)? {
                    1 => Some(Space::Gray),
                    3 => Some(Space::Rgb),
                    4 => Some(Space::Cmyk { inverted: adobe }),
                    _ => None,
                };
            }
            [0xff, marker, high, low] => {
                adobe |= marker == 0xee && bytes.get(at + 4..at + 9)? == b"Adobe";
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
            }
            _ => return None,
        }
    }
}

/// Start of the compressed data. Segments are skipped by the lengths that they state (ITU-T T.81, B.1.1).
fn first_scan(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        match *bytes.get(at..at + 4)? {
            // Fill bytes may precede any marker.
            [0xff, 0xff, ..] => at += 1,
            // Markers without a length.
            [0xff, 0x01 | 0xd0..=0xd8, ..] => at += 2,
            [0xff, marker, high, low] => {
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
                if marker == START_OF_SCAN {
                    return Some(at.min(bytes.len()));
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"\xff\xd8\xff\xe1\0\x06\xff\xd9xx\xff\xda\0\x03\0abc\xff\xd9";

    #[test]
    fn accepts_complete_jpegs_and_rejects_shorter_ones() {
        assert!(check(WHOLE).is_ok());
        assert!(check(&[WHOLE, b"trailing"].concat()).is_ok());
        for length in 0..WHOLE.len() {
            assert!(check(&WHOLE[..length]).is_err(), "{length} bytes");
            assert!(!is_whole(&WHOLE[..length]), "{length} bytes");
        }
        assert!(is_whole(WHOLE));
    }

    #[test]
    fn damage_within_the_data_is_found_by_its_markers() {
        let with = |data: &[u8]| [b"\xff\xd8\xff\xda\0\x03\0", data, b"\xff\xd9"].concat();
        let scans = b"a\xff\0b\xff\xd0c\xff\xff\xc4\0\x04\xff\x12\xff\xda\0\x03\0d";
        assert!(is_whole(&with(scans)));
        for damaged in [&b"a\xff\x12b"[..], b"a\xff\xc0b", b"a\xff\xd8b"] {
            assert!(!is_whole(&with(damaged)), "{damaged:?}");
        }
    }
}
