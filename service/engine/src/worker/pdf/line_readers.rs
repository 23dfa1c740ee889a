//! Ways to read a word from its picture: known shapes of letters, and two recognizers that each read a line. If both
//! read the same, it is right.

use image::GrayImage;
use ocr_ppocr::PpOcr;

use super::shapes::Shapes;
use crate::worker::recognizer::Recognizer;

pub(in crate::worker) struct LineReaders<'a> {
    pub(in crate::worker) tesseract: &'a mut Recognizer,
    pub(in crate::worker) pp_ocr: Option<&'a mut PpOcr>,
    pub(in crate::worker) shapes: &'a Shapes,
    /// Languages for Tesseract.
    pub(in crate::worker) languages: &'a str,
}

impl LineReaders<'_> {
    /// Reads a line with PP-OCR, if it is installed. Returns an empty text if it fails.
    pub(in crate::worker) fn first(&mut self, line: &GrayImage) -> String {
        match &mut self.pp_ocr {
            Some(model) => model
                .skim_line(line)
                .map(|read| read.text)
                .unwrap_or_default(),
            None => self.second(line),
        }
    }

    /// Reads a line with Tesseract.
    pub(in crate::worker) fn second(&mut self, line: &GrayImage) -> String {
        let read = self.tesseract.read_line(line, self.languages);
        read.map(|(text, _)| text).unwrap_or_default()
    }
}
