//! The end of an answer: codes, issues and unread pages, once every page has a result.

use ocr_api::answer::{Page, PageStatus};
use ocr_api::code::Code;
use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::{ProblemKind, UnreadPage};
use ocr_protocol::{Counted, Fault, FaultKind, PageRead};

use crate::http::intake::query::Strict;
use crate::http::outcome::error::Rejection;
use crate::pool::Failure;

/// The part of a page's result that is kept after its text has gone to the client.
#[derive(Debug, Clone)]
pub(crate) struct Remark {
    pub(crate) page: u32,
    pub(crate) status: PageStatus,
    /// True if the deadline cut the page off.
    pub(crate) late: bool,
    codes: Vec<Code>,
    issues: Vec<Issue>,
    /// Reason for which the page was not read to its end, if it was not.
    reason: Option<String>,
    /// The fault of the document or of the engine that made the page unreadable.
    pub(crate) fault: Option<Fault>,
}

/// Result for the whole document.
#[derive(Debug, Clone)]
pub(crate) struct Conclusion {
    pub(crate) complete: bool,
    pub(crate) codes: Vec<Code>,
    pub(crate) issues: Vec<Issue>,
    /// Pages that were not read to their end.
    pub(crate) unread: Vec<UnreadPage>,
}

impl Conclusion {
    /// Rejects the answer if the client asked for that: when pages are missing or the reading is in doubt.
    pub(crate) fn or_nothing(self, strict: Strict) -> Result<Self, Rejection> {
        let mut issues = self.issues.clone();
        let refused = match strict {
            Strict::No => false,
            Strict::Complete => {
                issues.retain(|issue| issue.code == IssueCode::MissingPages);
                !self.complete
            }
            Strict::WithoutDoubt => {
                // Unread pages have a list of their own.
                issues
                    .retain(|issue| issue.code.doubts_reading() && issue.code != IssueCode::Unread);
                !self.complete || !issues.is_empty()
            }
        };
        if refused {
            return Err(Rejection::incomplete(self.unread, issues));
        }
        Ok(self)
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

/// Splits a page's result into its answer and its remark. `None` stands for a page that the deadline cut off.
pub(crate) fn settle(number: u32, result: Option<Result<PageRead, Failure>>) -> (Page, Remark) {
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
        // All pages that the deadline cut off share one issue.
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

/// Combines the remarks of all pages. `counted` describes the whole document; `to_the_end` is true if the pages reach
/// its end.
pub(crate) fn conclude(
    mut remarks: Vec<Remark>,
    counted: Counted,
    to_the_end: bool,
) -> Result<Conclusion, Rejection> {
    remarks.sort_by_key(|remark| remark.page);
    let pages = remarks.len();
    let cut_off = remarks.iter().filter(|remark| remark.late).count();
    if cut_off == pages {
        return Err(too_late());
    }
    if remarks.iter().all(|remark| remark.fault.is_some()) {
        // No page can be read, so the whole request is a problem. The first fault explains it.
        if let Some(fault) = remarks.iter_mut().find_map(|remark| remark.fault.take()) {
            return Err(of_fault(fault));
        }
    }
    let unread: Vec<UnreadPage> = remarks.iter().filter_map(Remark::unread).collect();
    let mut codes = Vec::new();
    let mut issues = counted.issues;
    for remark in remarks {
        codes.extend(remark.codes);
        issues.extend(remark.issues);
    }
    if cut_off > 0 {
        let detail = format!(
            "{cut_off} of {pages} pages were not read before the deadline; request them with `pages`."
        );
        issues.push(Issue::new(IssueCode::Unread, detail));
    }
    ocr_codes::agree(&mut codes);
    let in_doubt = ocr_codes::differences(&codes).into_iter();
    issues.extend(in_doubt.map(|detail| Issue::new(IssueCode::CodeInDoubt, detail)));
    Ok(Conclusion {
        complete: unread.is_empty() && !(counted.lacks_pages && to_the_end),
        codes,
        issues,
        unread,
    })
}

/// The status of a page without a result, and the reason, as a sentence that follows the page's number.
pub(crate) fn unread_for(failure: &Failure) -> (PageStatus, String) {
    match failure {
        Failure::Fault(fault) => (status_of(fault.kind), fault.detail.clone()),
        Failure::Crashed => (
            PageStatus::Crashed,
            "the worker that read it crashed.".to_owned(),
        ),
        Failure::TimedOut => {
            let reason = "it took longer than the time limit for a page.";
            (PageStatus::Timeout, reason.to_owned())
        }
        Failure::NoRoom => {
            let reason = "there was no memory left for its answer; ask for fewer pages at a time, or for application/x-ndjson.";
            (PageStatus::Skipped, reason.to_owned())
        }
        Failure::Refused(_) => {
            let reason = "it was not tried, because the document crashed two workers.";
            (PageStatus::Skipped, reason.to_owned())
        }
    }
}

pub(crate) fn cut_off() -> (PageStatus, String) {
    let reason = "it was not read before the deadline.";
    (PageStatus::Skipped, reason.to_owned())
}

fn status_of(kind: FaultKind) -> PageStatus {
    match kind {
        FaultKind::TooLarge => PageStatus::TooLarge,
        FaultKind::Engine => PageStatus::Crashed,
        FaultKind::Corrupt
        | FaultKind::Unsupported
        | FaultKind::Encrypted
        | FaultKind::WrongPassword
        | FaultKind::NoPages => PageStatus::Corrupt,
    }
}

pub(crate) fn of_fault(fault: Fault) -> Rejection {
    let kind = match fault.kind {
        FaultKind::Corrupt => ProblemKind::Corrupt,
        FaultKind::Encrypted => ProblemKind::Encrypted,
        FaultKind::WrongPassword => ProblemKind::Password,
        FaultKind::NoPages => ProblemKind::NoPages,
        FaultKind::TooLarge => ProblemKind::PageTooLarge,
        FaultKind::Unsupported => ProblemKind::Type,
        FaultKind::Engine => ProblemKind::Internal,
    };
    Rejection::new(kind, fault.detail)
}

pub(crate) fn too_late() -> Rejection {
    Rejection::new(
        ProblemKind::Deadline,
        "No page was read before the deadline; ask for fewer pages at a time, or try again when the service is less busy.",
    )
}

fn unread(page: u32, status: PageStatus) -> Page {
    Page {
        page,
        status,
        method: None,
        engine: None,
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
    use std::time::Duration;

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

    fn concluded(remarks: Vec<Remark>) -> Result<Conclusion, Rejection> {
        let pages = remarks.len() as u32;
        conclude(remarks, Counted::pages(pages), true)
    }

    #[test]
    fn answers_every_page_whatever_its_result() {
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
        // Pages finish in any order; the answer lists them by number.
        remarks.reverse();
        let conclusion = concluded(remarks).unwrap();
        assert!(!conclusion.complete);
        let sentences = sentences(&conclusion.issues);
        let starts: Vec<&str> = sentences.iter().map(|text| &text[..6]).collect();
        assert_eq!(
            starts,
            ["Page 2", "Page 3", "Page 4", "Page 5", "Page 6", "1 of 7"]
        );
    }

    #[test]
    fn rejects_a_document_without_a_readable_page() {
        let kind = |results| concluded(settled(results).1).unwrap_err().kind();
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
    fn answers_a_document_whose_only_page_crashed() {
        let (statuses, remarks) = settled(vec![Some(Err(Failure::Crashed))]);
        assert_eq!(statuses, [PageStatus::Crashed]);
        assert!(!concluded(remarks).unwrap().complete);
    }

    fn read_with(issues: Vec<Issue>) -> Vec<Remark> {
        let read = PageRead {
            page: unread(1, PageStatus::Ok),
            codes: Vec::new(),
            issues,
        };
        settled(vec![Some(Ok(read))]).1
    }

    #[test]
    fn rejects_doubts_in_strict_mode() {
        let outcome = |code, strict| {
            let remarks = read_with(vec![Issue::new(code, "why")]);
            concluded(remarks).unwrap().or_nothing(strict)
        };
        for code in IssueCode::ALL {
            assert!(outcome(code, Strict::No).is_ok());
            assert!(outcome(code, Strict::Complete).is_ok());
        }
        let refused = outcome(IssueCode::LowConfidence, Strict::WithoutDoubt).unwrap_err();
        let problem = refused.into_problem("r");
        assert_eq!(problem.kind, ProblemKind::Incomplete);
        assert_eq!(problem.issues[0].page, Some(1));
        for code in [IssueCode::CodeInDoubt, IssueCode::Attachments] {
            assert!(outcome(code, Strict::WithoutDoubt).is_ok());
        }
    }

    #[test]
    fn marks_a_document_that_lacks_pages_as_incomplete() {
        let counted = Counted {
            lacks_pages: true,
            issues: vec![Issue::new(IssueCode::MissingPages, "why")],
            ..Counted::pages(1)
        };
        let concluded =
            |to_the_end| conclude(read_with(Vec::new()), counted.clone(), to_the_end).unwrap();
        assert!(concluded(false).complete && concluded(false).or_nothing(Strict::Complete).is_ok());
        let whole = concluded(true);
        assert!(!whole.complete);
        let problem = whole
            .or_nothing(Strict::Complete)
            .unwrap_err()
            .into_problem("r");
        assert_eq!(problem.issues[0].code, IssueCode::MissingPages);
    }
}
