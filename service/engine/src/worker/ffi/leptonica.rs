//! Replacements for two functions of Leptonica that take a tenth of the time. Tesseract's search for ruled lines opens
//! the whole page by bricks of some 75 pixels, which took a twelfth of its time. The search for the edges of a box's
//! content goes pixel by pixel, which took an eightieth.
//!
//! The loader looks for a symbol in the executable before it looks in libraries. So Tesseract calls these functions,
//! whichever build of it is loaded. The results are identical to the bit, and so is what Tesseract reads.

use std::ffi::c_int;
use std::ptr;
use std::slice;

use leptess::capi;

use crate::worker::bricks::Bits;

/// Makes the linker keep the symbols, since none of our code calls them.
pub(in crate::worker) fn stand_in() {
    std::hint::black_box([pixOpenBrick as *const (), pixScanForForeground as *const ()]);
}

/// Morphological opening of a bilevel picture by a brick. It replaces Leptonica's function of this name.
///
/// # Safety
/// As for Leptonica's: `source` is a live picture, `into` is null or a live picture.
#[unsafe(no_mangle)]
unsafe extern "C" fn pixOpenBrick(
    into: *mut capi::Pix,
    source: *mut capi::Pix,
    width: c_int,
    height: c_int,
) -> *mut capi::Pix {
    let (Ok(columns), Ok(rows)) = (usize::try_from(width), usize::try_from(height)) else {
        return ptr::null_mut();
    };
    // SAFETY: pictures are live as the caller promises. The copy is ours until it is returned. It has `height` rows of
    // `wpl` words, and its data is not shared.
    unsafe {
        if source.is_null() || columns == 0 || rows == 0 || capi::pixGetDepth(source) != 1 {
            return ptr::null_mut();
        }
        let opened = capi::pixCopy(into, source);
        if opened.is_null() {
            return opened;
        }
        capi::pixSetPadBits(opened, 0);
        let data = capi::pixGetData(opened);
        let stride = usize::try_from(capi::pixGetWpl(opened)).unwrap_or(0);
        let lines = usize::try_from(capi::pixGetHeight(opened)).unwrap_or(0);
        if data.is_null() || stride == 0 {
            return opened;
        }
        Bits {
            words: slice::from_raw_parts_mut(data, stride * lines),
            stride,
        }
        .open(columns, rows);
        opened
    }
}

/// Leptonica's constants for directions.
const FROM_LEFT: c_int = 0;
const FROM_RIGHT: c_int = 1;
const FROM_TOP: c_int = 2;
const FROM_BOTTOM: c_int = 3;

/// The first column or row of a bilevel picture with a black pixel within a box. Returns 0 if there is one. It replaces
/// Leptonica's function of this name.
///
/// # Safety
/// As for Leptonica's: the picture is live, `within` is null or a live box, `found` may be written to.
#[unsafe(no_mangle)]
unsafe extern "C" fn pixScanForForeground(
    picture: *mut capi::Pix,
    within: *mut capi::Box,
    direction: c_int,
    found: *mut c_int,
) -> c_int {
    // SAFETY: all are live as the caller promises; the data has `height` rows of `stride` words, and the clipped box is
    // within them.
    unsafe {
        if found.is_null() {
            return 1;
        }
        *found = 0;
        if picture.is_null() || capi::pixGetDepth(picture) != 1 {
            return 1;
        }
        let (width, height) = (capi::pixGetWidth(picture), capi::pixGetHeight(picture));
        let [mut left, mut top, mut right, mut bottom] = [0; 4];
        let clipped = capi::boxClipToRectangleParams(
            within,
            width,
            height,
            &raw mut left,
            &raw mut top,
            &raw mut right,
            &raw mut bottom,
            ptr::null_mut(),
            ptr::null_mut(),
        );
        let data = capi::pixGetData(picture);
        let stride = usize::try_from(capi::pixGetWpl(picture)).unwrap_or(0);
        if clipped != 0 || data.is_null() || stride == 0 {
            return 1;
        }
        let rows = usize::try_from(height).unwrap_or(0);
        let words = slice::from_raw_parts(data, stride * rows);
        let row = |y: c_int| {
            words
                .chunks_exact(stride)
                .nth(usize::try_from(y).unwrap_or(0))
        };
        let first = |y: c_int| first_set(row(y)?, left, right);
        let last = |y: c_int| last_set(row(y)?, left, right);
        let at = match direction {
            FROM_LEFT => (top..bottom).filter_map(first).min(),
            FROM_RIGHT => (top..bottom).filter_map(last).max(),
            FROM_TOP => (top..bottom).find(|y| first(*y).is_some()),
            FROM_BOTTOM => (top..bottom).rev().find(|y| first(*y).is_some()),
            _ => None,
        };
        match at {
            Some(at) => {
                *found = at;
                0
            }
            None => 1,
        }
    }
}

const WORD: c_int = u32::BITS.cast_signed();

/// The first set bit of a row, from `left` up to `right`.
fn first_set(row: &[u32], left: c_int, right: c_int) -> Option<c_int> {
    within(row, left, right)
        .find(|(_, bits)| *bits != 0)
        .map(|(start, bits)| start + bits.leading_zeros().cast_signed())
}

/// The last set bit of a row, from `left` up to `right`.
fn last_set(row: &[u32], left: c_int, right: c_int) -> Option<c_int> {
    within(row, left, right)
        .rev()
        .find(|(_, bits)| *bits != 0)
        .map(|(start, bits)| start + WORD - 1 - bits.trailing_zeros().cast_signed())
}

/// The words of a row, masked to the bits from `left` up to `right`, and the position of each.
fn within(row: &[u32], left: c_int, right: c_int) -> impl DoubleEndedIterator<Item = (c_int, u32)> {
    (left / WORD..(right + WORD - 1) / WORD).map(move |at| {
        let start = at * WORD;
        let word = usize::try_from(at).ok().and_then(|at| row.get(at).copied());
        let mut bits = word.unwrap_or(0);
        if left > start {
            bits &= u32::MAX >> (left - start);
        }
        if right < start + WORD {
            bits &= u32::MAX << (start + WORD - right);
        }
        (start, bits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, bits: impl Fn(u32, u32) -> bool) -> *mut capi::Pix {
        // SAFETY: the picture is made here, and pixels are set within it.
        unsafe {
            let picture = capi::pixCreate(width.cast_signed(), height.cast_signed(), 1);
            // Bits behind a row's end must not matter.
            capi::pixSetPadBits(picture, 1);
            for y in 0..height {
                for x in 0..width {
                    let value = u32::from(bits(x, y));
                    capi::pixSetPixel(picture, x.cast_signed(), y.cast_signed(), value);
                }
            }
            picture
        }
    }

    /// Compares our opening with Leptonica's by the same brick.
    #[track_caller]
    fn assert_same(source: *mut capi::Pix, width: c_int, height: c_int) {
        // SAFETY: all pictures are live and freed once.
        unsafe {
            let brick = capi::selCreateBrick(height, width, height / 2, width / 2, 1);
            let wanted = capi::pixOpen(ptr::null_mut(), source, brick);
            for into in [ptr::null_mut(), capi::pixCreateTemplate(source)] {
                let opened = pixOpenBrick(into, source, width, height);
                let mut same = 0;
                capi::pixEqual(wanted, opened, &raw mut same);
                assert_eq!(same, 1, "{width} × {height}");
                capi::pixDestroy(&mut { opened });
            }
            capi::pixDestroy(&mut { wanted });
            capi::selDestroy(&mut { brick });
        }
    }

    #[test]
    fn opens_pictures_like_leptonica() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for (width, height) in [(1, 1), (31, 9), (32, 40), (33, 64), (200, 150), (321, 70)] {
            // Lines of some length, across and down, some up to the edges, in a little noise.
            let lines: Vec<[u32; 4]> = (0..30)
                .map(|at| {
                    let (x, y) = (random() % width, random() % height);
                    let (long, short) = (random() % 120, random() % 4);
                    if at % 2 == 0 {
                        [x, y, x + long, y + short]
                    } else {
                        [x, y, x + short, y + long]
                    }
                })
                .collect();
            let noise: Vec<bool> = (0..width * height).map(|_| random() % 50 == 0).collect();
            let source = picture(width, height, |x, y| {
                let on = |[l, t, r, b]: &[u32; 4]| (*l..=*r).contains(&x) && (*t..=*b).contains(&y);
                lines.iter().any(on) || noise[(y * width + x) as usize]
            });
            for size in [1, 2, 3, 5, 8, 31, 32, 33, 64, 75, 100] {
                assert_same(source, size, 1);
                assert_same(source, 1, size);
                assert_same(source, size, size.min(4));
                assert_same(source, 3, size);
            }
            // SAFETY: the picture is live, and freed here.
            unsafe { capi::pixDestroy(&mut { source }) };
        }
    }

    #[test]
    fn rejects_invalid_arguments_like_leptonica() {
        let source = picture(8, 8, |_, _| true);
        // SAFETY: the picture is live, and freed here.
        unsafe {
            assert!(pixOpenBrick(ptr::null_mut(), ptr::null_mut(), 3, 3).is_null());
            assert!(pixOpenBrick(ptr::null_mut(), source, 0, 3).is_null());
            assert!(pixOpenBrick(ptr::null_mut(), source, 3, -1).is_null());
            capi::pixDestroy(&mut { source });
        }
    }

    #[test]
    fn libraries_find_our_functions() {
        stand_in();
        // SAFETY: the name is NUL-terminated; the symbol is only compared.
        for (name, ours) in [
            (c"pixOpenBrick", pixOpenBrick as *const libc::c_void),
            (c"pixScanForForeground", pixScanForForeground as *const _),
        ] {
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            assert_eq!(found.cast_const(), ours, "{name:?}");
        }
    }

    type Scan = unsafe extern "C" fn(*mut capi::Pix, *mut capi::Box, c_int, *mut c_int) -> c_int;

    #[test]
    fn finds_edges_like_leptonica() {
        // SAFETY: the next symbol behind ours is Leptonica's, of this type.
        let theirs: Scan = unsafe {
            let found = libc::dlsym(libc::RTLD_NEXT, c"pixScanForForeground".as_ptr());
            assert!(!found.is_null());
            std::mem::transmute(found)
        };
        let mut state = 7u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for (width, height) in [(1, 1), (31, 9), (32, 40), (33, 64), (100, 70)] {
            for dots in [0, 1, 3, 40] {
                let dots: Vec<(u32, u32)> = (0..dots)
                    .map(|_| (random() % width, random() % height))
                    .collect();
                let source = picture(width, height, |x, y| dots.contains(&(x, y)));
                for _ in 0..60 {
                    let [x, y, w, h] = [width, height, width, height]
                        .map(|most| (random() % (most + 8)).cast_signed() - 4);
                    // SAFETY: picture and box are live; the box is freed here.
                    unsafe {
                        let place = match random() % 8 {
                            0 => ptr::null_mut(),
                            _ => capi::boxCreate(x, y, w.max(1), h.max(1)),
                        };
                        for direction in -1..5 {
                            let ask = |scan: Scan| {
                                let mut at = -1;
                                (scan(source, place, direction, &raw mut at), at)
                            };
                            let ours = ask(pixScanForForeground);
                            assert_eq!(ours, ask(theirs), "{x} {y} {w} {h} from {direction}");
                        }
                        capi::boxDestroy(&mut { place });
                    }
                }
                // SAFETY: the picture is live, and freed here.
                unsafe { capi::pixDestroy(&mut { source }) };
            }
        }
    }
}
