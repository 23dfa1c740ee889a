//! An answer in the format that the client wants.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, CodesAnswer};

use super::negotiate::Format;

/// Text alone can't say that a page is missing.
const COMPLETE: &str = "x-ocr-complete";

/// The codes alone.
pub(super) fn render_codes(answer: Answer) -> Response {
    (
        [(CACHE_CONTROL, "no-store")],
        Json(CodesAnswer::from(answer)),
    )
        .into_response()
}

pub(super) fn render(answer: &Answer, format: Format) -> Response {
    let no_store = [(CACHE_CONTROL, "no-store")];
    match format {
        Format::Json => (no_store, Json(answer)).into_response(),
        Format::Text => {
            let pages: Vec<&str> = answer.pages.iter().map(|page| page.text.as_str()).collect();
            let headers = [
                (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
                (COMPLETE, if answer.complete { "true" } else { "false" }),
            ];
            // Form feeds between pages, as pdftotext has them.
            (no_store, headers, pages.join("\x0c")).into_response()
        }
    }
}
