//! A page as the answer has it.

use ocr_api::answer::{Method, Page, PageStatus, Word};

use crate::worker::Scan;
use crate::worker::pdf::Layer;

pub(super) fn of_layer(number: u32, layer: &Layer) -> Page {
    Page {
        width: Some(layer.width),
        height: Some(layer.height),
        dpi: Some(layer.dpi),
        ..page(number, Method::Text, &layer.text, layer.words.clone())
    }
}

/// A page whose barcodes said all that was asked.
pub(super) fn unrecognized(number: u32, scan: &Scan, has_barcodes: bool) -> Page {
    Page {
        status: if has_barcodes {
            PageStatus::Ok
        } else {
            PageStatus::Empty
        },
        width: Some(scan.width),
        height: Some(scan.height),
        dpi: scan.dpi,
        ..page(number, Method::Barcode, "", Vec::new())
    }
}

/// A page whose size is not known yet.
pub(super) fn page(number: u32, method: Method, text: &str, words: Vec<Word>) -> Page {
    let text = tidy(text);
    Page {
        page: number,
        status: if text.is_empty() {
            PageStatus::Empty
        } else {
            PageStatus::Ok
        },
        method: Some(method),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: mean_confidence(&words),
        text,
        words,
        ms: 0,
    }
}

/// More digits than Tesseract's confidence is worth would only make answers longer.
pub(in crate::worker) fn tenths(confidence: f32) -> f32 {
    (confidence.clamp(0.0, 100.0) * 10.0).round() / 10.0
}

pub(in crate::worker) fn mean_confidence(words: &[Word]) -> Option<f32> {
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
            hidden: false,
        };
        assert_eq!(mean_confidence(&[]), None);
        assert_eq!(mean_confidence(&[word(90.0), word(91.3)]), Some(90.7));
        assert_eq!(tenths(101.0), 100.0);
    }
}
