//! PP-OCRv6: a detector finds the lines of text on a page, and recognizers read them, one after the other.
//!
//! The models are PaddleOCR's, in ONNX's format, and run on the calling thread only: a process that makes copies of
//! itself must have no second thread.

mod cut;
mod decode;
mod detector;
mod doubts;
mod line;
mod order;
mod page;
mod recognizer;
mod rectangle;
mod regions;
mod runtime;
mod words;

use std::path::Path;

pub use line::{Line, Word};
pub use page::Page;
pub use recognizer::ReadLine;

use decode::Characters;
use detector::Detector;
use recognizer::LineRecognizer;
use runtime::Runtime;

/// Name in answers and in `/readyz`.
pub const NAME: &str = "pp-ocrv6";

/// Reason for which models can't be loaded, or don't run.
#[derive(Debug, thiserror::Error)]
pub enum PpOcrError {
    #[error("can't load ONNX Runtime from {path}: {cause}")]
    Runtime { path: String, cause: String },
    #[error("can't load {path}: {cause}")]
    Load { path: String, cause: String },
    #[error("a model of PP-OCR failed: {0}")]
    Run(String),
}

impl From<ort::Error> for PpOcrError {
    fn from(error: ort::Error) -> Self {
        Self::Run(error.to_string())
    }
}

/// The loaded models.
#[derive(Debug)]
pub struct PpOcr {
    pub(crate) detector: Detector,
    /// Reads every line. It takes a fifth of the other's time, and its confidence shows which lines it misread.
    pub(crate) fast: LineRecognizer,
    /// Reads lines in doubt.
    pub(crate) accurate: LineRecognizer,
}

impl PpOcr {
    /// Loads ONNX Runtime's `libonnxruntime.so` from a directory, and the models `detector.onnx`, `fast.onnx` and
    /// `accurate.onnx`, the recognizers' with their dictionaries `fast.txt` and `accurate.txt`.
    ///
    /// `ORT_DISABLE_TELEMETRY=1` has to be in the environment. Without it, ONNX Runtime starts a thread, opens a database in
    /// the home directory and connects to its makers' host, all before an option of its interface takes effect.
    ///
    /// # Errors
    /// A file is missing or is not what its name says.
    pub fn load(directory: &Path) -> Result<Self, PpOcrError> {
        let runtime = Runtime::load(&directory.join("libonnxruntime.so"))?;
        Ok(Self {
            detector: Detector::load(&runtime, &directory.join("detector.onnx"))?,
            fast: LineRecognizer::load(&runtime, directory, "fast")?,
            accurate: LineRecognizer::load(&runtime, directory, "accurate")?,
        })
    }

    /// Reads the ASCII characters in a picture of one line, such as a part of a page that was enlarged.
    ///
    /// # Errors
    /// [`PpOcrError::Run`]
    pub fn read_line(&mut self, line: &image::GrayImage) -> Result<ReadLine, PpOcrError> {
        self.accurate.read(&cut::scaled(line), Characters::Ascii)
    }

    /// The same in a fifth of the time, with more errors.
    ///
    /// # Errors
    /// [`PpOcrError::Run`]
    pub fn skim_line(&mut self, line: &image::GrayImage) -> Result<ReadLine, PpOcrError> {
        self.fast.read(&cut::scaled(line), Characters::Ascii)
    }
}
