//! Whether a JBIG2 image of a PDF is whole. PDFium draws what it has of one that is cut short, without a word.

/// Bytes of a segment's header, at least.
const LEAST: usize = 11;
/// The length of a segment that ends with its data (ITU T.88, 7.2.7).
const UNKNOWN: u32 = u32::MAX;

/// Whether each segment has the data that its header states. Segments follow each other without a file header, as in PDFs.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while rest.len() >= LEAST {
        match segment(rest) {
            Some(Some(length)) if length <= rest.len() => rest = &rest[length..],
            Some(None) => return true,
            _ => return false,
        }
    }
    // A line end may stand behind the last one.
    rest.len() < bytes.len()
}

/// Bytes of the first segment with its header (ITU T.88, 7.2). The inner `None`: it does not state them.
fn segment(bytes: &[u8]) -> Option<Option<usize>> {
    let four = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(four))
    };
    let number = four(0)?;
    let of_page = if bytes.get(4)? & 0x40 == 0 { 1 } else { 4 };
    // How many segments it refers to, and a bit for each of them.
    let (count, mut at) = match bytes.get(5)? >> 5 {
        7 => {
            let count = usize::try_from(four(5)? & 0x1fff_ffff).ok()?;
            (count, 9 + (count + 8) / 8)
        }
        count @ 0..=4 => (usize::from(count), 6),
        _ => return None,
    };
    let of_number = match number {
        0..=256 => 1,
        257..=65_536 => 2,
        _ => 4,
    };
    at = at.checked_add(count.checked_mul(of_number)?)? + of_page;
    match four(at)? {
        UNKNOWN => Some(None),
        length => Some(Some((at + 4).checked_add(usize::try_from(length).ok()?)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page's description, and a region that refers to two others.
    const PAGE: &[u8] = b"\0\0\0\x01\x30\0\x01\0\0\0\x13pppppppppppppppppppp";
    const REGION: &[u8] = b"\0\0\0\x02\x26\x40\0\x01\x01\0\0\0\x04dddd";

    #[test]
    fn what_is_cut_within_a_segment_is_not_whole() {
        let page = &PAGE[..PAGE.len() - 1];
        let whole = [page, REGION].concat();
        assert!(is_whole(&whole));
        assert!(is_whole(&[&whole[..], b"\r\n"].concat()));
        for length in page.len() + LEAST..whole.len() {
            assert!(!is_whole(&whole[..length]), "{length} bytes");
        }
        for none in [&b""[..], b"short", b"no picture at all"] {
            assert!(!is_whole(none));
        }
    }

    #[test]
    fn a_region_of_unknown_length_goes_to_the_end() {
        let open = b"\0\0\0\x02\x26\0\x01\xff\xff\xff\xffdata";
        assert!(is_whole(open));
    }

    #[test]
    fn many_segments_can_be_referred_to() {
        // Six of them, in the long form: a count, a byte of bits, and a number each.
        let long = b"\0\0\0\x09\x06\xe0\0\0\x06\0\x01\x02\x03\x04\x05\x06\x01\0\0\0\x02dd";
        assert!(is_whole(long));
        assert!(!is_whole(&long[..long.len() - 1]));
    }
}
