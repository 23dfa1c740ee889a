//! Renders an answer as a searchable PDF. The words and their places are decided here; a worker, which may open the
//! document, makes the PDF.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use ocr_api::answer::{Answer, Method, Page, Word};
use ocr_api::issue::IssueCode;
use ocr_api::problem::ProblemKind;
use ocr_codes::lines::paragraphs;
use ocr_protocol::{MAX_REQUEST, Overlay, Placed};
use tokio::time::timeout_at;

use super::answer::{complete, remarks};
use super::written;
use crate::http::Service;
use crate::http::intake::Intake;
use crate::http::outcome::error::Rejection;
use crate::http::reading::of_failure;
use crate::memory::Charged;

/// Header that lists the pages to which no words could be added.
const UNSEARCHABLE: &str = "x-ocr-unsearchable";
/// Header that lists the document's active content that was removed.
const ACTIVE: HeaderName = HeaderName::from_static("x-ocr-active");
/// Bytes of a word on its way to the worker, besides its text: box, quotes and commas.
const WORD: usize = 80;

pub(crate) async fn respond(
    service: &Service,
    intake: Intake,
    answer: Answer,
) -> Result<Response, Rejection> {
    let wrong_layer = |page: &Page| {
        let of_page = |number| number == Some(page.page);
        let mut issues = answer.issues.iter();
        issues.any(|issue| issue.code == IssueCode::LayerDisagrees && of_page(issue.page))
    };
    let pages = answer.pages.iter();
    let pages: Vec<Overlay> = pages.map(|page| overlay(page, wrong_layer(page))).collect();
    let words = pages.iter().flat_map(|page| &page.words);
    let size: usize = words.map(|word| WORD + 6 * word.text.len()).sum();
    if size + WORD * pages.len() > MAX_REQUEST as usize {
        return Err(Rejection::new(
            ProblemKind::TooLarge,
            "The document has more words than fit into one searchable PDF; ask for fewer `pages`.",
        ));
    }
    drop(intake.share.take_reserve());
    // Memory for the overlays, for a copy on its way to the worker, and for its frame.
    intake.share.grow(3 * size as u64)?;
    let made = service
        .pool
        .compose(&intake.document, pages, intake.wanted.keep_active);
    let Charged { value: pdf, charge } = timeout_at(intake.deadline, made)
        .await
        .map_err(|_| {
            Rejection::new(
                ProblemKind::Deadline,
                "The pages were read, but the PDF was not made before the deadline; ask for fewer pages at a time.",
            )
        })?
        .map_err(of_failure)?;
    let file = Charged {
        value: pdf.bytes,
        charge,
    };
    let headers = [
        (CONTENT_TYPE.as_str(), "application/pdf"),
        (CACHE_CONTROL.as_str(), "no-store"),
        complete(&answer),
    ];
    let mut response = (headers, written::file(file)).into_response();
    response.headers_mut().extend(remarks(&answer));
    let numbers: Vec<String> = pdf.unsearchable.iter().map(u32::to_string).collect();
    if let (false, Ok(numbers)) = (numbers.is_empty(), numbers.join(",").parse()) {
        response.headers_mut().insert(UNSEARCHABLE, numbers);
    }
    if !pdf.removed.is_empty() {
        let names: Vec<&str> = pdf.removed.iter().map(|active| active.name()).collect();
        let value = format!("removed;what=\"{}\"", names.join(" "));
        let value = HeaderValue::from_str(&value).ok();
        let header = value.map(|value| (ACTIVE, value));
        response.headers_mut().extend(header);
    }
    Ok(response)
}

/// Words to lay over a page. Words of the page's own text layer are left out, unless that layer is wrong.
fn overlay(page: &Page, wrong_layer: bool) -> Overlay {
    let mut words = Vec::new();
    if matches!(page.method, Some(Method::Ocr | Method::Mixed)) {
        for line in paragraphs(page).into_iter().flatten() {
            let recognized =
                |word: &&Word| page.method == Some(Method::Ocr) || word.confidence < 100.0;
            let words_of_line: Vec<&Word> = page.words[line].iter().filter(recognized).collect();
            let boxes: Vec<[i32; 4]> = words_of_line.iter().map(|word| word.bounds).collect();
            for (at, word) in words_of_line.iter().enumerate() {
                words.push(Placed {
                    text: word.text.clone(),
                    bounds: if page.rotation == 0 {
                        on_line(&boxes, at)
                    } else {
                        word.bounds
                    },
                });
            }
        }
    }
    Overlay {
        page: page.page,
        width: page.width.unwrap_or(0),
        height: page.height.unwrap_or(0),
        rotation: page.rotation,
        words,
        beside_layer: wrong_layer || page.method == Some(Method::Mixed),
    }
}

/// Stretches a word's box from the baseline to the height of its line. PDF viewers take words on different baselines,
/// or in different sizes, for different lines. The baseline is where most words around it end, because only some have
/// descenders, and a scan may be askew.
fn on_line(boxes: &[[i32; 4]], at: usize) -> [i32; 4] {
    const AROUND: usize = 2;
    let [left, _, right, _] = boxes[at];
    let near = &boxes[at.saturating_sub(AROUND)..boxes.len().min(at + AROUND + 1)];
    let mut bottoms: Vec<i32> = near.iter().map(|bounds| bounds[3]).collect();
    bottoms.sort_unstable();
    let baseline = bottoms[(bottoms.len() - 1) / 2];
    let mut heights: Vec<i32> = boxes.iter().map(|bounds| bounds[3] - bounds[1]).collect();
    heights.sort_unstable();
    // The tallest word, unless it is a rule or a picture that was taken for a word.
    let median = heights[heights.len() / 2];
    let height = heights[heights.len() - 1].min(median * 2);
    [left, baseline - height, right, baseline]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns_words_to_the_baseline_and_size_of_their_line() {
        // "scan", "Copy" with a descender, "of", and a vertical rule.
        let boxes = [
            [0, 20, 10, 40],
            [20, 10, 30, 48],
            [40, 11, 50, 40],
            [60, 0, 61, 200],
        ];
        assert_eq!(on_line(&boxes, 0), [0, -36, 10, 40]);
        assert_eq!(on_line(&boxes, 1)[3], 40);
        assert_eq!(on_line(&boxes[..3], 1), [20, 2, 30, 40]);
        assert_eq!(on_line(&boxes[..1], 0), boxes[0]);
    }
}
