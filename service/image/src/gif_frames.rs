//! Search for a second frame of a GIF, without decoding one.

const EXTENSION: u8 = 0x21;
const FRAME: u8 = 0x2c;

/// True if there is a second frame.
pub(super) fn has_several(bytes: &[u8]) -> bool {
    frames(bytes).is_some_and(|rest| frames_in(rest, 2))
}

/// The part behind the header and the table of colours that all frames share.
fn frames(bytes: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 13;
    bytes.get(HEADER + colours(*bytes.get(10)?)..)
}

/// Length of the table of colours that the flags state.
fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// True if blocks hold as many frames.
fn frames_in(mut blocks: &[u8], mut wanted: u32) -> bool {
    /// Place, size and flags of a frame, behind its first byte.
    const DESCRIPTOR: usize = 9;
    loop {
        let data = match *blocks {
            [EXTENSION, _label, ref rest @ ..] => rest,
            [FRAME, ref rest @ ..] => {
                wanted -= 1;
                if wanted == 0 {
                    return true;
                }
                let Some(flags) = rest.get(DESCRIPTOR - 1) else {
                    return false;
                };
                // The length of the first code follows the frame's own colours.
                rest.get(DESCRIPTOR + colours(*flags) + 1..)
                    .unwrap_or_default()
            }
            _ => return false,
        };
        blocks = behind(data);
    }
}

/// The part behind a sequence of blocks of data, each with its length.
fn behind(mut data: &[u8]) -> &[u8] {
    while let [length, rest @ ..] = data {
        if *length == 0 {
            return rest;
        }
        data = rest.get(usize::from(*length)..).unwrap_or_default();
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_second_frame_behind_extensions() {
        let header = b"GIF89a\x02\0\x02\0\x80\0\0\xff\xff\xff\0\0\0";
        let pause = b"\x21\xf9\x04\0\0\0\0\0";
        let frame = b"\x2c\0\0\0\0\x02\0\x02\0\0\x02\x02\x84\x51\0";
        let of = |parts: &[&[u8]]| has_several(&parts.concat());
        assert!(!of(&[header, pause, frame, b";"]));
        assert!(of(&[header, pause, frame, pause, frame, b";"]));
        assert!(of(&[header, frame, frame]));
        let whole = [&header[..], pause, frame, b";"].concat();
        for end in 0..whole.len() {
            assert!(!has_several(&whole[..end]));
        }
    }
}
