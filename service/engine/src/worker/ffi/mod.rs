//! The only unsafe code of the service: thin, safe wrappers of the C libraries that a worker uses, of fork(2) and
//! of close_range(2), and replacements for four functions of libraries.
//!
//! The wrappers keep raw handles in types that own them and free them once. They return only copies of data that the
//! libraries own, and stay on one thread. They don't make the libraries safe against a hostile document. That is the
//! purpose of the worker process.
#![allow(
    unsafe_code,
    reason = "Tesseract, PDFium and libheif are C++; leptess and pdfium-render lack the calls needed here"
)]

pub(super) mod descriptors;
pub(super) mod fork;
pub(super) mod heap;
pub(super) mod heif;
pub(super) mod leptonica;
pub(super) mod pdfium;
pub(super) mod tesseract;
