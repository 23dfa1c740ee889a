//! An answer of many lines, gathered into one.

use ocr_api::answer::{Answer, Page};
use ocr_api::event::{Begin, End, Event};

use super::ClientError;

#[derive(Debug)]
pub(super) struct Gathering {
    /// True if words are wanted.
    words: bool,
    /// The line that has not come to its end, and how much of it was looked through.
    line: Vec<u8>,
    searched: usize,
    begin: Option<Box<Begin>>,
    pages: Vec<Page>,
    end: Option<End>,
}

impl Gathering {
    pub(super) fn new(words: bool) -> Self {
        Self {
            words,
            line: Vec::new(),
            searched: 0,
            begin: None,
            pages: Vec::new(),
            end: None,
        }
    }

    /// More bytes of the answer. `seen`: pages that have come, and all that will.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        seen: impl Fn(usize, usize),
    ) -> Result<(), ClientError> {
        self.line.extend_from_slice(bytes);
        loop {
            let new = self.line.get(self.searched..).unwrap_or_default();
            let Some(end) = new.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.line.len();
                return Ok(());
            };
            let rest = self.line.split_off(self.searched + end + 1);
            let line = std::mem::replace(&mut self.line, rest);
            self.searched = 0;
            if self.event(&line)? {
                let requested = self.begin.as_ref().map_or(0, |begin| begin.requested.len());
                seen(self.pages.len(), requested);
            }
        }
    }

    /// Returns whether the event reported pages.
    fn event(&mut self, line: &[u8]) -> Result<bool, ClientError> {
        let event = match serde_json::from_slice(line) {
            Ok(event) => event,
            // Answers grow: a line of a later service is passed over.
            Err(_) if is_of_another_kind(line) => return Ok(false),
            Err(source) => return Err(ClientError::NotUnderstood { source }),
        };
        match event {
            Event::Document(begin) => self.begin = Some(begin),
            Event::Page(mut page) => {
                if !self.words {
                    page.words = Vec::new();
                }
                self.pages.push(*page);
            }
            Event::End(end) => self.end = Some(end),
            Event::Problem(problem) => {
                return Err(ClientError::Refused {
                    key: String::new(),
                    problem: Box::new(problem),
                });
            }
        }
        Ok(true)
    }

    pub(super) fn end(mut self) -> Result<Answer, ClientError> {
        let (Some(begin), Some(end)) = (self.begin, self.end) else {
            return Err(ClientError::Cut);
        };
        // They come in the order in which they are done.
        self.pages.sort_by_key(|page| page.page);
        Ok(Answer {
            id: begin.id,
            release: begin.release,
            engine: begin.engine,
            complete: end.complete,
            document: begin.document,
            pages: self.pages,
            codes: end.codes,
            warnings: end.warnings,
            issues: end.issues,
        })
    }
}

fn is_of_another_kind(line: &[u8]) -> bool {
    let line: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let event = line["event"].as_str();
    event.is_some_and(|event| !["document", "page", "end", "problem"].contains(&event))
}
