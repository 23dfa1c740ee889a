//! Sample picture. A worker that reads it correctly is ready, because library, model and data all work.

use ocr_api::answer::DocumentType;
use ocr_ppocr::{PpOcr, PpOcrError};

use super::recognizer::Recognizer;
use super::{WorkerError, line};

/// 11 pt Helvetica at 150 dpi, drawn by `service/tests/fixtures/make.sh`.
const SAMPLE: &[u8] = include_bytes!("sample.png");
const TEXT: &str = "Ready to read 2468";

pub(super) fn check(
    recognizer: &mut Recognizer,
    pp_ocr: Option<&mut PpOcr>,
) -> Result<(), WorkerError> {
    let engine = |message: String| WorkerError::Recognizer(message);
    let scan = ocr_image::decode(DocumentType::Png, SAMPLE, 0, 1_000_000)
        .map_err(|fault| engine(fault.detail))?;
    let (read, _) = recognizer
        .read(&scan, "")
        .map_err(|error| engine(error.to_string()))?;
    let mut readings = vec![read.trim().to_owned()];
    if let (Some(model), Some(whole)) = (pp_ocr, scan.picture([0, 0, i32::MAX, i32::MAX])) {
        let failed = |error: PpOcrError| engine(error.to_string());
        let line = line::straighten(&whole);
        readings.push(model.read_line(&line).map_err(failed)?.text);
        readings.push(model.skim_line(&line).map_err(failed)?.text);
        let page = model.read(&whole, whole.width()).map_err(failed)?;
        let words = page.lines.iter().flat_map(|line| &line.words);
        let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
        readings.push(words.join(" "));
    }
    for read in readings {
        if read != TEXT {
            return Err(WorkerError::Sample { read, wanted: TEXT });
        }
    }
    Ok(())
}
