//! Libraries, models and language data that are loaded before any copy is made. All workers share them, because a
//! worker's memory is the template's until the worker writes to it. No document has been seen by then.

use super::doubts::Scripts;
use super::pdf::{PdfReader, Shapes};
use super::recognizer::{self, Recognizer, Recognizers};
use super::{WorkerError, library, recognizer_error, sample};
use ocr_api::health::{Engine, Sandbox};
use ocr_ppocr::PpOcr;
use ocr_protocol::WorkerSettings;

/// A page with a word in a font that it does not contain.
const PDF: &[u8] = b"%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R
/Resources<</Font<</F<</Type/Font/Subtype/TrueType/BaseFont/Verdana>>>>>>>>endobj
4 0 obj<</Length 28>>stream
BT/F 9 Tf 9 9 Td(Ready)Tj ET
endstream endobj
trailer<</Root 1 0 R>>
";

/// Everything that a worker reads documents with.
pub(super) struct Loaded {
    pub(super) recognizer: Recognizer,
    pub(super) pdf: PdfReader,
    pub(super) pp_ocr: Option<PpOcr>,
    pub(super) scripts: Scripts,
    /// Shapes of the characters of common fonts.
    pub(super) shapes: Shapes,
    /// Build of Tesseract.
    library: Option<String>,
}

impl Loaded {
    /// Loads everything and reads the sample. Work that libraries do at their first page is done once for all copies.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub(super) fn load(settings: &WorkerSettings) -> Result<Self, WorkerError> {
        let recognizer = Recognizer::load(&settings.languages).map_err(recognizer_error)?;
        let pdf = PdfReader::load(&settings.pdfium).map_err(WorkerError::Pdf)?;
        let mut this = Self {
            scripts: Scripts::load(&recognizer.language_data()),
            recognizer,
            pdf,
            shapes: Shapes::draw(pdf),
            pp_ocr: settings
                .pp_ocr
                .as_deref()
                .map(PpOcr::load)
                .transpose()
                .map_err(recognizer_error)?,
            // `/proc` can't be read within the sandbox.
            library: library::in_use().ok(),
        };
        this.read_sample()?;
        // Copies don't need to search for fonts again, either. If this PDF can't be drawn, requests for PDFs report it.
        if let Ok(document) = this.pdf.open(PDF.to_vec()) {
            let _ = document.preview(0, 64);
        }
        Ok(this)
    }

    pub(super) fn recognizers(&mut self, second_pass_lines: u32) -> Recognizers<'_> {
        Recognizers {
            tesseract: &mut self.recognizer,
            pp_ocr: self.pp_ocr.as_mut(),
            scripts: &mut self.scripts,
            second_pass_lines,
        }
    }

    /// Checks that recognition works.
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub(super) fn read_sample(&mut self) -> Result<(), WorkerError> {
        sample::check(&mut self.recognizer, self.pp_ocr.as_mut())
    }

    /// Versions of the engine, for answers.
    pub(super) fn engine(&self, settings: &WorkerSettings, sandbox: &Sandbox) -> Engine {
        Engine {
            tesseract: Some(recognizer::version()),
            library: self.library.clone(),
            pp_ocr: self.pp_ocr.is_some().then(|| ocr_ppocr::NAME.to_owned()),
            languages: settings.languages.clone(),
            pdf: true,
            sandbox: sandbox.clone(),
        }
    }
}
