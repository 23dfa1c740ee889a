//! Changes to a document: adding invisible text, and saving a copy.

use std::ffi::{c_int, c_ulong, c_void};
use std::slice;

use super::{Document, Library, OpenError, Page, RENDER_INVISIBLE};

/// A font that was added to a document.
pub(in crate::worker) struct Font<'d> {
    document: &'d Document,
    handle: *mut c_void,
}

/// PDFium's FPDF_FILEWRITE, followed by our own fields.
#[repr(C)]
struct Writer {
    version: c_int,
    write: unsafe extern "C" fn(*mut Writer, *const c_void, c_ulong) -> c_int,
    bytes: Vec<u8>,
    limit: usize,
}

impl Document {
    /// Opens the document again from its uploaded bytes, because pages that were read may have been changed.
    pub(in crate::worker) fn reopen(&self) -> Result<Self, OpenError> {
        Library { calls: self.calls }.open_shared(self.bytes.clone(), self.password.clone())
    }

    /// Opens another document with the same library.
    pub(in crate::worker) fn open_another(&self, bytes: Vec<u8>) -> Result<Self, OpenError> {
        Library { calls: self.calls }.open(bytes, None)
    }

    /// Adds a TrueType font with two bytes per character. `to_unicode` maps characters to their meaning, and `glyphs`
    /// to glyphs of two bytes each. Returns `None` if PDFium rejects the font.
    pub(in crate::worker) fn add_font(
        &self,
        font: &[u8],
        to_unicode: &str,
        glyphs: &[u8],
    ) -> Option<Font<'_>> {
        let font_length = u32::try_from(font.len()).ok()?;
        let glyphs_length = u32::try_from(glyphs.len()).ok()?;
        // SAFETY: the document is live; both arrays have the given lengths, and the call copies them.
        let handle = unsafe {
            self.calls.FPDFText_LoadCidType2Font(
                self.handle.as_ptr().cast(),
                font.as_ptr(),
                font_length,
                to_unicode,
                glyphs.as_ptr(),
                glyphs_length,
            )
        };
        (!handle.is_null()).then_some(Font {
            document: self,
            handle: handle.cast(),
        })
    }

    /// Deletes a page, counted from 0. No page of the document may be loaded.
    pub(in crate::worker) fn delete_page(&mut self, index: u32) {
        if let Ok(index) = c_int::try_from(index) {
            // SAFETY: the document is live, and by the borrow no page or font of it is.
            unsafe {
                self.calls
                    .FPDFPage_Delete(self.handle.as_ptr().cast(), index);
            }
        }
    }

    /// Saves the document to a file of at most `limit` bytes. An encrypted document loses its encryption.
    pub(in crate::worker) fn save(&self, limit: usize) -> Option<Vec<u8>> {
        /// fpdf_save.h
        const REMOVE_SECURITY: c_ulong = 3;
        let mut writer = Writer {
            version: 1,
            write,
            bytes: Vec::new(),
            limit,
        };
        // SAFETY: the document is live; the writer begins as FPDF_FILEWRITE does, and outlives the call.
        let saved = unsafe {
            self.calls.FPDF_SaveAsCopy(
                self.handle.as_ptr().cast(),
                (&raw mut writer).cast(),
                REMOVE_SECURITY,
            )
        };
        (saved != 0).then_some(writer.bytes)
    }
}

/// # Safety
/// Called by PDFium, with the writer that it got and with `length` bytes at `data`.
unsafe extern "C" fn write(this: *mut Writer, data: *const c_void, length: c_ulong) -> c_int {
    // SAFETY: as PDFium promises; the writer is not used elsewhere during the call.
    let (this, data) = unsafe {
        let length = usize::try_from(length).unwrap_or(0);
        (&mut *this, slice::from_raw_parts(data.cast::<u8>(), length))
    };
    if this.bytes.len() + data.len() > this.limit {
        return 0;
    }
    this.bytes.extend_from_slice(data);
    1
}

impl Page<'_> {
    /// Position on the page, in points, of a pixel of an image of `width` × `height` pixels.
    pub(in crate::worker) fn to_points(
        &self,
        pixel: (i32, i32),
        size: (c_int, c_int),
    ) -> (f64, f64) {
        let (mut x, mut y) = (0.0, 0.0);
        // SAFETY: the page is live; both results are written during the call.
        unsafe {
            self.document.calls.FPDF_DeviceToPage(
                self.raw().cast(),
                0,
                0,
                size.0,
                size.1,
                0,
                pixel.0,
                pixel.1,
                &raw mut x,
                &raw mut y,
            );
        }
        (x, y)
    }

    /// Adds invisible text to the page. `matrix` places a line of text whose letters are unit squares. Returns `false`
    /// if PDFium fails.
    pub(in crate::worker) fn add_text(
        &self,
        font: &Font<'_>,
        codes: &[u32],
        matrix: [f64; 6],
    ) -> bool {
        let calls = self.document.calls;
        let [a, b, c, d, e, f] = matrix;
        // SAFETY: the page is live, and so is the font's document, which is the page's. Insertion gives the object to
        // the page, and frees it on failure.
        unsafe {
            let object = calls.FPDFPageObj_CreateTextObj(
                font.document.handle.as_ptr().cast(),
                font.handle.cast(),
                1.0,
            );
            if object.is_null() {
                return false;
            }
            let set = calls.FPDFText_SetCharcodes(object, codes.as_ptr(), codes.len()) != 0
                && calls.FPDFTextObj_SetTextRenderMode(object, RENDER_INVISIBLE) != 0;
            if !set {
                calls.FPDFPageObj_Destroy(object);
                return false;
            }
            calls.FPDFPageObj_Transform(object, a, b, c, d, e, f);
            calls.FPDFPage_InsertObject(self.raw().cast(), object) != 0
        }
    }

    /// Writes the added objects into the page's content.
    pub(in crate::worker) fn generate(&self) -> bool {
        // SAFETY: the page is live.
        unsafe {
            self.document
                .calls
                .FPDFPage_GenerateContent(self.raw().cast())
                != 0
        }
    }
}

impl Drop for Font<'_> {
    fn drop(&mut self) {
        // SAFETY: loaded by `FPDFText_LoadCidType2Font`, closed here only, while its document is open.
        unsafe { self.document.calls.FPDFFont_Close(self.handle.cast()) };
    }
}
