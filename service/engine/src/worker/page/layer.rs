//! A page whose text layer was read: what is said of it, and what was recognized beside it.

use ocr_api::answer::Word;
use ocr_api::code::Source;
use ocr_api::issue::{Issue, IssueCode};
use ocr_protocol::{Mode, PageRead};

use crate::worker::pdf::Uncovered;
use crate::worker::{doubts, merge};

/// A text layer, and what was recognized beside it.
pub(super) fn mixed(layer: PageRead, mut recognized: PageRead, part: &Uncovered) -> PageRead {
    let words = recognized
        .page
        .words
        .iter_mut()
        .map(|word| &mut word.bounds);
    let of_codes = recognized
        .codes
        .iter_mut()
        .filter(|code| code.source == Source::Ocr);
    for bounds in words.chain(of_codes.map(|code| &mut code.bounds)) {
        *bounds = part.on_page(*bounds);
    }
    let mut codes = layer.codes;
    let apart =
        |a: [i32; 4], b: [i32; 4]| a[0] >= b[2] || b[0] >= a[2] || a[1] >= b[3] || b[1] >= a[3];
    for code in recognized.codes {
        if codes.iter().all(|other| apart(other.bounds, code.bounds)) {
            codes.push(code);
        }
    }
    codes.sort_by_key(|code| (code.bounds[1], code.bounds[0]));
    let mut issues = layer.issues;
    // A few words of a logo say nothing of the page.
    let few = recognized.page.words.len() < doubts::STRETCH;
    issues.extend(
        recognized
            .issues
            .into_iter()
            .filter(|issue| !few || issue.code != IssueCode::LowConfidence),
    );
    PageRead {
        page: merge::merge(layer.page, &recognized.page),
        codes,
        issues,
    }
}

/// Words of a text layer that are not seen on the page. Letters that clip a filling are seen, although the layer's are
/// not drawn: they are recognized at the same place.
pub(super) fn hidden(hidden: &[Word], answered: &[Word], mode: Mode) -> Option<Issue> {
    let is_answered = |word: &&Word| {
        answered
            .iter()
            .any(|other| !other.hidden && merge::is_same(word, other))
    };
    let of_layer = match hidden.iter().filter(|word| !is_answered(word)).count() {
        0 => return None,
        1 => "a word of its text layer is".to_owned(),
        more => format!("{more} words of its text layer are"),
    };
    let done = if mode == Mode::Text {
        "given as asked for by `mode=text`"
    } else {
        "left out"
    };
    let detail = format!(
        "{of_layer} not seen on it, as with white, covered or minute text, and {done}. Look at the page before you rely on it."
    );
    Some(Issue::new(IssueCode::HiddenText, detail))
}
