//! An answer in the format that the client wants.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, CodesAnswer};

use super::hocr;
use super::negotiate::Format;

/// Formats other than JSON can't say that a page is missing.
const COMPLETE: &str = "x-ocr-complete";

/// The codes alone.
pub(super) fn render_codes(answer: Answer) -> Response {
    (
        [(CACHE_CONTROL, "no-store")],
        Json(CodesAnswer::from(answer)),
    )
        .into_response()
}

/// A header for the formats that have no place for it.
pub(super) fn complete(answer: &Answer) -> (&'static str, &'static str) {
    (COMPLETE, if answer.complete { "true" } else { "false" })
}

/// Of the formats that are made of the answer alone.
pub(super) fn render(answer: &Answer, format: Format) -> Response {
    let no_store = [(CACHE_CONTROL, "no-store")];
    let complete = complete(answer);
    match format {
        Format::Text => {
            let pages: Vec<&str> = answer.pages.iter().map(|page| page.text.as_str()).collect();
            let headers = [
                (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
                complete,
            ];
            // Form feeds between pages, as pdftotext has them.
            (no_store, headers, pages.join("\x0c")).into_response()
        }
        Format::Hocr => {
            let headers = [
                (CONTENT_TYPE.as_str(), "text/html; charset=utf-8"),
                // It quotes a document of whoever wrote that; nothing in it is to be run.
                (
                    CONTENT_SECURITY_POLICY.as_str(),
                    "default-src 'none'; sandbox",
                ),
                complete,
            ];
            (no_store, headers, hocr::render(answer)).into_response()
        }
        Format::Json | Format::NdJson | Format::Pdf | Format::Png => {
            (no_store, Json(answer)).into_response()
        }
    }
}
