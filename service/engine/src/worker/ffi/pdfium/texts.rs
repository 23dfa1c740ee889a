//! Hiding of a page's text objects. The difference between two drawings shows which text is visible.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

use super::{Calls, Glyph, Page};

// Values of PDFium's public header fpdf_edit.h.
const OBJECT_TEXT: c_int = 1;
const OBJECT_FORM: c_int = 5;
/// Opacity below which text may be invisible on a light ground, and brightness of each colour above which it may be.
const LEAST_ALPHA: c_uint = 96;
const MOST_LIGHT: c_uint = 160;
/// Deepest nesting of forms in PDFium's parser.
const DEPTH: u32 = 40;

/// Fonts of a page's characters, numbered in the order of their first use.
#[derive(Debug, Default)]
pub(in crate::worker) struct FontNames {
    handles: Vec<*mut c_void>,
    names: Vec<String>,
}

impl FontNames {
    pub(in crate::worker) fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of a text object's font.
    ///
    /// # Safety
    /// `object` is a text object of a live page.
    pub(super) unsafe fn number(&mut self, calls: Calls, object: *mut c_void) -> usize {
        // SAFETY: as the caller promises.
        let font = unsafe { calls.FPDFTextObj_GetFont(object.cast()) };
        let handle: *mut c_void = font.cast();
        if let Some(at) = self.handles.iter().position(|other| *other == handle) {
            return at;
        }
        let mut name = [0u8; 256];
        let length = if handle.is_null() {
            0
        } else {
            // SAFETY: the font is its page's; the name is written during the call, up to the room for it.
            unsafe {
                calls.FPDFFont_GetBaseFontName(font, name.as_mut_ptr().cast::<c_char>(), name.len())
            }
        };
        let name = name.get(..length).unwrap_or(&name);
        self.handles.push(handle);
        self.names.push(String::from_utf8_lossy(name).into_owned());
        self.names.len() - 1
    }
}

impl Page<'_> {
    /// Enables drawing for the text objects that are `wanted`, and disables it for the others. Returns true if there
    /// is anything to draw.
    pub(in crate::worker) fn draw_text(&self, wanted: impl Fn(usize) -> bool) -> bool {
        let calls = self.document.calls;
        let mut any = false;
        // SAFETY: the page is live; objects belong to it, and only whether they are drawn is changed; every index is
        // below its count.
        unsafe {
            let count = calls.FPDFPage_CountObjects(self.raw().cast()).max(0);
            for index in 0..count {
                let object = calls.FPDFPage_GetObject(self.raw().cast(), index);
                any |= draw_text(calls, object.cast(), &wanted, DEPTH);
            }
        }
        any
    }

    /// True if a character of this page is drawn in dark ink, in a font that the document does not embed.
    pub(in crate::worker) fn is_dark_in_a_missing_font(&self, glyph: &Glyph) -> bool {
        let calls = self.document.calls;
        let object = ptr::with_exposed_provenance_mut::<c_void>(glyph.object);
        if object.is_null() {
            return false;
        }
        let [mut red, mut green, mut blue, mut alpha] = [0; 4];
        // SAFETY: the character is of this page, which is live, and so is the object that draws it; results are written
        // during the call.
        unsafe {
            let font = calls.FPDFTextObj_GetFont(object.cast());
            if font.is_null() || calls.FPDFFont_GetIsEmbedded(font) != 0 {
                return false;
            }
            let known = calls.FPDFPageObj_GetFillColor(
                object.cast(),
                &raw mut red,
                &raw mut green,
                &raw mut blue,
                &raw mut alpha,
            );
            known != 0 && alpha >= LEAST_ALPHA && red.min(green).min(blue) <= MOST_LIGHT
        }
    }
}

/// The same for one object and, down to `depth`, for the objects in a form.
///
/// # Safety
/// `object` is null or an object of a live page.
unsafe fn draw_text(
    calls: Calls,
    object: *mut c_void,
    wanted: &dyn Fn(usize) -> bool,
    depth: u32,
) -> bool {
    if object.is_null() {
        return false;
    }
    // SAFETY: as the caller promises; objects within a form live as long as it does; every index is below its count.
    unsafe {
        match calls.FPDFPageObj_GetType(object.cast()) {
            OBJECT_TEXT => {
                let drawn = wanted(object as usize);
                calls.FPDFPageObj_SetIsActive(object.cast(), drawn.into());
                drawn
            }
            OBJECT_FORM if depth > 0 => {
                let count = calls.FPDFFormObj_CountObjects(object.cast()).max(0);
                let mut any = false;
                for index in 0..u64::try_from(count).unwrap_or(0) {
                    let inner = calls.FPDFFormObj_GetObject(object.cast(), index as _);
                    any |= draw_text(calls, inner.cast(), wanted, depth - 1);
                }
                any
            }
            _ => true,
        }
    }
}
