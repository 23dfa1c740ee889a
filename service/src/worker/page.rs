//! From what is on a page to its place in the answer.

use std::time::Instant;

use ocr_api::answer::{Method, Page, PageStatus, Word};

use super::line_recognizer::LineRecognizer;
use super::recognizer::Recognizer;
use super::second_look::{self, Redraw};
use super::{Content, Scan, barcodes};
use crate::codes::rules::RuleFinder;
use crate::codes::{self, Barcode};
use crate::protocol::{Fault, FaultKind, How, Mode, PageRead};

/// `number` is counted from 1. `ms` is left 0: the service's clock counts decoding too.
pub(super) fn read(
    number: u32,
    content: Content,
    mut eyes: Eyes<'_>,
    redraw: Redraw<'_>,
    rules: &RuleFinder,
    how: &How,
) -> Result<PageRead, Fault> {
    let barcodes = if how.codes.wants_barcodes() {
        barcodes_of(&content)?
    } else {
        Vec::new()
    };
    let in_barcodes = codes::in_barcodes(&barcodes, number, &how.codes, rules);
    let found = |name: &str| in_barcodes.iter().any(|code| code.kind == name);
    let started = Instant::now();
    let page = match &content {
        Content::Scan(scan)
            if how.codes_only && how.mode == Mode::Auto && how.codes.is_answered(found) =>
        {
            unrecognized(number, scan, !barcodes.is_empty())
        }
        _ => build(number, &content, eyes.tesseract, &how.languages)?,
    };
    let took = started.elapsed();
    let (mut codes, warnings) = match &content {
        Content::Scan(scan) => second_look::codes(scan, &page, &mut eyes, redraw, took, rules, how),
        Content::Layer(..) => codes::on_page(&page, &how.codes, rules, &mut |_| None),
    };
    codes.extend(in_barcodes);
    Ok(PageRead {
        page,
        codes,
        warnings,
    })
}

/// What pages are read with.
pub(super) struct Eyes<'a> {
    pub(super) tesseract: &'a mut Recognizer,
    pub(super) line_recognizer: Option<&'a LineRecognizer>,
    /// Lines of a page that are looked at a second time, at most.
    pub(super) second_looks: u32,
}

fn barcodes_of(content: &Content) -> Result<Vec<Barcode>, Fault> {
    match content {
        Content::Scan(scan) => barcodes::read(scan, 0, 0),
        Content::Layer(_, drawings) => {
            let mut found: Vec<Barcode> = Vec::new();
            for part in drawings {
                let more = barcodes::read(&part.scan, part.left, part.top)?;
                // Parts may overlap.
                let new = |one: &Barcode| !found.iter().any(|other| is_same(one, other));
                let more: Vec<Barcode> = more.into_iter().filter(new).collect();
                found.extend(more);
            }
            Ok(found)
        }
    }
}

fn is_same(a: &Barcode, b: &Barcode) -> bool {
    let apart = (0..2)
        .any(|axis| a.bounds[axis] >= b.bounds[axis + 2] || b.bounds[axis] >= a.bounds[axis + 2]);
    !apart && a.format == b.format && a.content == b.content
}

/// A page whose barcodes said all that was asked.
fn unrecognized(number: u32, scan: &Scan, has_barcodes: bool) -> Page {
    Page {
        page: number,
        status: if has_barcodes {
            PageStatus::Ok
        } else {
            PageStatus::Empty
        },
        method: Some(Method::Barcode),
        width: Some(scan.width),
        height: Some(scan.height),
        dpi: scan.dpi,
        rotation: 0,
        confidence: None,
        text: String::new(),
        words: Vec::new(),
        ms: 0,
    }
}

fn build(
    number: u32,
    content: &Content,
    recognizer: &mut Recognizer,
    languages: &str,
) -> Result<Page, Fault> {
    let (method, width, height, dpi, text, words) = match content {
        Content::Layer(layer, _) => (
            Method::Text,
            layer.width,
            layer.height,
            Some(layer.dpi),
            layer.text.clone(),
            layer.words.clone(),
        ),
        Content::Scan(scan) => {
            let (text, words) = recognizer
                .read(scan, languages)
                .map_err(|error| Fault::new(FaultKind::Engine, error.to_string()))?;
            let words = words
                .into_iter()
                .map(|word| Word {
                    text: word.text,
                    confidence: tenths(word.confidence),
                    bounds: word.bounds,
                })
                .collect();
            (Method::Ocr, scan.width, scan.height, scan.dpi, text, words)
        }
    };
    let text = tidy(&text);
    Ok(Page {
        page: number,
        status: if text.is_empty() {
            PageStatus::Empty
        } else {
            PageStatus::Ok
        },
        method: Some(method),
        width: Some(width),
        height: Some(height),
        dpi,
        rotation: 0,
        confidence: mean_confidence(&words),
        text,
        words,
        ms: 0,
    })
}

/// More digits than Tesseract's confidence is worth would only make answers longer.
pub(super) fn tenths(confidence: f32) -> f32 {
    (confidence.clamp(0.0, 100.0) * 10.0).round() / 10.0
}

fn mean_confidence(words: &[Word]) -> Option<f32> {
    if words.is_empty() {
        return None;
    }
    let sum: f64 = words.iter().map(|word| f64::from(word.confidence)).sum();
    let mean = sum / words.len() as f64;
    Some(tenths(mean as f32))
}

/// Lines without white space at their ends, no blank lines first or last, `\n` after the last line.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let joined = lines.join("\n");
    let trimmed = joined.trim_matches('\n').trim_end_matches('\x0c');
    if trimmed.trim().is_empty() {
        String::new()
    } else {
        format!("{trimmed}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tidied_but_its_lines_and_indents_stay() {
        assert_eq!(tidy("\n\n  a b \t\n\nc\n\n\x0c"), "  a b\n\nc\n");
        assert_eq!(tidy(" \n \x0c"), "");
    }

    #[test]
    fn confidence_is_a_mean_in_tenths() {
        let word = |confidence| Word {
            text: "x".into(),
            confidence,
            bounds: [0; 4],
        };
        assert_eq!(mean_confidence(&[]), None);
        assert_eq!(mean_confidence(&[word(90.0), word(91.3)]), Some(90.7));
        assert_eq!(tenths(101.0), 100.0);
    }
}
