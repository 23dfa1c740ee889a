//! What a PDF holds as a whole: pages, whatever their count says, and what is not in them.

use ocr_api::issue::{Issue, IssueCode};
use ocr_protocol::Counted;

use super::PdfDocument;
use crate::worker::ffi::pdfium::Document;

/// Most missing pages that are answered as damaged one by one. For more, one issue reports them.
const FEW: u32 = 100;
/// Most pages that are counted. A small page tree can be crafted to have millions.
const MAX_PAGES: u32 = 100_000;

impl PdfDocument {
    /// Counts the pages in the page tree. PDFium trusts the count that the tree states.
    pub(in crate::worker) fn count(&self) -> Counted {
        let document = &self.document;
        let stated = document.page_count();
        let mut issues = Vec::new();
        let pages = pages_in(document);
        if pages < stated {
            let detail = if pages == MAX_PAGES {
                format!("the PDF has more than {pages} pages, which is the limit; split it.")
            } else {
                format!(
                    "the PDF states {stated} pages, but has {pages}: it is damaged or cut short. Export it again."
                )
            };
            issues.push(Issue::new(IssueCode::MissingPages, detail));
        }
        if document.is_dynamic_form() {
            issues.push(Issue::new(
                IssueCode::XfaForm,
                "it is an XFA form, whose fields are not in the PDF's pages and were not read. Open it in a viewer that knows \
                 XFA, and print it to a PDF.",
            ));
        }
        let (attachments, issue) = self.attachments();
        issues.extend(issue);
        Counted {
            pages,
            lacks_pages: pages < stated,
            issues,
            attachments,
        }
    }
}

/// The real number of a document's pages, whatever it states.
pub(super) fn pages_in(document: &Document) -> u32 {
    in_tree(document.page_count(), |index| document.has_page(index))
}

/// The pages of a tree that states so many: up to the last that `is_there`, unless few are missing behind it.
fn in_tree(stated: u32, is_there: impl Fn(u32) -> bool) -> u32 {
    if stated <= MAX_PAGES && stated.checked_sub(1).is_none_or(&is_there) {
        return stated;
    }
    let mut found = 0;
    for index in 0..stated.min(MAX_PAGES) {
        if is_there(index) {
            found = index + 1;
        } else if index + 1 - found > FEW {
            return found.max(1);
        }
    }
    if stated > MAX_PAGES {
        MAX_PAGES
    } else {
        stated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn counts_existing_pages() {
        let of = |stated, there: fn(u32) -> bool| in_tree(stated, there);
        assert_eq!(of(0, |_| false), 0);
        assert_eq!(of(12, |_| true), 12);
        assert_eq!(of(12, |index| index < 2), 12, "each is answered as damaged");
        assert_eq!(of(1_048_574, |index| index == 0), 1);
        assert_eq!(of(1_048_574, |_| false), 1);
        assert_eq!(of(1_048_574, |_| true), MAX_PAGES);
        assert_eq!(
            of(500, |index| index < 300 && !(100..180).contains(&index)),
            300
        );
    }

    #[test]
    fn checks_few_missing_pages() {
        let asked = Cell::new(0);
        let pages = in_tree(1_048_574, |index| {
            asked.set(asked.get() + 1);
            index < 7
        });
        assert_eq!(pages, 7);
        assert!(asked.get() < 200);
    }
}
