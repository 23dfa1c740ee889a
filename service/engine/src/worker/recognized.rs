//! Text as a recognizer read it.

use super::ffi::tesseract::RawWord;

/// The text that was recognized, with its words in the order of reading.
#[derive(Debug, Clone, Default)]
pub(super) struct Recognized {
    pub(super) text: String,
    pub(super) words: Vec<RawWord>,
    /// Degrees by which most of the text is rotated clockwise, where the engine can tell: 0, 90, 180 or 270.
    pub(super) rotated: Option<u32>,
    /// Lines that PP-OCR found and could not read.
    pub(super) unread: Vec<[i32; 4]>,
}

impl Recognized {
    /// Share of the text that was found and could not be read.
    pub(super) fn unread_share(&self) -> f32 {
        let unread = self.unread.iter().map(|[left, _, right, _]| right - left);
        unread.sum::<i32>() as f32 / self.length().max(1) as f32
    }

    /// Length of the text, in pixels.
    pub(super) fn length(&self) -> i32 {
        let words = self.words.iter().map(|word| word.bounds);
        let places = words.chain(self.unread.iter().copied());
        places.map(|[left, _, right, _]| right - left).sum()
    }

    pub(super) fn of(page: &ocr_ppocr::Page) -> Self {
        let mut text = String::new();
        for (at, line) in page.lines.iter().enumerate() {
            if at > 0 {
                text.push_str(if line.begins_paragraph { "\n\n" } else { "\n" });
            }
            let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
            text.push_str(&words.join(" "));
        }
        let words = page.lines.iter().flat_map(|line| &line.words);
        Self {
            text,
            words: words
                .map(|word| RawWord {
                    text: word.text.clone(),
                    confidence: word.confidence * 100.0,
                    bounds: rounded(word.bounds),
                })
                .collect(),
            unread: page.unread.iter().copied().map(rounded).collect(),
            rotated: Some(page.rotated),
        }
    }
}

fn rounded(bounds: [f32; 4]) -> [i32; 4] {
    bounds.map(|edge| edge.round() as i32)
}
