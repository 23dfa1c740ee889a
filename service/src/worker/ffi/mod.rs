//! The only unsafe code of the service: thin, safe faces of the two C libraries that a worker uses, of
//! fork(2) and of close_range(2), and one function that stands in for a library's.
//!
//! The libraries' keep raw handles behind types that own them and free them once, hand out only copies of what the
//! libraries own, and stay on one thread. What these libraries do with a hostile document is not made safe
//! by that: that is what the worker process is for.
#![allow(
    unsafe_code,
    reason = "Tesseract and PDFium are C++; leptess and pdfium-render lack the calls needed here"
)]

pub(super) mod descriptors;
pub(super) mod fork;
pub(super) mod leptonica;
pub(super) mod pdfium;
pub(super) mod tesseract;
