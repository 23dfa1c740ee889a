//! A worker is ready when it has read this picture correctly: library, model and data all work.

use ocr_api::answer::DocumentType;

use super::recognizer::Recognizer;
use super::{WorkerError, image};

/// 11 pt Helvetica at 150 dpi, drawn by `cargo run --release -p ocr-service --example sample`.
const SAMPLE: &[u8] = include_bytes!("sample.png");
const TEXT: &str = "Ready to read 2468";

pub(super) fn check(recognizer: &mut Recognizer) -> Result<(), WorkerError> {
    let engine = |message: String| WorkerError::Recognizer(message);
    let scan = image::decode(DocumentType::Png, SAMPLE, 0, 1_000_000)
        .map_err(|fault| engine(fault.detail))?;
    let (read, _) = recognizer
        .read(&scan, "")
        .map_err(|error| engine(error.to_string()))?;
    if read.trim() == TEXT {
        Ok(())
    } else {
        Err(WorkerError::Sample { read, wanted: TEXT })
    }
}
