//! Reads the content of a page and fills in its part of the answer.

pub(super) mod answer;
mod layer;

use std::io;
use std::time::Instant;

use ocr_api::answer::{Method, Page, PageStatus, Word};
use ocr_api::code::Recognizer as Name;
use ocr_api::issue::{Issue, IssueCode};
use ocr_codes::Barcode;
use ocr_codes::rules::RuleFinder;
use ocr_protocol::{EngineChoice, Fault, FaultKind, How, Mode, PageRead};

use super::doubts::{self, AsRead, Foreign, UnreadInk};
use super::ffi::tesseract::RawWord;
use super::pdf::Layer;
use super::recognized::Recognized;
use super::recognizer::{Reading, RecognizerError, Recognizers};
use super::second_pass::{self, Redraw};
use super::share::{self, Helpers};
use super::upright::{self, Coarse, Upright};
use super::{Content, Scan, barcodes, light, merge};
use answer::tenths;

/// Least share of the text that PP-OCR found which Tesseract has to find as well.
const MOSTLY: f32 = 0.75;

/// Everything needed to read pages.
pub(super) struct PageReader<'a> {
    pub(super) recognizers: Recognizers<'a>,
    pub(super) redraw: Redraw<'a>,
    pub(super) rules: &'a RuleFinder,
    pub(super) helpers: Helpers<'a>,
}

/// Reason for which a page was not read.
enum Unread {
    Engine(RecognizerError),
    Barcodes(Fault),
    /// The connection to the service failed.
    Io(io::Error),
}

impl From<RecognizerError> for Unread {
    fn from(error: RecognizerError) -> Self {
        Self::Engine(error)
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl PageReader<'_> {
    /// Reads a page; `number` is counted from 1. `ms` stays 0, because the service's clock includes decoding.
    ///
    /// # Errors
    /// The connection to the service failed. Faults of the page are the inner result.
    pub(super) fn read(
        &mut self,
        number: u32,
        content: Content,
        how: &How,
    ) -> io::Result<Result<PageRead, Fault>> {
        let mut search = Search {
            content: &content,
            found: (!how.codes.wants_barcodes()).then(Vec::new),
        };
        match self.with_barcodes(number, &content, &mut search, how) {
            Ok(read) => Ok(Ok(read)),
            Err(Unread::Engine(error)) => Ok(Err(Fault::new(FaultKind::Engine, error.to_string()))),
            Err(Unread::Barcodes(fault)) => Ok(Err(fault)),
            Err(Unread::Io(error)) => Err(error),
        }
    }

    fn with_barcodes(
        &mut self,
        number: u32,
        content: &Content,
        search: &mut Search<'_>,
        how: &How,
    ) -> Result<PageRead, Unread> {
        let in_barcodes = |barcodes: &[Barcode], rules| {
            ocr_codes::in_barcodes(barcodes, number, &how.codes, rules)
        };
        let mut read = match content {
            Content::Layer(layer, _, uncovered) => {
                let mut read = self.of_layer(number, layer, how);
                read = match uncovered {
                    Some(part) => {
                        let coarse = Coarse::of(&part.scan);
                        let redraw = self.redraw;
                        // A part has pixels of its own.
                        self.redraw = &|_, _| None;
                        let recognized = self.of_scan(number, &part.scan, &coarse, search, how);
                        self.redraw = redraw;
                        layer::mixed(read, recognized?, part)
                    }
                    None => read,
                };
                let hidden = layer::hidden(&layer.hidden, &read.page.words, how.mode);
                read.issues.splice(0..0, hidden);
                read
            }
            Content::Scan(scan, coarse) => {
                if how.codes_only && how.mode == Mode::Auto {
                    let barcodes = search.found()?;
                    let codes = in_barcodes(barcodes, self.rules);
                    if how
                        .codes
                        .is_answered(|name| codes.iter().any(|code| code.kind == name))
                    {
                        return Ok(PageRead {
                            page: answer::unrecognized(number, scan, !barcodes.is_empty()),
                            codes,
                            issues: Vec::new(),
                        });
                    }
                }
                self.of_scan(number, scan, coarse, search, how)?
            }
        };
        read.codes.extend(in_barcodes(search.found()?, self.rules));
        Ok(read)
    }

    fn of_layer(&self, number: u32, layer: &Layer, how: &How) -> PageRead {
        let page = answer::of_layer(number, layer);
        let (codes, warnings) = ocr_codes::on_page(&page, &how.codes, self.rules, &mut |_, _| None);
        let mut issues = in_doubt(warnings);
        if layer.undrawn {
            issues.push(Issue::new(
                IssueCode::FontMissing,
                "text in a font that the PDF does not embed could not be drawn, so that it was not compared with what the page \
                 shows. Embed the fonts to have it compared.",
            ));
        }
        PageRead {
            page,
            codes,
            issues,
        }
    }

    /// Reads a scan. Codes are searched for on the upright page, where lines and columns are aligned. Boxes are
    /// converted back after that.
    fn of_scan(
        &mut self,
        number: u32,
        scan: &Scan,
        coarse: &Coarse,
        search: &mut Search<'_>,
        how: &How,
    ) -> Result<PageRead, Unread> {
        let started = Instant::now();
        let dpi = scan.dpi;
        let mut engine = self.recognizers.engine(how);
        let mut languages = how.languages.clone();
        let evened = light::even(scan);
        let mut read = |part: &Scan| {
            self.recognizers
                .read(part, Reading::of(part, engine, &languages))
        };
        let upright = match engine {
            Name::Tesseract => upright::straighten(evened, coarse, Some(&mut read))?,
            Name::PpOcr => upright::straighten(evened, coarse, None)?,
        };
        let (mut sheet, mut cells) = upright.with_cells_closed();
        let reading = Reading::of(&sheet.scan, engine, &languages);
        let mut recognized = self.recognize(&sheet, reading, search)?;
        let mut foreign = match engine {
            Name::PpOcr => Foreign::of(&sheet.scan, &recognized, self.recognizers.scripts),
            Name::Tesseract => None,
        };
        let may_switch = how.engine == EngineChoice::Auto && languages.is_empty();
        let language = match foreign.as_ref().filter(|it| may_switch && it.is_most()) {
            Some(foreign) => self.recognizers.language_of(foreign, &sheet.scan)?,
            None => None,
        };
        foreign = foreign.filter(Foreign::is_known);
        if let Some(language) = language {
            languages = language;
            (engine, foreign) = (Name::Tesseract, None);
            let reading = Reading::of(&sheet.scan, engine, &languages);
            let found = recognized.length();
            recognized = self.recognize(&sheet, reading, search)?;
            // Its analysis of layouts was made for Latin letters, and loses most of some pages in Korean.
            if (recognized.length() as f32) < found as f32 * MOSTLY {
                let column = self.recognizers.read_column(&sheet.scan, &languages)?;
                if column.length() > recognized.length() {
                    recognized = column;
                }
            }
        }
        let mut read = |part: &Scan| {
            self.recognizers
                .read(part, Reading::of(part, engine, &languages))
        };
        let second = upright::second_thought(&sheet, &recognized, &mut read)?;
        let further = second.map(|way| upright.turned_further(way));
        if let Some(further) = &further {
            (sheet, cells) = further.with_cells_closed();
            let reading = Reading::of(&sheet.scan, engine, &languages);
            recognized = self.recognize(&sheet, reading, search)?;
        }
        let unread_lines = recognized.unread_share();
        let Recognized { text, words, .. } = recognized;
        let (turned, as_read) = (sheet.turned, sheet.scan);
        let to_page = |bounds: [i32; 4]| {
            let bounds = cells.as_ref().map_or(bounds, |cells| cells.back(bounds));
            turned.back(bounds)
        };
        let is_part = matches!(search.content, Content::Layer(..));
        let barcodes = search.found()?;
        let is_barcode = |bounds| {
            let [left, top, right, bottom] = to_page(bounds);
            let (x, y) = ((left + right) / 2, (top + bottom) / 2);
            let within = |[left, top, right, bottom]: [i32; 4]| {
                (left..right).contains(&x) && (top..bottom).contains(&y)
            };
            barcodes.iter().any(|barcode| within(barcode.bounds))
        };
        // Words of a part with less confidence do not go into the answer.
        let answered = |word: &&RawWord| !is_part || word.confidence >= merge::CONFIDENT;
        let boxes = words.iter().filter(answered).map(|word| word.bounds);
        let page_as_read = AsRead {
            scan: &as_read,
            words: &words,
            languages: &languages,
            enlarged: turned.enlarged,
            unread: UnreadInk::of(&Coarse::of(&as_read), boxes, is_barcode),
            unread_lines,
            is_part,
        };
        let mut doubts = doubts::of(&page_as_read, self.recognizers.scripts);
        if let Some(foreign) = &foreign {
            doubts.retain(|issue| issue.code != IssueCode::UnreadScript);
            doubts.push(foreign.issue());
        }
        let (width, height) = turned.page();
        let rotation = turned.quarter.and(upright::lying(&words)).degrees();
        let words = words
            .into_iter()
            .map(|word| Word {
                text: word.text,
                confidence: tenths(word.confidence),
                bounds: word.bounds,
                hidden: false,
            })
            .collect();
        let mut page = Page {
            width: Some(width),
            height: Some(height),
            dpi,
            rotation,
            engine: Some(engine),
            ..answer::page(number, Method::Ocr, &text, words)
        };
        let redraw = self.redraw;
        let redraw: Redraw<'_> = if turned.is_as_drawn() && cells.is_none() {
            redraw
        } else {
            &|_, _| None
        };
        let took = started.elapsed();
        let (scan, rules) = (&as_read, self.rules);
        let (mut codes, warnings) =
            second_pass::codes(scan, &page, &mut self.recognizers, redraw, took, rules, how);
        if foreign.is_some_and(|foreign| foreign.is_all()) {
            // Letters of another script are no words of the page.
            page = Page {
                status: PageStatus::Unreadable,
                text: String::new(),
                words: Vec::new(),
                confidence: None,
                ..page
            };
            codes.clear();
        }
        for bounds in page
            .words
            .iter_mut()
            .map(|word| &mut word.bounds)
            .chain(codes.iter_mut().map(|code| &mut code.bounds))
        {
            *bounds = to_page(*bounds);
        }
        let mut issues = in_doubt(warnings);
        issues.extend(doubts);
        Ok(PageRead {
            page,
            codes,
            issues,
        })
    }

    /// Recognizes a page, with the help of idle workers if there are some. Barcodes are searched for while they read.
    /// Boxes refer to the rotated page.
    fn recognize(
        &mut self,
        page: &Upright<'_>,
        reading: Reading<'_>,
        search: &mut Search<'_>,
    ) -> Result<Recognized, Unread> {
        let parts = self.helpers.cut(page, search.is_open())?;
        let Some((own, others)) = parts.split_first() else {
            return Ok(self.recognizers.read(&page.scan, reading)?);
        };
        self.helpers.lend(others, reading)?;
        search.found()?;
        let mut read = vec![(own, self.recognizers.read(&own.scan, reading)?)];
        let collected = self.helpers.collect()?;
        let mut collected = collected.into_iter();
        for part in others {
            let text = match collected.next().flatten() {
                Some(text) => share::answered(text),
                None => self.recognizers.read(&part.scan, reading)?,
            };
            read.push((part, text));
        }
        Ok(share::join(read))
    }
}

/// Barcode search of a page, which is done once.
struct Search<'a> {
    content: &'a Content,
    found: Option<Vec<Barcode>>,
}

impl Search<'_> {
    fn is_open(&self) -> bool {
        self.found.is_none()
    }

    fn found(&mut self) -> Result<&[Barcode], Unread> {
        let found = match self.found.take() {
            Some(found) => found,
            None => barcodes::of(self.content).map_err(Unread::Barcodes)?,
        };
        Ok(self.found.insert(found))
    }
}

/// Doubts about codes.
fn in_doubt(details: Vec<String>) -> Vec<Issue> {
    let issue = |detail| Issue::new(IssueCode::CodeInDoubt, detail);
    details.into_iter().map(issue).collect()
}
