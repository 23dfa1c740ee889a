//! Barcodes that hold written text, such as a label with its value: `IBAN: DE89 3704 …`.

use super::super::flow::Flow;
use super::super::kind::Selection;
use super::super::{line_page, with_check};
use super::Element;

/// Codes in the text that would be reported on a page and pass their check.
pub(super) fn numbers(text: &str, wanted: &Selection) -> Vec<Element> {
    let page = line_page(text);
    let flow = Flow::of(&page);
    let found = with_check(&flow, wanted, false);
    let passing = found.into_iter().filter(|one| one.ok);
    passing
        .map(|one| {
            let (start, end) = (flow.tokens[one.first].start, flow.tokens[one.last].end);
            let raw = flow.raw(start, end);
            Element::new(one.spec.kind, one.shown(), raw).checked(one.spec.scheme, true)
        })
        .collect()
}
