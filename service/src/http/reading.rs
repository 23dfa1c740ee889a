//! Reading a document: its pages as they are done, and then what can be said of them together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ocr_api::answer::{DocumentType, Page, PageStatus};
use ocr_api::code::Code;
use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::{ProblemKind, UnreadPage};
use tokio::time::sleep;

use super::Service;
use super::deadline::Deadline;
use super::error::Rejection;
use super::intake::Intake;
use super::negotiate::Format;
use super::share::Share;
use super::spread::Spread;
use crate::codes;
use crate::document::Document;
use crate::memory::{Charge, Charged, weight};
use crate::pool::{Failure, Pool};
use crate::protocol::{Fault, FaultKind, Mode, PageRead};

/// Between two attempts at a page for whose answer there is no room.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// A document whose pages are being read. Dropping it frees the workers.
#[derive(Debug)]
pub(super) struct Reading {
    service: Arc<Service>,
    share: Arc<Share>,
    /// Its pages are held until all are there.
    gathers: bool,
    format: Format,
    count: u32,
    numbers: Vec<u32>,
    spread: Spread<Charged<PageRead>>,
    remarks: Vec<Remark>,
}

/// What is left of a page when its text has gone to the client.
#[derive(Debug, Clone)]
struct Remark {
    page: u32,
    status: PageStatus,
    /// The deadline cut it off.
    late: bool,
    codes: Vec<Code>,
    issues: Vec<Issue>,
    /// Why it was not read to its end, if it was not.
    reason: Option<String>,
    /// Why it could not be read, if that was the document's fault or the engine's.
    fault: Option<Fault>,
}

/// What can be said when each page has been answered.
#[derive(Debug, Clone)]
pub(super) struct Conclusion {
    pub(super) complete: bool,
    pub(super) codes: Vec<Code>,
    pub(super) issues: Vec<Issue>,
    /// Those that were not read to their end.
    pub(super) unread: Vec<UnreadPage>,
}

impl Conclusion {
    /// Itself, unless all pages or nothing is wanted and one is missing.
    pub(super) fn or_nothing(self, strict: bool) -> Result<Self, Rejection> {
        if strict && !self.complete {
            return Err(Rejection::incomplete(self.unread));
        }
        Ok(self)
    }
}

impl Reading {
    /// Counts the pages and settles which are wanted; they are read by [`Reading::next`], until the deadline.
    pub(super) async fn begin(
        service: &Arc<Service>,
        intake: &Intake,
        deadline: Deadline,
    ) -> Result<Self, Rejection> {
        let document = &intake.document;
        let wanted = &intake.wanted;
        if wanted.how.mode == Mode::Text && document.kind != DocumentType::Pdf {
            return Err(Rejection::new(
                ProblemKind::Malformed,
                "`mode=text` reads a PDF's text layer, and this is an image; leave `mode` out.",
            ));
        }
        let count = count(service, intake, &deadline).await?;
        let numbers = wanted.pages.of(count)?;
        intake.share.begin(numbers.len())?;
        let gathers = intake.format != Format::NdJson || intake.wish.idempotency_key.is_some();
        let work = {
            let (service, document) = (Arc::clone(service), Arc::clone(document));
            let how = wanted.how.clone();
            move |number| {
                let (service, document) = (Arc::clone(&service), Arc::clone(&document));
                let how = how.clone();
                async move {
                    loop {
                        match service.pool.read(&document, number, &how).await {
                            // Lines that the client takes make room.
                            Err(Failure::NoRoom) if !gathers => sleep(ROOM_PAUSE).await,
                            result => return result,
                        }
                    }
                }
            }
        };
        let at_once = service.pool.size() as usize;
        Ok(Self {
            service: Arc::clone(service),
            share: Arc::clone(&intake.share),
            gathers,
            format: intake.format,
            count,
            spread: Spread::new(numbers.clone(), at_once, deadline, work),
            numbers,
            remarks: Vec::new(),
        })
    }

    /// Pages in the document.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The wanted ones, in order.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Whether there is something to answer already: a page that was read, or broke a worker. While there is none, all may
    /// turn out to be a problem.
    pub(super) fn has_answer(&self) -> bool {
        self.remarks
            .iter()
            .any(|remark| remark.fault.is_none() && remark.status != PageStatus::Skipped)
    }

    /// The next page that is done. Every wanted page comes once, whatever became of it. Where pages are not gathered, it
    /// comes with its charge.
    pub(super) async fn next(&mut self) -> Option<(Page, Option<Charge>)> {
        let (number, result) = self.spread.next().await?;
        if result.is_some() {
            self.share.page_done();
        }
        let (result, mut charge) = match result {
            // Its JSON is half of what it weighs.
            Some(Ok(read))
                if self
                    .share
                    .reserve(read.charge.bytes() / 2 * self.format.size())
                    .is_err() =>
            {
                (Some(Err(Failure::NoRoom)), None)
            }
            Some(Ok(Charged { value, charge })) => (Some(Ok(value)), Some(charge)),
            Some(Err(failure)) => (Some(Err(failure)), None),
            None => (None, None),
        };
        if let Some(mut paid) = charge.take() {
            if let (false, Some(Ok(read))) = (self.gathers, &result) {
                // What is found on it stays until the last line.
                let found = paid.split(weight(&(&read.codes, &read.issues)));
                charge = Some(std::mem::replace(&mut paid, found));
            }
            self.share.keep(paid);
        }
        let (page, remark) = settle(number, result);
        self.service.metrics.page(&page, &self.share.owner().key);
        self.remarks.push(remark);
        Some((page, charge))
    }

    /// What would be said if the deadline were now: the pages that are missing, and a conclusion.
    pub(super) fn so_far(&self) -> Result<(Vec<Page>, Conclusion), Rejection> {
        let mut remarks = self.remarks.clone();
        let done: BTreeSet<u32> = remarks.iter().map(|remark| remark.page).collect();
        let open = self.numbers.iter().filter(|number| !done.contains(number));
        let (missing, late): (Vec<Page>, Vec<Remark>) =
            open.map(|number| settle(*number, None)).unzip();
        remarks.extend(late);
        Ok((missing, conclude(remarks)?))
    }

    /// Whether the deadline cut pages off.
    pub(super) fn was_cut_off(&self) -> bool {
        self.remarks.iter().any(|remark| remark.late)
    }

    /// To be called when there is no next page. A document of which no page can be read at all is a rejection.
    pub(super) fn conclude(self) -> Result<Conclusion, Rejection> {
        let conclusion = conclude(self.remarks)?;
        self.service.metrics.found(&conclusion.codes);
        Ok(conclusion)
    }
}

impl Remark {
    fn unread(&self) -> Option<UnreadPage> {
        (!self.status.is_complete()).then(|| UnreadPage {
            page: self.page,
            status: self.status,
            detail: self.reason.clone().unwrap_or_default(),
        })
    }
}

/// The pages of a document, counted before its deadline.
pub(super) async fn count(
    service: &Service,
    intake: &Intake,
    deadline: &Deadline,
) -> Result<u32, Rejection> {
    let counted = deadline.within(count_in(&service.pool, &intake.document));
    counted.await.unwrap_or_else(|| Err(too_late()))
}

/// Only these can have more than one page; for the others, a worker need not be asked.
async fn count_in(pool: &Pool, document: &Arc<Document>) -> Result<u32, Rejection> {
    if !matches!(document.kind, DocumentType::Pdf | DocumentType::Tiff) {
        return Ok(1);
    }
    let mut counted = pool.count(document).await;
    if counted == Err(Failure::Crashed) {
        // Perhaps not of this document: it has a second worker to show whether it is.
        counted = pool.count(document).await;
    }
    counted.map_err(of_failure)
}

/// Of a document that can't be opened, or made into another one.
pub(super) fn of_failure(failure: Failure) -> Rejection {
    match failure {
        Failure::Fault(fault) => of_fault(fault),
        Failure::Crashed => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document crashed its reader; it is damaged, or made to do that. Export it anew.",
        ),
        Failure::Refused(left) => Rejection::quarantined(left),
        Failure::NoRoom => Rejection::busy(1),
        Failure::TimedOut => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document took too long; it is damaged, or made to do that. Export it anew.",
        ),
    }
}

/// What became of a page; `None` for one that the deadline cut off.
fn settle(number: u32, result: Option<Result<PageRead, Failure>>) -> (Page, Remark) {
    let late = result.is_none();
    let (status, reason, fault) = match result {
        Some(Ok(read)) => {
            let issues = read.issues.into_iter();
            let issues = issues.map(|issue| issue.on_page(number)).collect();
            let remark = Remark {
                page: number,
                status: read.page.status,
                late: false,
                codes: read.codes,
                issues,
                reason: None,
                fault: None,
            };
            return (read.page, remark);
        }
        Some(Err(failure)) => {
            let (status, reason) = unread_for(&failure);
            let fault = match failure {
                Failure::Fault(fault) => Some(fault),
                Failure::Crashed | Failure::TimedOut | Failure::NoRoom | Failure::Refused(_) => {
                    None
                }
            };
            (status, reason, fault)
        }
        None => {
            let (status, reason) = cut_off();
            (status, reason, None)
        }
    };
    let remark = Remark {
        page: number,
        status,
        late,
        codes: Vec::new(),
        // One issue for all that the deadline cut off.
        issues: if late {
            Vec::new()
        } else {
            vec![Issue::new(IssueCode::Unread, &reason).on_page(number)]
        },
        reason: Some(reason),
        fault,
    };
    (unread(number, status), remark)
}

fn conclude(mut remarks: Vec<Remark>) -> Result<Conclusion, Rejection> {
    remarks.sort_by_key(|remark| remark.page);
    let pages = remarks.len();
    let cut_off = remarks.iter().filter(|remark| remark.late).count();
    if cut_off == pages {
        return Err(too_late());
    }
    if remarks.iter().all(|remark| remark.fault.is_some()) {
        // Nothing of it can be read: that is the client's answer, and the first fault says why.
        if let Some(fault) = remarks.iter_mut().find_map(|remark| remark.fault.take()) {
            return Err(of_fault(fault));
        }
    }
    let unread: Vec<UnreadPage> = remarks.iter().filter_map(Remark::unread).collect();
    let mut codes = Vec::new();
    let mut issues = Vec::new();
    for remark in remarks {
        codes.extend(remark.codes);
        issues.extend(remark.issues);
    }
    if cut_off > 0 {
        let detail = format!(
            "{cut_off} of {pages} pages were not read before the deadline; ask for them by `pages`."
        );
        issues.push(Issue::new(IssueCode::Unread, detail));
    }
    codes::agree(&mut codes);
    let in_doubt = codes::differences(&codes).into_iter();
    issues.extend(in_doubt.map(|detail| Issue::new(IssueCode::CodeInDoubt, detail)));
    Ok(Conclusion {
        complete: unread.is_empty(),
        codes,
        issues,
        unread,
    })
}

/// The status of a page that has no result, and why, in words that go after its number.
pub(super) fn unread_for(failure: &Failure) -> (PageStatus, String) {
    match failure {
        Failure::Fault(fault) => (status_of(fault.kind), fault.detail.clone()),
        Failure::Crashed => (PageStatus::Crashed, "its reader crashed at it.".to_owned()),
        Failure::TimedOut => {
            let reason = "it took longer than a page may.";
            (PageStatus::Timeout, reason.to_owned())
        }
        Failure::NoRoom => {
            let reason = "there is no memory left for its answer; ask for fewer pages at a time, or for application/x-ndjson.";
            (PageStatus::Skipped, reason.to_owned())
        }
        Failure::Refused(_) => {
            let reason = "not tried, because two workers died of the document.";
            (PageStatus::Skipped, reason.to_owned())
        }
    }
}

pub(super) fn cut_off() -> (PageStatus, String) {
    let reason = "it was not read before the deadline.";
    (PageStatus::Skipped, reason.to_owned())
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

pub(super) fn too_late() -> Rejection {
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
    use ocr_api::issue::sentences;

    fn fault(kind: FaultKind) -> Option<Result<PageRead, Failure>> {
        Some(Err(Failure::Fault(Fault::new(kind, "why"))))
    }

    fn settled(results: Vec<Option<Result<PageRead, Failure>>>) -> (Vec<PageStatus>, Vec<Remark>) {
        let settle = |(number, result)| {
            let (page, remark) = settle(number, result);
            (page.status, remark)
        };
        (1..).zip(results).map(settle).unzip()
    }

    #[test]
    fn every_page_is_answered_whatever_became_of_it() {
        let fine = Some(Ok(PageRead {
            page: unread(1, PageStatus::Ok),
            codes: Vec::new(),
            issues: Vec::new(),
        }));
        let (statuses, mut remarks) = settled(vec![
            fine,
            Some(Err(Failure::Crashed)),
            Some(Err(Failure::TimedOut)),
            fault(FaultKind::TooLarge),
            fault(FaultKind::Corrupt),
            Some(Err(Failure::Refused(Duration::ZERO))),
            None,
        ]);
        let wanted = [
            PageStatus::Ok,
            PageStatus::Crashed,
            PageStatus::Timeout,
            PageStatus::TooLarge,
            PageStatus::Corrupt,
            PageStatus::Skipped,
            PageStatus::Skipped,
        ];
        assert_eq!(statuses, wanted);
        // Pages are done in any order; what is said of them is in theirs.
        remarks.reverse();
        let conclusion = conclude(remarks).unwrap();
        assert!(!conclusion.complete);
        let sentences = sentences(&conclusion.issues);
        let starts: Vec<&str> = sentences.iter().map(|text| &text[..6]).collect();
        assert_eq!(
            starts,
            ["Page 2", "Page 3", "Page 4", "Page 5", "Page 6", "1 of 7"]
        );
    }

    #[test]
    fn a_document_of_which_nothing_can_be_read_is_a_problem() {
        let kind = |results| conclude(settled(results).1).unwrap_err().kind();
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
        let (statuses, remarks) = settled(vec![Some(Err(Failure::Crashed))]);
        assert_eq!(statuses, [PageStatus::Crashed]);
        assert!(!conclude(remarks).unwrap().complete);
    }
}
