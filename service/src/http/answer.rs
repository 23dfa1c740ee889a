//! An answer in the format that the client wants.

use std::fmt::Write;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, CodesAnswer};

use super::error::Rejection;
use super::negotiate::Format;
use super::share::Share;
use super::written::Written;
use super::{hocr, written};

/// Formats other than JSON can't say that a page is missing.
const COMPLETE: &str = "x-ocr-complete";

/// The codes alone.
pub(super) fn render_codes(share: &Share, answer: Answer) -> Result<Response, Rejection> {
    written::json(share, &CodesAnswer::from(answer))
}

/// A header for the formats that have no place for it.
pub(super) fn complete(answer: &Answer) -> (&'static str, &'static str) {
    (COMPLETE, if answer.complete { "true" } else { "false" })
}

/// Of the formats that are made of the answer alone.
pub(super) fn render(
    share: &Share,
    answer: &Answer,
    format: Format,
) -> Result<Response, Rejection> {
    let no_store = [(CACHE_CONTROL, "no-store")];
    let complete = complete(answer);
    match format {
        Format::Text => {
            let mut text = Written::new(share);
            for (at, page) in answer.pages.iter().enumerate() {
                // Form feeds between pages, as pdftotext has them. For want of room it fails at the end.
                let between = if at == 0 { "" } else { "\x0c" };
                let _ = text
                    .write_str(between)
                    .and_then(|()| text.write_str(&page.text));
            }
            let headers = [
                (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
                complete,
            ];
            Ok((no_store, headers, text.finish(share)?).into_response())
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
            let mut html = Written::new(share);
            hocr::render(&mut html, answer);
            Ok((no_store, headers, html.finish(share)?).into_response())
        }
        Format::Json | Format::NdJson | Format::Pdf | Format::Png => written::json(share, answer),
    }
}
