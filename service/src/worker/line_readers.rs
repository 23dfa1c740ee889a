//! Whatever tells a word's characters by its picture: shapes that are known, and two recognizers that read a line each for
//! itself. What both read is right.

use image::GrayImage;

use super::line_recognizer::LineRecognizer;
use super::pdf::Shapes;
use super::recognizer::Recognizer;

pub(super) struct LineReaders<'a> {
    pub(super) tesseract: &'a mut Recognizer,
    pub(super) line_recognizer: Option<&'a LineRecognizer>,
    pub(super) shapes: &'a Shapes,
    /// For Tesseract.
    pub(super) languages: &'a str,
}

impl LineReaders<'_> {
    /// By the model of lines where there is one. Nothing, where it fails.
    pub(super) fn first(&mut self, line: &GrayImage) -> String {
        match self.line_recognizer {
            Some(model) => model.read(line).map(|read| read.text).unwrap_or_default(),
            None => self.second(line),
        }
    }

    /// By Tesseract.
    pub(super) fn second(&mut self, line: &GrayImage) -> String {
        let read = self.tesseract.read_line(line, self.languages);
        read.map(|(text, _)| text).unwrap_or_default()
    }
}
