//! A function of Leptonica's that is done here in a tenth of the time: Tesseract's search for ruled lines, which opens the whole
//! page by bricks of some 75 pixels, took a twelfth of all that it does.
//!
//! The loader looks for a symbol in the executable before it looks into libraries, so Tesseract calls this one, whichever build
//! of it is loaded. Results are the same to the bit, and so is what Tesseract reads.

use std::ffi::c_int;
use std::ptr;
use std::slice;

use leptess::capi;

use crate::worker::bricks::Bits;

/// Has the linker keep the symbol: nothing of ours calls it.
pub(in crate::worker) fn stand_in() {
    std::hint::black_box(pixOpenBrick as *const ());
}

/// Morphological opening of a bilevel picture by a brick: Leptonica's function of this name.
///
/// # Safety
/// As Leptonica's: `source` is a live picture, `into` is null or one too.
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
    // SAFETY: pictures are live as the caller promises; a copy is ours until it is returned, has `height` rows of `wpl`
    // words, and nobody else has its data.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, bits: impl Fn(u32, u32) -> bool) -> *mut capi::Pix {
        // SAFETY: the picture is made here, and pixels are set within it.
        unsafe {
            let picture = capi::pixCreate(width.cast_signed(), height.cast_signed(), 1);
            // What is behind a row's end must not matter.
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

    /// Ours and Leptonica's opening by the same brick.
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
    fn pictures_are_opened_as_leptonica_opens_them() {
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
            // SAFETY: it is live, and freed here.
            unsafe { capi::pixDestroy(&mut { source }) };
        }
    }

    #[test]
    fn nonsense_is_refused_as_leptonica_refuses_it() {
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
    fn it_is_ours_that_libraries_find() {
        stand_in();
        // SAFETY: the name is NUL-terminated; the symbol is only compared.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"pixOpenBrick".as_ptr()) };
        assert_eq!(found.cast_const(), pixOpenBrick as *const libc::c_void);
    }
}
