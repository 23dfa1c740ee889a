//! Recognition of a page's pixels, by PP-OCR or by Tesseract, which has one loaded model for each combination of languages
//! in use.

use std::path::PathBuf;

use image::imageops;
use ocr_api::code::Recognizer as Name;
use ocr_ppocr::{PpOcr, PpOcrError};
use ocr_protocol::{EngineChoice, How};

use super::Scan;
use super::doubts::{Foreign, Scripts};
use super::ffi::tesseract::{RawWord, Tesseract, TesseractError};
use super::recognized::Recognized;

/// Most combinations that stay loaded, besides the single languages. Each costs some 30 MB.
const MAX_COMBINATIONS: usize = 6;
/// Least longer side of a page without words that is read again, smaller by this factor: Tesseract takes letters that are
/// 300 pixels high for pictures.
const LARGE: u32 = 1200;
const REDUCTION: u32 = 4;
/// Least confidence of words on such a page, least height after reduction, and fewest letters and digits. Pictures have a
/// few that are less certain, and of a page in noise only a part would be read.
const CONFIDENT: f32 = 80.0;
const LEAST_HEIGHT: i32 = 30;
const FEWEST: usize = 2;

/// Languages of Tesseract that PP-OCR reads, without being told which one a page is in.
pub const OF_PP_OCR: &[&str] = &[
    "afr", "aze", "bos", "cat", "ces", "chi_sim", "chi_tra", "cym", "dan", "deu", "eng", "epo",
    "est", "eus", "fao", "fin", "fra", "fry", "gla", "gle", "glg", "hrv", "hun", "ind", "isl",
    "ita", "jpn", "lat", "lav", "lit", "ltz", "mlt", "mri", "msa", "nld", "nor", "oci", "pol",
    "por", "que", "ron", "slk", "slv", "spa", "sqi", "srp_latn", "swa", "swe", "tgl", "tur", "uzb",
];

/// The recognizers that read pages.
pub(super) struct Recognizers<'a> {
    pub(super) tesseract: &'a mut Recognizer,
    pub(super) pp_ocr: Option<&'a mut PpOcr>,
    pub(super) scripts: &'a mut Scripts,
    /// Most lines per page that are re-read.
    pub(super) second_pass_lines: u32,
}

/// Pixels of a page, or of a part of it, and the way to read them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) engine: Name,
    /// As Tesseract names them, joined by `+`.
    pub(super) languages: &'a str,
    /// Longer side of the page, in pixels.
    pub(super) side: u32,
}

impl<'a> Reading<'a> {
    /// A whole page.
    pub(super) fn of(page: &Scan, engine: Name, languages: &'a str) -> Self {
        Self {
            engine,
            languages,
            side: page.width.max(page.height),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RecognizerError {
    #[error(transparent)]
    Tesseract(#[from] TesseractError),
    #[error(transparent)]
    PpOcr(#[from] PpOcrError),
    #[error("the models of PP-OCR are not installed")]
    NoPpOcr,
}

impl Recognizers<'_> {
    /// The engine that reads pages first.
    pub(super) fn engine(&self, how: &How) -> Name {
        let needs_tesseract = || {
            let mut languages = how.languages.split('+').filter(|name| !name.is_empty());
            languages.any(|name| !OF_PP_OCR.contains(&name))
        };
        match how.engine {
            EngineChoice::PpOcr => Name::PpOcr,
            EngineChoice::Tesseract => Name::Tesseract,
            EngineChoice::Auto if self.pp_ocr.is_none() || needs_tesseract() => Name::Tesseract,
            EngineChoice::Auto => Name::PpOcr,
        }
    }

    /// An installed language in whose script a page is written. If the script is not known, it is the one in which
    /// Tesseract reads the page with the most confidence.
    pub(super) fn language_of(
        &mut self,
        foreign: &Foreign,
        page: &Scan,
    ) -> Result<Option<String>, RecognizerError> {
        let installed = self.tesseract.languages().map(str::to_owned);
        if foreign.is_known() {
            let mut installed = installed;
            return Ok(installed.find(|language| foreign.is_written_in(language)));
        }
        let others: Vec<String> = installed
            .filter(|language| !OF_PP_OCR.contains(&language.as_str()))
            .collect();
        let mut best = (CONFIDENT, None);
        for language in others {
            let confidence = confidence(&self.tesseract.read(page, &language)?.1);
            if confidence > best.0 {
                best = (confidence, Some(language));
            }
        }
        Ok(best.1)
    }

    /// Reads a page by Tesseract as one column of text.
    pub(super) fn read_column(
        &mut self,
        page: &Scan,
        language: &str,
    ) -> Result<Recognized, RecognizerError> {
        let model = self.tesseract.model(language)?;
        let (text, words) = model.read_column(&page.pixels, page.width, page.height, page.dpi)?;
        Ok(Recognized {
            text,
            words,
            ..Recognized::default()
        })
    }

    pub(super) fn read(
        &mut self,
        scan: &Scan,
        reading: Reading<'_>,
    ) -> Result<Recognized, RecognizerError> {
        match reading.engine {
            Name::Tesseract => {
                let (text, words) = self.tesseract.read(scan, reading.languages)?;
                Ok(Recognized {
                    text,
                    words,
                    rotated: None,
                    unread: Vec::new(),
                })
            }
            Name::PpOcr => {
                let model = self.pp_ocr.as_mut().ok_or(RecognizerError::NoPpOcr)?;
                let Some(picture) = scan.picture([0, 0, i32::MAX, i32::MAX]) else {
                    return Ok(Recognized::default());
                };
                Ok(Recognized::of(&model.read(&picture, reading.side)?))
            }
        }
    }
}

/// Tesseract.
pub(super) struct Recognizer {
    /// Languages, single or combined, and their models. The first is the default.
    models: Vec<(String, Tesseract)>,
    /// Number of single languages, which come first and stay loaded.
    single: usize,
}

pub(super) fn version() -> String {
    Tesseract::version()
}

impl Recognizer {
    /// Loads each of the languages.
    pub(super) fn load(languages: &[String]) -> Result<Self, TesseractError> {
        let models = languages
            .iter()
            .map(|language| Ok((language.clone(), Tesseract::load(language)?)))
            .collect::<Result<Vec<_>, TesseractError>>()?;
        Ok(Self {
            single: models.len(),
            models,
        })
    }

    /// Loads a combination of languages, unless it is loaded already or there are too many.
    pub(super) fn learn(&mut self, languages: &str) {
        let known = self.models.iter().any(|(name, _)| name == languages);
        if !known && !languages.is_empty() && self.models.len() < self.single + MAX_COMBINATIONS {
            // If this fails, the first page in these languages reports the error.
            let _ = self.load_more(languages);
        }
    }

    /// Loads the languages of a document before any of it is read.
    pub(super) fn prepare(&mut self, languages: &str) {
        let _ = self.model(languages);
    }

    /// Directory that languages are loaded from, now and later.
    pub(super) fn language_data(&self) -> PathBuf {
        self.models
            .first()
            .map(|(_, model)| model.data_path())
            .unwrap_or_default()
    }

    /// Reads a page's text and words, in the default language if `languages` is empty.
    pub(super) fn read(
        &mut self,
        scan: &Scan,
        languages: &str,
    ) -> Result<(String, Vec<RawWord>), TesseractError> {
        let model = self.model(languages)?;
        let read = model.read(&scan.pixels, scan.width, scan.height, scan.dpi)?;
        if !read.1.is_empty() || scan.width.max(scan.height) < LARGE {
            return Ok(read);
        }
        let smaller = reduced(scan);
        let (text, mut words) =
            model.read(&smaller.pixels, smaller.width, smaller.height, smaller.dpi)?;
        if confidence(&words) < CONFIDENT || !is_large_text(&words) {
            return Ok(read);
        }
        for side in words.iter_mut().flat_map(|word| &mut word.bounds) {
            *side *= REDUCTION as i32;
        }
        Ok((text, words))
    }

    /// Reads a picture of one line: the text, and the confidence of its least certain word, 0 to 100.
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

    /// The languages among these that are installed, joined by `+`. PP-OCR reads more than these.
    pub(super) fn installed(&self, languages: &str) -> String {
        let single = &self.models[..self.single];
        let named = languages
            .split('+')
            .filter(|name| single.iter().any(|(installed, _)| installed == name));
        named.collect::<Vec<_>>().join("+")
    }

    /// The installed languages, the default first.
    pub(super) fn languages(&self) -> impl Iterator<Item = &str> {
        let single = self.models[..self.single].iter();
        single.map(|(name, _)| name.as_str())
    }

    fn model(&mut self, languages: &str) -> Result<&mut Tesseract, TesseractError> {
        let languages = &self.installed(languages);
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
        if self.models.len() >= self.single + MAX_COMBINATIONS {
            self.models.remove(self.single);
        }
        self.models.push((languages.to_owned(), model));
        Ok(self.models.len() - 1)
    }
}

/// Mean of the words' confidences, weighted by length, because misread text consists of short pieces.
pub(super) fn confidence(words: &[RawWord]) -> f32 {
    let (mut sum, mut length) = (0.0, 0.0);
    for word in words {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
        sum += word.confidence * letters;
        length += letters;
    }
    if length > 0.0 { sum / length } else { 0.0 }
}

fn is_large_text(words: &[RawWord]) -> bool {
    let letters = |word: &RawWord| word.text.chars().filter(|c| c.is_alphanumeric()).count();
    let with_letters = words.iter().filter(|word| letters(word) > 0);
    with_letters.clone().map(letters).sum::<usize>() >= FEWEST
        && with_letters
            .clone()
            .all(|word| word.bounds[3] - word.bounds[1] >= LEAST_HEIGHT)
}

fn reduced(scan: &Scan) -> Scan {
    let width = (scan.width / REDUCTION).max(1);
    let height = (scan.height / REDUCTION).max(1);
    let image = image::GrayImage::from_raw(scan.width, scan.height, scan.pixels.clone());
    Scan {
        pixels: imageops::thumbnail(&image.unwrap_or_default(), width, height).into_raw(),
        width,
        height,
        dpi: scan.dpi.map(|dpi| dpi / REDUCTION),
    }
}
