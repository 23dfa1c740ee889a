//! What was read in documents: text, answers or codes.

use ocr_api::answer::{Answer, CodesAnswer, Page, PageOutcome, PageStatus};
use ocr_api::code::{Code, Source};
use serde::Serialize;

use super::json::{Body, Own};
use super::printable::{printable, printable_json};
use super::{Inner, Report};
use crate::client::{Progress, Read};
use ocrctl_protocol::Level;

/// Moves while several documents are read.
const ALL: &str = "all";
const TYPE: usize = 14;
const CHECK: usize = 12;
const SOURCE: usize = 11;

/// A document that was read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// As the user gave it.
    pub file: &'a str,
    pub read: &'a Read,
}

/// Documents that are shown one after the other.
#[derive(Debug)]
pub struct Readings {
    /// How many there are.
    count: usize,
    /// Of the longest name.
    width: usize,
    /// Whether codes have been shown.
    begun: bool,
}

/// With `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    file: &'a str,
    complete: bool,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Vec<PageLine<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<&'a [Code]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Answer>,
}

#[derive(Debug, Serialize)]
struct PageLine<'a> {
    page: u32,
    status: PageStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
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

    fn warnings(&self) -> &[String] {
        match self.read {
            Read::Text(answer) | Read::Whole(answer) => &answer.warnings,
            Read::Codes(answer) => &answer.warnings,
        }
    }

    fn pages(&self) -> Vec<PageLine<'_>> {
        match self.read {
            Read::Text(answer) | Read::Whole(answer) => {
                answer.pages.iter().map(PageLine::of).collect()
            }
            Read::Codes(answer) => answer.pages.iter().map(PageLine::of_outcome).collect(),
        }
    }

    /// Those that were not read to their end, in words: `page 3 was not read (timeout)`.
    fn unread(&self) -> Vec<String> {
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

impl Report {
    /// Begins to show documents of these names.
    pub fn readings<'a>(&self, names: impl Iterator<Item = &'a str>) -> Readings {
        let widths: Vec<usize> = names.map(|name| printable(name).chars().count()).collect();
        Readings {
            count: widths.len(),
            width: widths.into_iter().max().unwrap_or(0).clamp(4, 40),
            begun: false,
        }
    }

    /// How far a document has come. With `--json`, its pages come with the document.
    pub fn reading(&self, file: &str, progress: Progress) {
        let mut inner = self.lock();
        let Inner { streams, human, .. } = &mut *inner;
        let Some(human) = human else { return };
        let (text, part) = match progress {
            Progress::Sending => ("sending".to_owned(), None),
            Progress::Pages { done, of } => {
                let part = (done as u64, of as u64);
                (format!("page {done} of {of}"), Some(part))
            }
            Progress::Waiting { seconds } => (format!("busy, again in {seconds} s"), None),
        };
        human.progress(streams, &printable(file), text, part);
    }

    /// A document moves no more.
    pub fn read_ended(&self, file: &str) {
        if let Some(human) = &mut self.lock().human {
            human.end(&printable(file));
        }
    }
}

impl Readings {
    /// How many are done.
    pub fn done(&self, report: &Report, done: usize) {
        let mut inner = report.lock();
        let Inner { streams, human, .. } = &mut *inner;
        let Some(human) = human else { return };
        if done == self.count {
            human.end(ALL);
        } else if self.count > 1 {
            let text = format!("{done} of {} documents", self.count);
            human.progress(streams, ALL, text, Some((done as u64, self.count as u64)));
        }
    }

    pub fn show(&mut self, report: &Report, reading: &Reading<'_>) {
        let mut inner = report.lock();
        if inner.human.is_none() {
            drop(inner);
            report.json_line(None, Body::Own(Own::Read(reading.line())));
            return;
        }
        if let Some(human) = &mut inner.human {
            human.end(&printable(reading.file));
        }
        let text = match reading.read {
            Read::Text(answer) => {
                let text = self.text(reading.file, answer);
                // What a stranger wrote moves no cursor here; a file gets it as it is.
                match inner.streams.stdout_is_terminal {
                    true => printable(&text.replace('\x0c', "\n")).into_owned(),
                    false => text,
                }
            }
            // Strings, numbers and lists: nothing here can fail to be JSON.
            Read::Whole(answer) => {
                let json = serde_json::to_string(answer).unwrap_or_default();
                printable_json(&json).into_owned() + "\n"
            }
            Read::Codes(answer) => self.codes(reading.file, answer),
        };
        inner.data(&text);
        drop(inner);
        let warnings = reading.warnings().iter().cloned();
        for warning in reading.unread().into_iter().chain(warnings) {
            let text = format!("{}: {warning}", reading.file);
            report.note(None, Level::Warning, text);
        }
    }

    /// As the service's own format of text has it; of several documents, each below its name.
    fn text(&self, file: &str, answer: &Answer) -> String {
        let pages: Vec<&str> = answer.pages.iter().map(|page| page.text.as_str()).collect();
        let text = pages.join("\x0c");
        match self.count {
            1 => text,
            _ => format!("==> {file} <==\n{text}\n"),
        }
    }

    /// Rows below those of the documents before.
    fn codes(&mut self, file: &str, answer: &CodesAnswer) -> String {
        let width = self.width;
        let row = |cells: [&str; 6]| {
            let [file, page, kind, check, source, value] = cells;
            format!(
                "{file:width$}  {page:>4}  {kind:TYPE$}  {check:CHECK$}  {source:SOURCE$}  {value}\n"
            )
        };
        let mut out = String::new();
        if !answer.codes.is_empty() && !std::mem::replace(&mut self.begun, true) {
            out += &row(["FILE", "PAGE", "TYPE", "CHECK", "SOURCE", "VALUE"]);
        }
        let file = cell(file);
        for code in &answer.codes {
            let page = code.page.to_string();
            let (kind, value) = (cell(&code.kind), cell(&code.value));
            out += &row([&file, &page, &kind, check(code), &sources(code), &value]);
        }
        out
    }
}

/// On one line.
fn cell(text: &str) -> String {
    let text = text.replace('\n', "\\n").replace('\t', "\\t");
    printable(&text).into_owned()
}

fn check(code: &Code) -> &'static str {
    match (&code.check, code.repaired) {
        (None, _) => "none",
        (Some(check), _) if !check.ok => "fails",
        (Some(_), true) => "ok, repaired",
        (Some(_), false) => "ok",
    }
}

/// All that gave the code, joined by `+`.
fn sources(code: &Code) -> String {
    let word = |source: &Source| match source {
        Source::Barcode => "barcode",
        Source::Text => "text",
        Source::Ocr => "ocr",
    };
    let agreement: Vec<&str> = code.agreement.iter().map(word).collect();
    match agreement.as_slice() {
        [] => word(&code.source).to_owned(),
        all => all.join("+"),
    }
}

fn name(status: PageStatus) -> &'static str {
    match status {
        PageStatus::Ok => "ok",
        PageStatus::Empty => "empty",
        PageStatus::Timeout => "timeout",
        PageStatus::Crashed => "crashed",
        PageStatus::TooLarge => "too large",
        PageStatus::Skipped => "skipped",
        PageStatus::Corrupt => "corrupt",
    }
}

#[cfg(test)]
mod tests;
