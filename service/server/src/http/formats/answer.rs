//! Renders an answer in the format that the client asked for.

use std::fmt::Write;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, CodesAnswer};

use super::written::Written;
use super::{hocr, written};
use crate::http::intake::negotiate::Format;
use crate::http::limits::share::Share;
use crate::http::outcome::error::Rejection;

/// Header that reports whether every page was read. Formats other than JSON have no other place for it.
const COMPLETE: &str = "x-ocr-complete";
/// Header that lists the answer's issues, for the same formats.
const ISSUES: HeaderName = HeaderName::from_static("x-ocr-issues");
/// Nor which files are in the document.
const ATTACHMENTS: HeaderName = HeaderName::from_static("x-ocr-attachments");
/// Bytes of each header's value, about.
const LONGEST: usize = 1000;

/// Renders the codes without the text.
pub(crate) fn render_codes(share: &Share, answer: Answer) -> Result<Response, Rejection> {
    written::json(share, &CodesAnswer::from(answer))
}

/// The `X-OCR-Complete` header.
pub(crate) fn complete(answer: &Answer) -> (&'static str, &'static str) {
    (COMPLETE, if answer.complete { "true" } else { "false" })
}

/// What is to be known of the answer, for the formats that have no place for it, as lists of RFC 9651: an item for each issue,
/// `low_confidence;page=3`, and one for each attachment, `1;name=%"invoice.pdf";bytes=20417`.
pub(crate) fn remarks(answer: &Answer) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let issues = answer.issues.iter().map(|issue| {
        let page = issue.page.map(|page| format!(";page={page}"));
        format!("{}{}", issue.code.name(), page.unwrap_or_default())
    });
    let attachments = answer.document.attachments.iter().map(|attachment| {
        let bytes = attachment.bytes.map(|bytes| format!(";bytes={bytes}"));
        format!(
            "{};name={}{}",
            attachment.number,
            display_string(&attachment.name),
            bytes.unwrap_or_default()
        )
    });
    let issues = (ISSUES, list(issues));
    let attachments = (ATTACHMENTS, list(attachments));
    [issues, attachments]
        .into_iter()
        .filter_map(|(name, list)| Some((name, list?)))
}

/// A list of RFC 9651, of as many items as find room. `None`: there are none.
fn list(items: impl ExactSizeIterator<Item = String>) -> Option<HeaderValue> {
    let mut list = String::new();
    let count = items.len();
    for (at, item) in items.enumerate() {
        let between = if at == 0 { "" } else { ", " };
        if list.len() + item.len() > LONGEST {
            let _ = write!(list, "{between}more;count={}", count - at);
            break;
        }
        list.push_str(between);
        list.push_str(&item);
    }
    let list = HeaderValue::from_str(&list).ok()?;
    (!list.is_empty()).then_some(list)
}

/// Unicode as RFC 9651 has it in headers (3.3.8).
fn display_string(text: &str) -> String {
    let mut quoted = String::from("%\"");
    for byte in text.bytes() {
        match byte {
            b'%' | b'"' | ..=0x1f | 0x7f.. => {
                let _ = write!(quoted, "%{byte:02x}");
            }
            _ => quoted.push(char::from(byte)),
        }
    }
    quoted.push('"');
    quoted
}

/// Renders the formats that need nothing but the answer.
pub(crate) fn render(
    share: &Share,
    answer: &Answer,
    format: Format,
) -> Result<Response, Rejection> {
    let no_store = [(CACHE_CONTROL, "no-store")];
    let complete = complete(answer);
    let mut response = match format {
        Format::Text => {
            let mut text = Written::new(share);
            for (at, page) in answer.pages.iter().enumerate() {
                // A form feed separates pages, as in pdftotext's output. If memory runs out, `finish` reports it.
                let between = if at == 0 { "" } else { "\x0c" };
                let _ = text
                    .write_str(between)
                    .and_then(|()| text.write_str(&page.text));
            }
            let headers = [
                (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
                complete,
            ];
            (no_store, headers, text.finish(share)?).into_response()
        }
        Format::Hocr => {
            let headers = [
                (CONTENT_TYPE.as_str(), "text/html; charset=utf-8"),
                // The HTML quotes a document of unknown origin, so nothing in it may run.
                (
                    CONTENT_SECURITY_POLICY.as_str(),
                    "default-src 'none'; sandbox",
                ),
                complete,
            ];
            let mut html = Written::new(share);
            hocr::render(&mut html, answer);
            (no_store, headers, html.finish(share)?).into_response()
        }
        Format::Json | Format::NdJson | Format::Pdf | Format::Png => {
            return written::json(share, answer);
        }
    };
    response.headers_mut().extend(remarks(answer));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::answer::{Attachment, Document, DocumentType};
    use ocr_api::issue::{Issue, IssueCode};

    fn answer_with(issues: Vec<Issue>) -> Answer {
        Answer {
            id: String::new(),
            release: String::new(),
            engine: Default::default(),
            complete: true,
            document: Document {
                name: None,
                kind: DocumentType::Png,
                sha256: String::new(),
                pages: 1,
                attachments: Vec::new(),
            },
            pages: Vec::new(),
            codes: Vec::new(),
            warnings: Vec::new(),
            issues,
        }
    }

    #[test]
    fn the_header_lists_issues_and_stays_short() {
        let issues = |answer: &Answer| remarks(answer).next();
        assert_eq!(issues(&answer_with(Vec::new())), None);
        let some = answer_with(vec![
            Issue::new(IssueCode::XfaForm, "why"),
            Issue::new(IssueCode::LowConfidence, "why").on_page(3),
        ]);
        let (_, value) = issues(&some).unwrap();
        assert_eq!(value, "xfa_form, low_confidence;page=3");
        let page = |page| Issue::new(IssueCode::LowConfidence, "why").on_page(page);
        let many = answer_with((1..=2000).map(page).collect());
        let (_, value) = issues(&many).unwrap();
        let value = value.to_str().unwrap();
        assert!(
            value.len() < 1100 && value.contains(", more;count=19"),
            "{value}"
        );
    }

    #[test]
    fn attachments_are_listed_with_their_names_and_sizes() {
        let attachment = |number, name: &str, bytes| Attachment {
            number,
            name: name.to_owned(),
            bytes,
        };
        let mut answer = answer_with(Vec::new());
        answer.document.attachments = vec![
            attachment(1, "invoice.pdf", Some(20_417)),
            attachment(2, "50 % \"größer\"\n", None),
        ];
        let (name, value) = remarks(&answer).next().unwrap();
        assert_eq!(name, ATTACHMENTS);
        assert_eq!(
            value,
            "1;name=%\"invoice.pdf\";bytes=20417, 2;name=%\"50 %25 %22gr%c3%b6%c3%9fer%22%0a\""
        );
    }
}
