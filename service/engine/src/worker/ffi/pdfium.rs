//! Wrapper of PDFium's C API: documents, pages, their characters and their pixels. pdfium-render loads the library and
//! declares the calls. Its own document types hide whether a character has a Unicode mapping, and copy much.

use std::ffi::{c_int, c_void};
use std::mem;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use ocr_protocol::Password;
use pdfium_render::prelude::{
    FS_RECTF, FS_SIZEF, Pdfium, PdfiumError, PdfiumLibraryBindings, PdfiumLibraryBindingsAccessor,
};

mod annotations;
mod attachments;
mod edit;
mod objects;
mod texts;

pub(in crate::worker) use edit::Font;
pub(in crate::worker) use objects::{Drawn, Picture};
pub(in crate::worker) use texts::FontNames;

type Calls = &'static dyn PdfiumLibraryBindings;

/// The loaded library.
#[derive(Clone, Copy)]
pub(in crate::worker) struct Library {
    calls: Calls,
}

/// An open document, with the bytes that it reads from.
pub(in crate::worker) struct Document {
    calls: Calls,
    handle: NonNull<c_void>,
    /// PDFium reads from these bytes as long as the document is open.
    bytes: Rc<Vec<u8>>,
    /// Password that opens it, if it needs one.
    password: Option<Password>,
}

/// A loaded page. It borrows the document, so that the page is closed first.
pub(in crate::worker) struct Page<'d> {
    document: &'d Document,
    handle: NonNull<c_void>,
    /// False if it has no annotations that draw something. PDFium goes through all of them for each drawing.
    annotated: bool,
    /// Texts of notes that have no appearance, and letters that PDFium does not have.
    undrawn_notes: Vec<String>,
}

/// Reason for which PDFium did not open a document or a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum OpenError {
    /// The document needs a password.
    Encrypted,
    WrongPassword,
    /// The document has an encryption unknown to PDFium.
    UnknownEncryption,
    Damaged,
}

/// A character of the text layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::worker) struct Glyph {
    /// `None` if the value is zero or not a Unicode scalar.
    pub(in crate::worker) char: Option<char>,
    /// Left, bottom, right, top in points of the page. Generated characters have no size.
    pub(in crate::worker) bounds: [f64; 4],
    /// True if PDFium inserted it: spaces and line ends between drawn characters.
    pub(in crate::worker) generated: bool,
    /// True if the font does not state which character this is.
    pub(in crate::worker) unmapped: bool,
    /// True in rendering modes 3 and 7, which draw text for searching or as a clip.
    pub(in crate::worker) invisible: bool,
    /// Number of its font on the page.
    pub(in crate::worker) font: usize,
    /// Number of the text object of the page that draws it.
    pub(in crate::worker) object: usize,
}

/// A rectangle in points of the page: left, bottom, right, top.
pub(in crate::worker) type Points = [f64; 4];

// Values of PDFium's public headers (fpdfview.h, fpdf_annot.h, fpdf_edit.h).
const ERR_PASSWORD: u64 = 4;
const ERR_SECURITY: u64 = 5;
const ANNOT: c_int = 1;
const GRAYSCALE: c_int = 8;
const BITMAP_GRAY: c_int = 1;
const BITMAP_BGRX: c_int = 3;
const FLATTEN_FOR_DISPLAY: c_int = 0;
const FORM_NONE: c_int = 0;
const FORM_XFA_FULL: c_int = 2;
const FLATTEN_SUCCESS: c_int = 1;
const RENDER_INVISIBLE: c_int = 3;
const RENDER_CLIP: c_int = 7;

impl Library {
    /// Loads `libpdfium.so`, once per process.
    pub(in crate::worker) fn load(path: &Path) -> Result<Self, PdfiumError> {
        let library = Pdfium::new(Pdfium::bind_to_library(path)?);
        Ok(Self {
            calls: library.bindings(),
        })
    }

    /// Opens a document. The password is for one that needs it.
    pub(in crate::worker) fn open(
        self,
        bytes: Vec<u8>,
        password: Option<Password>,
    ) -> Result<Document, OpenError> {
        self.open_shared(Rc::new(bytes), password)
    }

    fn open_shared(
        self,
        bytes: Rc<Vec<u8>>,
        password: Option<Password>,
    ) -> Result<Document, OpenError> {
        let opened = match (self.document_of(&bytes, None), &password) {
            (Err(OpenError::Encrypted), Some(password)) => {
                // A C string holds no zero, and neither does a password that opens anything.
                let password = Some(password.reveal()).filter(|text| !text.contains('\0'));
                password
                    .ok_or(OpenError::Encrypted)
                    .and_then(|password| self.document_of(&bytes, Some(password)))
                    .map_err(|error| match error {
                        OpenError::Encrypted => OpenError::WrongPassword,
                        other => other,
                    })
            }
            (opened, _) => opened,
        };
        Ok(Document {
            calls: self.calls,
            handle: opened?,
            bytes,
            password,
        })
    }

    /// Handle of a document that reads from these bytes.
    fn document_of(
        self,
        bytes: &[u8],
        password: Option<&str>,
    ) -> Result<NonNull<c_void>, OpenError> {
        // SAFETY: the caller's document keeps the bytes, which never change, until it is closed.
        let (handle, error) = unsafe {
            let handle = self.calls.FPDF_LoadMemDocument64(bytes, password);
            (handle.cast(), self.calls.FPDF_GetLastError())
        };
        NonNull::new(handle).ok_or(match error {
            ERR_PASSWORD => OpenError::Encrypted,
            ERR_SECURITY => OpenError::UnknownEncryption,
            _ => OpenError::Damaged,
        })
    }
}

impl Document {
    /// The file that it was opened from.
    pub(in crate::worker) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(in crate::worker) fn page_count(&self) -> u32 {
        // SAFETY: the handle is live.
        let count = unsafe { self.calls.FPDF_GetPageCount(self.handle.as_ptr().cast()) };
        u32::try_from(count).unwrap_or(0)
    }

    /// Loads a page, counted from 0. Visible form fields, stamps and notes become part of it.
    pub(in crate::worker) fn page(&self, index: u32) -> Result<Page<'_>, OpenError> {
        let mut page = self.load_page(index)?;
        page.draw_notes();
        if !page.annotated {
            return Ok(page);
        }
        if self.has_form() {
            // Fields may have a value but no appearance. Drawing makes PDFium create the appearance; flattening does
            // not.
            page.render(1, 1);
        }
        // SAFETY: the page is live.
        let flattened = unsafe {
            self.calls
                .FPDFPage_Flatten(page.raw().cast(), FLATTEN_FOR_DISPLAY)
                == FLATTEN_SUCCESS
        };
        if !flattened {
            return Ok(page);
        }
        // PDFium parses the merged content when the page is loaded again.
        let undrawn_notes = mem::take(&mut page.undrawn_notes);
        drop(page);
        let mut page = self.load_page(index)?;
        page.undrawn_notes = undrawn_notes;
        Ok(page)
    }

    /// True if the page with this index is in the page tree, whose count may be too high. Only the page's dictionary is
    /// parsed.
    pub(in crate::worker) fn has_page(&self, index: u32) -> bool {
        let mut size = FS_SIZEF {
            width: 0.0,
            height: 0.0,
        };
        // SAFETY: the handle is live; the result is written during the call.
        c_int::try_from(index).is_ok_and(|index| unsafe {
            self.calls
                .FPDF_GetPageSizeByIndexF(self.handle.as_ptr().cast(), index, &raw mut size)
                != 0
        })
    }

    fn has_form(&self) -> bool {
        self.form_type() != FORM_NONE
    }

    /// True if its pages are only a notice for viewers that don't know XFA. Other viewers replace these pages.
    pub(in crate::worker) fn is_dynamic_form(&self) -> bool {
        self.form_type() == FORM_XFA_FULL
    }

    fn form_type(&self) -> c_int {
        // SAFETY: the handle is live.
        unsafe { self.calls.FPDF_GetFormType(self.handle.as_ptr().cast()) }
    }

    /// Loads a page unchanged.
    pub(in crate::worker) fn load_page(&self, index: u32) -> Result<Page<'_>, OpenError> {
        let index = c_int::try_from(index).map_err(|_| OpenError::Damaged)?;
        // SAFETY: the document is live, and outlives the page by the borrow.
        let handle = unsafe { self.calls.FPDF_LoadPage(self.handle.as_ptr().cast(), index) };
        Ok(Page {
            document: self,
            handle: NonNull::new(handle.cast()).ok_or(OpenError::Damaged)?,
            annotated: true,
            undrawn_notes: Vec::new(),
        })
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        // SAFETY: opened by `FPDF_LoadMemDocument64`, closed here only; no page borrows it any more.
        unsafe { self.calls.FPDF_CloseDocument(self.handle.as_ptr().cast()) };
    }
}

impl Page<'_> {
    fn raw(&self) -> *mut c_void {
        self.handle.as_ptr()
    }

    pub(in crate::worker) fn undrawn_notes(&self) -> &[String] {
        &self.undrawn_notes
    }

    /// Width and height in points (1/72 inch), rotated and cropped like in a viewer.
    pub(in crate::worker) fn size(&self) -> (f32, f32) {
        let calls = self.document.calls;
        // SAFETY: the page is live.
        unsafe {
            (
                calls.FPDF_GetPageWidthF(self.raw().cast()),
                calls.FPDF_GetPageHeightF(self.raw().cast()),
            )
        }
    }

    /// The visible part of the page, in the page's points: left, bottom, right, top. `None` if all of it is visible.
    pub(in crate::worker) fn seen(&self) -> Option<Points> {
        let mut seen = FS_RECTF {
            left: 0.0,
            top: 0.0,
            right: 0.0,
            bottom: 0.0,
        };
        // SAFETY: the page is live; the result is written during the call.
        let known = unsafe {
            self.document
                .calls
                .FPDF_GetPageBoundingBox(self.raw().cast(), &raw mut seen)
        };
        (known != 0).then(|| [seen.left, seen.bottom, seen.right, seen.top].map(f64::from))
    }

    /// Position of a point of the page in an image of `width` × `height` pixels, including rotation and cropping.
    pub(in crate::worker) fn to_pixels(
        &self,
        point: (f64, f64),
        width: c_int,
        height: c_int,
    ) -> (i32, i32) {
        let (mut x, mut y) = (0, 0);
        // SAFETY: the page is live; both results are written during the call.
        unsafe {
            self.document.calls.FPDF_PageToDevice(
                self.raw().cast(),
                0,
                0,
                width,
                height,
                0,
                point.0,
                point.1,
                &raw mut x,
                &raw mut y,
            );
        }
        (x, y)
    }

    /// All characters of the text layer in the order of the content, and their fonts.
    pub(in crate::worker) fn glyphs(&self) -> (Vec<Glyph>, FontNames) {
        let calls = self.document.calls;
        // SAFETY: the page is live and outlives the text page, which is closed at the end; every index is below
        // the count; results are written during each call.
        unsafe {
            let text = calls.FPDFText_LoadPage(self.raw().cast());
            let mut fonts = FontNames::default();
            if text.is_null() {
                return (Vec::new(), fonts);
            }
            let count = calls.FPDFText_CountChars(text).max(0);
            let mut glyphs = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
            // Characters of one object are consecutive.
            let (mut last, mut invisible, mut font) = (ptr::null_mut(), false, 0);
            for index in 0..count {
                let [mut left, mut right, mut bottom, mut top] = [0.0; 4];
                calls.FPDFText_GetCharBox(
                    text,
                    index,
                    &raw mut left,
                    &raw mut right,
                    &raw mut bottom,
                    &raw mut top,
                );
                let object = calls.FPDFText_GetTextObject(text, index);
                if object != last {
                    invisible = !object.is_null()
                        && matches!(
                            calls.FPDFTextObj_GetTextRenderMode(object),
                            RENDER_INVISIBLE | RENDER_CLIP
                        );
                    if !object.is_null() {
                        font = fonts.number(calls, object.cast());
                    }
                    last = object;
                }
                glyphs.push(Glyph {
                    char: char::from_u32(calls.FPDFText_GetUnicode(text, index))
                        .filter(|c| *c != '\0'),
                    bounds: [left, bottom, right, top],
                    generated: calls.FPDFText_IsGenerated(text, index) == 1,
                    unmapped: calls.FPDFText_HasUnicodeMapError(text, index) == 1,
                    invisible,
                    font,
                    object: object as usize,
                });
            }
            calls.FPDFText_ClosePage(text);
            (glyphs, fonts)
        }
    }

    /// Draws the page in gray on white: one byte per pixel, rows without padding. Returns `None` if PDFium fails.
    pub(in crate::worker) fn render(&self, width: c_int, height: c_int) -> Option<Vec<u8>> {
        self.render_part((width, height), (0, 0), (width, height))
    }

    /// Draws a part of a page whose full size is `page` pixels: `size` pixels, starting at `corner`.
    pub(in crate::worker) fn render_part(
        &self,
        page: (c_int, c_int),
        corner: (c_int, c_int),
        (width, height): (c_int, c_int),
    ) -> Option<Vec<u8>> {
        let size = usize::try_from(width)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?;
        let pixels = vec![0xffu8; size];
        let format = (BITMAP_GRAY, 1, GRAYSCALE);
        self.draw(pixels, page, corner, (width, height), format)
    }

    /// Draws the whole page in colours: red, green and blue, one byte each.
    pub(in crate::worker) fn render_colours(&self, width: u32, height: u32) -> Option<Vec<u8>> {
        let pixels = usize::try_from(width)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?;
        let size = (c_int::try_from(width).ok()?, c_int::try_from(height).ok()?);
        let with_padding = vec![0xffu8; pixels.checked_mul(4)?];
        let drawn = self.draw(with_padding, size, (0, 0), size, (BITMAP_BGRX, 4, 0))?;
        let colours = drawn
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]);
        Some(colours.collect())
    }

    /// Draws a part of the page into `pixels`, which is large enough. `format` is PDFium's format, its bytes per pixel,
    /// and PDFium's flags.
    fn draw(
        &self,
        mut pixels: Vec<u8>,
        page: (c_int, c_int),
        corner: (c_int, c_int),
        (width, height): (c_int, c_int),
        format: (c_int, c_int, c_int),
    ) -> Option<Vec<u8>> {
        let stride = width.checked_mul(format.1)?;
        let needed = usize::try_from(stride)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?;
        if pixels.len() < needed {
            return None;
        }
        let calls = self.document.calls;
        // SAFETY: the bitmap draws into `pixels`, which holds `height` rows of `stride` bytes, and is destroyed
        // before that moves.
        unsafe {
            let bitmap = calls.FPDFBitmap_CreateEx(
                width,
                height,
                format.0,
                pixels.as_mut_ptr().cast(),
                stride,
            );
            if bitmap.is_null() {
                return None;
            }
            calls.FPDF_RenderPageBitmap(
                bitmap,
                self.raw().cast(),
                -corner.0,
                -corner.1,
                page.0,
                page.1,
                0,
                if self.annotated { ANNOT } else { 0 } | format.2,
            );
            calls.FPDFBitmap_Destroy(bitmap);
        }
        Some(pixels)
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // SAFETY: loaded by `FPDF_LoadPage`, closed here only, while its document is open.
        unsafe { self.document.calls.FPDF_ClosePage(self.raw().cast()) };
    }
}
