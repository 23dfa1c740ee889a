//! Estimates the cost of reading pages from their inspection.

use ocr_api::answer::Method;
use ocr_api::inspection::{Estimate, PageInspection};

/// Seconds per million pixels of text. An A4 page at 300 dpi has 8.7 million and takes about a second.
const RECOGNIZED: f64 = 0.12;
/// Seconds per page whose text layer is read.
const READ: f64 = 0.005;

pub(crate) fn of(pages: &[PageInspection]) -> Estimate {
    let mut estimate = Estimate {
        ocr_pages: 0,
        worker_seconds: 0.0,
    };
    for page in pages {
        match page.method {
            Some(Method::Text) => estimate.worker_seconds += READ,
            // Up to the whole page may have to be recognized, despite its text layer.
            Some(Method::Ocr | Method::Mixed) => {
                let side = |pixels: Option<u32>| f64::from(pixels.unwrap_or(0));
                let millions = side(page.width) * side(page.height) / 1e6;
                estimate.ocr_pages += 1;
                estimate.worker_seconds += millions * RECOGNIZED;
            }
            // An inspection does not search for barcodes.
            Some(Method::Barcode) | None => {}
        }
    }
    // More digits would suggest a precision that the estimate does not have.
    estimate.worker_seconds = (estimate.worker_seconds * 1000.0).round() / 1000.0;
    estimate
}
