//! Recognizing a page's pixels: one loaded model for each combination of languages in use.

use std::path::PathBuf;

use super::Scan;
use super::ffi::tesseract::{RawWord, Tesseract, TesseractError};

/// Models kept at a time, besides the default one. Each costs some 30 MB.
const MAX_EXTRA_MODELS: usize = 3;

pub(super) struct Recognizer {
    /// The combination and its model; the first is the default and stays.
    models: Vec<(String, Tesseract)>,
}

pub(super) fn version() -> String {
    Tesseract::version()
}

impl Recognizer {
    /// Loads the first language, and makes sure that each of the others could be loaded.
    pub(super) fn load(languages: &[String]) -> Result<Self, TesseractError> {
        let mut models = Vec::new();
        for language in languages {
            let model = Tesseract::load(language)?;
            if models.is_empty() {
                models.push((language.clone(), model));
            }
        }
        Ok(Self { models })
    }

    /// Where languages are loaded from, now and later.
    pub(super) fn language_data(&self) -> PathBuf {
        self.models
            .first()
            .map(|(_, model)| model.data_path())
            .unwrap_or_default()
    }

    /// Reads a page's text and words, in the default language where `languages` is empty.
    pub(super) fn read(
        &mut self,
        scan: &Scan,
        languages: &str,
    ) -> Result<(String, Vec<RawWord>), TesseractError> {
        let model = self.model(languages)?;
        model.read(&scan.pixels, scan.width, scan.height, scan.dpi)
    }

    /// Reads a picture that is one line of text: the text, and its least certain word's confidence, 0 to 100.
    pub(super) fn read_line(
        &mut self,
        line: &image::GrayImage,
        languages: &str,
    ) -> Result<(String, f32), TesseractError> {
        let model = self.model(languages)?;
        let (text, words) = model.read_line(line.as_raw(), line.width(), line.height())?;
        let lowest = words
            .iter()
            .map(|word| word.confidence)
            .fold(100.0, f32::min);
        Ok((text.trim().to_owned(), lowest))
    }

    fn model(&mut self, languages: &str) -> Result<&mut Tesseract, TesseractError> {
        let at = match self.models.iter().position(|(name, _)| name == languages) {
            Some(at) => at,
            None if languages.is_empty() => 0,
            None => self.load_more(languages)?,
        };
        let (_, model) = &mut self.models[at];
        Ok(model)
    }

    fn load_more(&mut self, languages: &str) -> Result<usize, TesseractError> {
        let model = Tesseract::load(languages)?;
        if self.models.len() > MAX_EXTRA_MODELS {
            self.models.remove(1);
        }
        self.models.push((languages.to_owned(), model));
        Ok(self.models.len() - 1)
    }
}
