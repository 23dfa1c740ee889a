//! A document that was read, with its pages in the words of a report.

use ocr_api::answer::{Answer, Page, PageOutcome, PageStatus};
use ocr_api::code::Code;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::client::Read;

/// A document that was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The file's name as given by the user.
    pub file: &'a str,
    pub read: &'a Read,
}

/// The same with `--json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Line<'a> {
    /// Name as given.
    file: &'a str,
    /// True if each requested page was read to its end.
    complete: bool,
    /// Notes for people, in sentences.
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Vec<PageLine<'a>>>,
    /// Like in the service's answers (docs/api.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    codes: Option<&'a [Code]>,
    /// The service's answer, as it describes it itself (`/openapi.json`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    answer: Option<&'a Answer>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PageLine<'a> {
    /// Counted from 1.
    pub(super) page: u32,
    /// Outcome of the page.
    pub(super) status: PageStatus,
    /// Of the page, in reading order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
}

impl<'a> PageLine<'a> {
    fn of(page: &'a Page) -> Self {
        Self {
            page: page.page,
            status: page.status,
            text: Some(&page.text),
        }
    }

    fn of_outcome(page: &'a PageOutcome) -> Self {
        Self {
            page: page.page,
            status: page.status,
            text: None,
        }
    }
}

impl Reading<'_> {
    pub fn is_complete(&self) -> bool {
        match self.read {
            Read::Text(answer) | Read::Whole(answer) => answer.complete,
            Read::Codes(answer) => answer.complete,
        }
    }

    pub(super) fn warnings(&self) -> &[String] {
        match self.read {
            Read::Text(answer) | Read::Whole(answer) => &answer.warnings,
            Read::Codes(answer) => &answer.warnings,
        }
    }

    pub(super) fn pages(&self) -> Vec<PageLine<'_>> {
        match self.read {
            Read::Text(answer) | Read::Whole(answer) => {
                answer.pages.iter().map(PageLine::of).collect()
            }
            Read::Codes(answer) => answer.pages.iter().map(PageLine::of_outcome).collect(),
        }
    }

    /// Those that were not read to their end, in words: `page 3 was not read (timeout)`.
    pub(super) fn unread(&self) -> Vec<String> {
        let pages = self.pages().into_iter();
        pages
            .filter(|page| !page.status.is_complete())
            .map(|page| format!("page {} was not read ({})", page.page, name(page.status)))
            .collect()
    }

    pub(super) fn line(&self) -> Line<'_> {
        let (pages, codes, answer) = match self.read {
            Read::Text(_) => (Some(self.pages()), None, None),
            Read::Codes(answer) => (Some(self.pages()), Some(&*answer.codes), None),
            Read::Whole(answer) => (None, None, Some(answer)),
        };
        Line {
            file: self.file,
            complete: self.is_complete(),
            warnings: self.warnings(),
            pages,
            codes,
            answer,
        }
    }
}

fn name(status: PageStatus) -> &'static str {
    match status {
        PageStatus::Ok => "ok",
        PageStatus::Empty => "empty",
        PageStatus::Unreadable => "unreadable",
        PageStatus::Timeout => "timeout",
        PageStatus::Crashed => "crashed",
        PageStatus::TooLarge => "too large",
        PageStatus::Skipped => "skipped",
        PageStatus::Corrupt => "corrupt",
    }
}
