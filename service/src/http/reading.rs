//! Reading a document: its pages across the workers, until all are answered or the time is up.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ocr_api::answer::{DocumentType, Page, PageStatus};
use ocr_api::code::Code;
use ocr_api::problem::ProblemKind;
use tokio::time::{Instant, timeout_at};

use super::error::Rejection;
use super::query::Wanted;
use super::share::Share;
use crate::codes;
use crate::document::Document;
use crate::pool::{Failure, Pool};
use crate::protocol::{Fault, FaultKind, Mode, PageRead};

/// What became of a document.
#[derive(Debug)]
pub(super) struct Reading {
    /// Pages in the document.
    pub(super) count: u32,
    /// The wanted ones, in order.
    pub(super) pages: Vec<Page>,
    pub(super) codes: Vec<Code>,
    pub(super) warnings: Vec<String>,
}

/// Reads the wanted pages. A document of which no page can be read at all is a rejection.
pub(super) async fn read(
    pool: &Pool,
    document: &Arc<Document>,
    wanted: &Wanted,
    deadline: Instant,
    share: &Share,
) -> Result<Reading, Rejection> {
    if wanted.how.mode == Mode::Text && document.kind != DocumentType::Pdf {
        return Err(Rejection::new(
            ProblemKind::Malformed,
            "`mode=text` reads a PDF's text layer, and this is an image; leave `mode` out.",
        ));
    }
    let count = timeout_at(deadline, count(pool, document))
        .await
        .map_err(|_| too_late())??;
    let numbers = wanted.pages.of(count)?;
    share.begin(numbers.len())?;
    let results = read_pages(pool, document, wanted, &numbers, deadline, share).await;
    conclude(count, &numbers, results)
}

/// Only these can have more than one page; for the others, a worker need not be asked.
async fn count(pool: &Pool, document: &Arc<Document>) -> Result<u32, Rejection> {
    if !matches!(document.kind, DocumentType::Pdf | DocumentType::Tiff) {
        return Ok(1);
    }
    let mut counted = pool.count(document).await;
    if counted == Err(Failure::Crashed) {
        // Perhaps not of this document: it has a second worker to show whether it is.
        counted = pool.count(document).await;
    }
    counted.map_err(|failure| match failure {
        Failure::Fault(fault) => of_fault(fault),
        Failure::Crashed => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document crashed its reader; it is damaged, or made to do that. Export it anew.",
        ),
        Failure::TimedOut => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document took too long; it is damaged, or made to do that. Export it anew.",
        ),
    })
}

type Read = Result<PageRead, Failure>;

/// A result for each of `numbers`; `None` for those that the deadline cut off. No more pages are under way at a time
/// than there are workers, so that a long document does not fill the queue.
async fn read_pages(
    pool: &Pool,
    document: &Arc<Document>,
    wanted: &Wanted,
    numbers: &[u32],
    deadline: Instant,
    share: &Share,
) -> Vec<Option<Read>> {
    let mut results: Vec<Option<Read>> = numbers.iter().map(|_| None).collect();
    let mut waiting = numbers.iter().copied().enumerate();
    let mut under_way = FuturesUnordered::new();
    let read = async |(at, number): (usize, u32)| {
        let page = pool.read(document, number, &wanted.how).await;
        (at, page)
    };
    for next in waiting.by_ref().take(pool.size() as usize) {
        under_way.push(read(next));
    }
    while let Ok(Some((at, page))) = timeout_at(deadline, under_way.next()).await {
        results[at] = Some(page);
        share.page_done();
        if let Some(next) = waiting.next() {
            under_way.push(read(next));
        }
    }
    results
}

fn conclude(count: u32, numbers: &[u32], results: Vec<Option<Read>>) -> Result<Reading, Rejection> {
    let mut pages = Vec::with_capacity(results.len());
    let mut codes = Vec::new();
    let mut warnings = Vec::new();
    let mut faults = Vec::new();
    let mut cut_off = 0;
    for (number, result) in numbers.iter().copied().zip(results) {
        let page = match result {
            Some(Ok(read)) => {
                codes.extend(read.codes);
                let told = |warning| format!("Page {number}: {warning}");
                warnings.extend(read.warnings.into_iter().map(told));
                read.page
            }
            Some(Err(Failure::Fault(fault))) => {
                let page = unread(number, status_of(fault.kind));
                warnings.push(format!("Page {number}: {}", fault.detail));
                faults.push(fault);
                page
            }
            Some(Err(Failure::Crashed)) => {
                warnings.push(format!("Page {number}: its reader crashed at it."));
                unread(number, PageStatus::Crashed)
            }
            Some(Err(Failure::TimedOut)) => {
                warnings.push(format!("Page {number}: it took longer than a page may."));
                unread(number, PageStatus::Timeout)
            }
            None => {
                cut_off += 1;
                unread(number, PageStatus::Skipped)
            }
        };
        pages.push(page);
    }
    if cut_off == pages.len() {
        return Err(too_late());
    }
    if faults.len() == pages.len() {
        // Nothing of it can be read: that is the client's answer, and the first fault says why.
        if let Some(fault) = faults.into_iter().next() {
            return Err(of_fault(fault));
        }
    }
    if cut_off > 0 {
        warnings.push(format!(
            "{cut_off} of {} pages were not read before the deadline; ask for them by `pages`.",
            pages.len()
        ));
    }
    codes::agree(&mut codes);
    Ok(Reading {
        count,
        pages,
        codes,
        warnings,
    })
}

fn status_of(kind: FaultKind) -> PageStatus {
    match kind {
        FaultKind::TooLarge => PageStatus::TooLarge,
        FaultKind::Engine => PageStatus::Crashed,
        FaultKind::Corrupt | FaultKind::Unsupported | FaultKind::Encrypted | FaultKind::NoPages => {
            PageStatus::Corrupt
        }
    }
}

fn of_fault(fault: Fault) -> Rejection {
    let kind = match fault.kind {
        FaultKind::Corrupt => ProblemKind::Corrupt,
        FaultKind::Encrypted => ProblemKind::Encrypted,
        FaultKind::NoPages => ProblemKind::NoPages,
        FaultKind::TooLarge => ProblemKind::PageTooLarge,
        FaultKind::Unsupported => ProblemKind::Type,
        FaultKind::Engine => ProblemKind::Internal,
    };
    Rejection::new(kind, fault.detail)
}

fn too_late() -> Rejection {
    Rejection::new(
        ProblemKind::Deadline,
        "No page was read before the deadline; ask for fewer pages at a time, or try when the service is less busy.",
    )
}

fn unread(page: u32, status: PageStatus) -> Page {
    Page {
        page,
        status,
        method: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: String::new(),
        words: Vec::new(),
        ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: FaultKind) -> Option<Read> {
        Some(Err(Failure::Fault(Fault::new(kind, "why"))))
    }

    fn statuses(results: Vec<Option<Read>>) -> Vec<PageStatus> {
        let numbers: Vec<u32> = (1..).take(results.len()).collect();
        let reading = conclude(9, &numbers, results).unwrap();
        reading.pages.iter().map(|page| page.status).collect()
    }

    #[test]
    fn every_page_is_answered_whatever_became_of_it() {
        let fine = Some(Ok(PageRead {
            page: unread(1, PageStatus::Ok),
            codes: Vec::new(),
            warnings: Vec::new(),
        }));
        let results = vec![
            fine,
            Some(Err(Failure::Crashed)),
            Some(Err(Failure::TimedOut)),
            fault(FaultKind::TooLarge),
            fault(FaultKind::Corrupt),
            None,
        ];
        assert_eq!(
            statuses(results),
            [
                PageStatus::Ok,
                PageStatus::Crashed,
                PageStatus::Timeout,
                PageStatus::TooLarge,
                PageStatus::Corrupt,
                PageStatus::Skipped
            ]
        );
    }

    #[test]
    fn a_document_of_which_nothing_can_be_read_is_a_problem() {
        let kind = |results: Vec<Option<Read>>| {
            let numbers: Vec<u32> = (1..).take(results.len()).collect();
            conclude(2, &numbers, results).unwrap_err().kind()
        };
        assert_eq!(
            kind(vec![fault(FaultKind::Corrupt), fault(FaultKind::TooLarge)]),
            ProblemKind::Corrupt
        );
        assert_eq!(
            kind(vec![fault(FaultKind::Encrypted)]),
            ProblemKind::Encrypted
        );
        assert_eq!(kind(vec![None, None]), ProblemKind::Deadline);
    }

    #[test]
    fn a_crash_of_the_only_page_is_an_answer_not_a_problem() {
        assert_eq!(
            statuses(vec![Some(Err(Failure::Crashed))]),
            [PageStatus::Crashed]
        );
    }
}
