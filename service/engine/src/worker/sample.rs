//! Sample picture. A worker that reads it correctly is ready, because library, model and data all work.

use ocr_api::answer::DocumentType;

use super::line_recognizer::LineRecognizer;
use super::recognizer::Recognizer;
use super::{WorkerError, line};

/// 11 pt Helvetica at 150 dpi, drawn by `service/tests/fixtures/make.sh`.
const SAMPLE: &[u8] = include_bytes!("sample.png");
const TEXT: &str = "Ready to read 2468";

pub(super) fn check(
    recognizer: &mut Recognizer,
    line_recognizer: Option<&LineRecognizer>,
) -> Result<(), WorkerError> {
    let engine = |message: String| WorkerError::Recognizer(message);
    let scan = ocr_image::decode(DocumentType::Png, SAMPLE, 0, 1_000_000)
        .map_err(|fault| engine(fault.detail))?;
    let (read, _) = recognizer
        .read(&scan, "")
        .map_err(|error| engine(error.to_string()))?;
    let by_line = match (line_recognizer, scan.picture([0, 0, i32::MAX, i32::MAX])) {
        (Some(model), Some(whole)) => {
            let line = model.read(&line::straighten(&whole));
            line.map_err(|error| engine(error.to_string()))?.text
        }
        _ => TEXT.to_owned(),
    };
    for read in [read.trim().to_owned(), by_line] {
        if read != TEXT {
            return Err(WorkerError::Sample { read, wanted: TEXT });
        }
    }
    Ok(())
}
