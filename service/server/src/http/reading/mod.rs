//! Reads a document: its pages as they finish, and then the conclusion about all of them.

mod attachment;
pub(super) mod conclusion;
pub(super) mod estimate;
pub(super) mod spread;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ocr_api::answer::{DocumentType, Page, PageStatus};
use ocr_api::problem::ProblemKind;
use ocr_protocol::{Counted, Mode, PageRead};
use tokio::time::sleep;

use super::Service;
use super::intake::Intake;
use super::intake::negotiate::Format;
use super::limits::deadline::Deadline;
use super::limits::share::Share;
use super::outcome::error::Rejection;
use crate::document::Document;
use crate::memory::{Charge, Charged, weight};
use crate::pool::{Failure, Pool};
pub(super) use attachment::receive;
use conclusion::{Conclusion, Remark, conclude, of_fault, settle, too_late};
use spread::Spread;

/// Pause between two attempts at a page for whose answer there is no memory.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// A document whose pages are being read. Dropping it frees the workers.
#[derive(Debug)]
pub(crate) struct Reading {
    service: Arc<Service>,
    share: Arc<Share>,
    /// True if pages are held until all are read.
    gathers: bool,
    format: Format,
    counted: Counted,
    numbers: Vec<u32>,
    spread: Spread<Charged<PageRead>>,
    remarks: Vec<Remark>,
}

impl Reading {
    /// Counts the pages and selects those to read. [`Reading::next`] reads them, until the deadline.
    pub(crate) async fn begin(
        service: &Arc<Service>,
        intake: &Intake,
        deadline: Deadline,
    ) -> Result<Self, Rejection> {
        let document = &intake.document;
        let wanted = &intake.wanted;
        if wanted.how.mode == Mode::Text && document.kind != DocumentType::Pdf {
            return Err(Rejection::new(
                ProblemKind::Malformed,
                "`mode=text` reads a PDF's text layer, but this document is an image; leave `mode` out.",
            ));
        }
        let mut counted = count(service, intake, &deadline).await?;
        let numbers = wanted.pages.of(counted.pages, service.limits.max_pages)?;
        counted.issues.extend(wanted.pages.beyond(counted.pages));
        charge_entries(intake, &counted, numbers.len())?;
        intake.share.begin(numbers.len())?;
        let gathers =
            intake.format != Format::NdJson || intake.directives.idempotency_key.is_some();
        let work = {
            let (service, document) = (Arc::clone(service), Arc::clone(document));
            let how = wanted.how.clone();
            move |number| {
                let (service, document) = (Arc::clone(&service), Arc::clone(&document));
                let how = how.clone();
                async move {
                    loop {
                        match service.pool.read(&document, number, &how).await {
                            // The client reads lines meanwhile, which frees memory.
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
            counted,
            spread: Spread::new(numbers.clone(), at_once, deadline, work),
            numbers,
            remarks: Vec::new(),
        })
    }

    /// Properties of the whole document.
    pub(crate) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Numbers of the pages to read, in order.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// True if there is a page for the answer: one that was read, or that crashed a worker. Before that, the whole
    /// request may still become a problem.
    pub(crate) fn has_answer(&self) -> bool {
        self.remarks
            .iter()
            .any(|remark| remark.fault.is_none() && remark.status != PageStatus::Skipped)
    }

    /// The next page that is finished. Every page comes exactly once, whatever its result. If pages are not gathered,
    /// it comes with its charge.
    pub(crate) async fn next(&mut self) -> Option<(Page, Option<Charge>)> {
        let (number, result) = self.spread.next().await?;
        if result.is_some() {
            self.share.page_done();
        }
        let (result, mut charge) = match result {
            // JSON takes half of a value's weight.
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
                // Codes and issues of the page are kept until the last line.
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

    /// The result if the deadline were now: the missing pages, and a conclusion.
    pub(crate) fn so_far(&self) -> Result<(Vec<Page>, Conclusion), Rejection> {
        let mut remarks = self.remarks.clone();
        let done: BTreeSet<u32> = remarks.iter().map(|remark| remark.page).collect();
        let open = self.numbers.iter().filter(|number| !done.contains(number));
        let (missing, late): (Vec<Page>, Vec<Remark>) =
            open.map(|number| settle(*number, None)).unzip();
        remarks.extend(late);
        let conclusion = conclude(remarks, self.counted.clone(), self.goes_to_the_end())?;
        Ok((missing, conclusion))
    }

    fn goes_to_the_end(&self) -> bool {
        self.numbers.last() == Some(&self.counted.pages)
    }

    /// True if the deadline cut pages off.
    pub(crate) fn was_cut_off(&self) -> bool {
        self.remarks.iter().any(|remark| remark.late)
    }

    /// Concludes the reading when `next` returns no more pages. Rejects a document of which no page could be read.
    pub(crate) fn conclude(self) -> Result<Conclusion, Rejection> {
        let to_the_end = self.goes_to_the_end();
        let conclusion = conclude(self.remarks, self.counted, to_the_end)?;
        self.service.metrics.found(&conclusion.codes);
        Ok(conclusion)
    }
}

/// Charges the fixed cost of each page before it is read: its entry in the answer, and its remark. Pages that are not
/// read cost as much.
pub(crate) fn charge_entries(
    intake: &Intake,
    counted: &Counted,
    pages: usize,
) -> Result<(), Rejection> {
    const ENTRY: u64 = 512;
    let described = weight(&(&counted.issues, &counted.attachments));
    intake.share.grow(ENTRY * pages as u64 + described)
}

/// Counts the pages of a document before the deadline.
pub(crate) async fn count(
    service: &Service,
    intake: &Intake,
    deadline: &Deadline,
) -> Result<Counted, Rejection> {
    let counted = deadline.within(count_in(&service.pool, &intake.document));
    counted.await.unwrap_or_else(|| Err(too_late()))
}

/// Asks a worker only for types that can have more than one page.
async fn count_in(pool: &Pool, document: &Arc<Document>) -> Result<Counted, Rejection> {
    if !matches!(document.kind, DocumentType::Pdf | DocumentType::Tiff) {
        return Ok(Counted::pages(1));
    }
    let mut counted = pool.count(document).await;
    if counted == Err(Failure::Crashed) {
        // The worker may have crashed for another reason, so the document gets a second worker.
        counted = pool.count(document).await;
    }
    counted.map_err(of_failure)
}

/// Rejection of a document that can't be opened or converted.
pub(crate) fn of_failure(failure: Failure) -> Rejection {
    match failure {
        Failure::Fault(fault) => of_fault(fault),
        Failure::Crashed => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document crashed the worker. The document is damaged, or crafted to do that. Export it again.",
        ),
        Failure::Refused(left) => Rejection::quarantined(left),
        Failure::NoRoom => Rejection::busy(1),
        Failure::TimedOut => Rejection::new(
            ProblemKind::Corrupt,
            "Opening the document took too long. The document is damaged, or crafted to do that. Export it again.",
        ),
    }
}
