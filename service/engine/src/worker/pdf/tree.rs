//! Pages that a page tree has and does not count. PDFium believes the count that the tree's root states.

mod counts;

use ocr_protocol::MAX_FILE;

use crate::worker::ffi::pdfium::{Document, Library};
use counts::{forget_counts, may_have_more};

/// The document with all pages of its tree: a copy without counts if there are more than they state.
pub(super) fn whole(library: Library, document: Document) -> Document {
    if !may_have_more(document.bytes(), document.page_count()) {
        return document;
    }
    let copy = document.save(MAX_FILE as usize).and_then(|mut file| {
        forget_counts(&mut file);
        library.open(file, None).ok()
    });
    match copy {
        Some(copy) if copy.page_count() > document.page_count() => copy,
        _ => document,
    }
}
