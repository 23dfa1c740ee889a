//! PP-OCR's recognition model, run by rten: one line of text in, its characters out. It reads the characters that a
//! code can have. It leaves out Chinese, which the model knows.

use std::fs;
use std::path::Path;

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

/// Name in answers and in `/readyz`.
pub(super) const NAME: &str = "pp-ocrv4";
/// Height of the lines that the model was trained with.
const HEIGHT: u32 = 48;
/// Height of the line within it. The model's cost depends on the width, and it reads letters of 31 pixels as well as
/// those of 34.
const LINE: u32 = 44;
/// Widths that are read: from one character to the longest line with a code.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=1600;
/// The model's class for the gap between two characters, and for no character.
const BLANK: usize = 0;

/// The loaded model. Loading takes 30 ms and some 20 MB, which stay in use.
pub(super) struct LineRecognizer {
    model: Model,
    /// The classes that are read, and their characters.
    classes: Vec<(usize, char)>,
}

/// A line that was read.
#[derive(Debug, PartialEq)]
pub(super) struct ReadLine {
    pub(super) text: String,
    /// Confidence of the least certain character, 0 to 100.
    pub(super) confidence: f32,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LineModelError {
    #[error("can't load the line model from {path}: {cause}")]
    Load { path: String, cause: String },
    #[error("the line model failed: {0}")]
    Run(String),
}

impl LineRecognizer {
    /// Loads an ONNX file of PP-OCR, which has its dictionary in its metadata. The model runs on the calling thread,
    /// because a process that makes copies of itself must have no second thread.
    pub(super) fn load(path: &Path) -> Result<Self, LineModelError> {
        let failed = |cause: String| LineModelError::Load {
            path: path.display().to_string(),
            cause,
        };
        // Work that rten distributes goes to rayon's threads, which are only this one. rten's own threads don't start,
        // because `RUST_MIN_STACK` in a template's environment leaves no room for their stacks. rten works without them
        // then.
        rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build_global()
            .map_err(|error| failed(error.to_string()))?;
        let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
        let model = Model::load(bytes).map_err(|error| failed(error.to_string()))?;
        let dictionary = model
            .metadata()
            .fields()
            .find(|(name, _)| *name == "character")
            .map(|(_, characters)| characters.to_owned())
            .ok_or_else(|| failed("it has no dictionary".to_owned()))?;
        let count = dictionary.lines().count();
        let classes = (BLANK + 1..)
            .zip(dictionary.lines())
            .filter_map(|(class, text)| Some((class, single(text)?)))
            .filter(|(_, c)| c.is_ascii_graphic())
            .chain([(count + 1, ' ')])
            .collect();
        Ok(Self { model, classes })
    }

    /// Reads one line: gray, one byte per pixel, rows without padding.
    pub(super) fn read(&self, line: &image::GrayImage) -> Result<ReadLine, LineModelError> {
        let failed = |error: &dyn std::fmt::Display| LineModelError::Run(error.to_string());
        let width = line.width() * LINE / line.height().max(1);
        let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
        let scaled = image::imageops::resize(line, width, LINE, image::imageops::Triangle);
        let above = (HEIGHT - LINE) / 2;
        // Three equal channels, from -1 to 1.
        let input =
            NdTensor::<f32, 4>::from_fn([1, 3, HEIGHT as usize, width as usize], |[_, _, y, x]| {
                let row = (y as u32).saturating_sub(above).min(LINE - 1);
                f32::from(scaled.get_pixel(x as u32, row).0[0]) / 127.5 - 1.0
            });
        let output = self
            .model
            .run_one(input.into(), None)
            .map_err(|error| failed(&error))?;
        let steps: NdTensor<f32, 3> = output.try_into().map_err(|error| failed(&error))?;
        Ok(self.decode(&steps))
    }

    /// Takes the most probable class at each step. Repetitions are one character, unless a blank separates them (CTC).
    fn decode(&self, steps: &NdTensor<f32, 3>) -> ReadLine {
        let mut text = String::new();
        let mut confidence = 1.0f32;
        let mut before = BLANK;
        // Confidence of the current character: that of its best step.
        let mut best = 0.0f32;
        for step in 0..steps.size(1) {
            let likely = |class: usize| steps[[0, step, class]];
            let mut now = (BLANK, ' ', likely(BLANK));
            for &(class, c) in &self.classes {
                if class < steps.size(2) && likely(class) > now.2 {
                    now = (class, c, likely(class));
                }
            }
            let (class, c, probability) = now;
            if class != before {
                if before != BLANK {
                    confidence = confidence.min(best);
                }
                best = 0.0;
                if class != BLANK {
                    text.push(c);
                }
            }
            best = best.max(probability);
            before = class;
        }
        if before != BLANK {
            confidence = confidence.min(best);
        }
        ReadLine {
            text: text.trim().to_owned(),
            confidence: confidence.clamp(0.0, 1.0) * 100.0,
        }
    }
}

fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}
