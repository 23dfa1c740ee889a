//! Results of documents: text, answers or codes.

use ocr_api::answer::{Answer, CodesAnswer};
use ocr_api::code::{Code, Source};

use super::json::{Body, Own};
use super::printable::{printable, printable_json};
use super::reading::Reading;
use super::{Inner, Report};
use crate::client::{Progress, Read};
use ocrctl_protocol::Level;

/// Moves while several documents are read.
const ALL: &str = "all";
const TYPE: usize = 14;
const CHECK: usize = 12;
const SOURCE: usize = 11;

/// Documents that are shown one after the other.
#[derive(Debug)]
pub struct Readings {
    /// The number of documents.
    count: usize,
    /// Of the longest name.
    width: usize,
    /// True if codes have been shown.
    begun: bool,
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

    /// Shows the progress of a document. With `--json`, its pages come with the document.
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
    /// Shows the number of documents done.
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
                // Text of a document must not move the cursor of a terminal. A file gets it unchanged.
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

    /// Renders text like the service's own format; with several documents, each below its name.
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

#[cfg(test)]
mod tests;
