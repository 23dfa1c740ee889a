//! PP-OCR's recognizers: a picture of one line in, its characters out.

use std::fs;
use std::path::Path;

use image::GrayImage;

use crate::PpOcrError;
use crate::decode::{Characters, Dictionary, Glyph, decode};
use crate::runtime::{Model, Runtime};

/// Columns of gray to the right of a line, which the models were trained with.
const MARGIN: usize = 8;

#[derive(Debug)]
pub(crate) struct LineRecognizer {
    model: Model,
    dictionary: Dictionary,
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadLine {
    pub text: String,
    /// Confidence of the least certain character, 0 to 100.
    pub confidence: f32,
    pub(crate) glyphs: Vec<Glyph>,
}

impl ReadLine {
    pub(crate) fn of(glyphs: Vec<Glyph>) -> Self {
        let confidence = glyphs.iter().map(|glyph| glyph.confidence);
        Self {
            text: glyphs.iter().map(|glyph| glyph.text.as_str()).collect(),
            confidence: confidence.reduce(f32::min).unwrap_or_default() * 100.0,
            glyphs,
        }
    }

    /// Its characters, within a part of a line, without spaces at the ends. Edges are shares of the line's width.
    pub(crate) fn placed(self, from: f32, to: f32) -> impl Iterator<Item = Glyph> {
        let is_letter = |glyph: &Glyph| glyph.text != " ";
        let first = self.glyphs.iter().position(is_letter).unwrap_or(0);
        let end = self
            .glyphs
            .iter()
            .rposition(is_letter)
            .map_or(0, |at| at + 1);
        let within = self.glyphs.into_iter().take(end).skip(first);
        within.map(move |glyph| Glyph {
            at: from + glyph.at * (to - from),
            ..glyph
        })
    }

    /// Mean of the characters' confidences, 0 to 1.
    pub(crate) fn mean(&self) -> f32 {
        let sum: f32 = self.glyphs.iter().map(|glyph| glyph.confidence).sum();
        sum / self.glyphs.len().max(1) as f32
    }
}

impl LineRecognizer {
    pub(crate) fn load(runtime: &Runtime, models: &Path, name: &str) -> Result<Self, PpOcrError> {
        let path = models.join(name).with_extension("txt");
        let dictionary = fs::read_to_string(&path).map_err(|error| PpOcrError::Load {
            path: path.display().to_string(),
            cause: error.to_string(),
        })?;
        Ok(Self {
            model: runtime.model(&path.with_extension("onnx"))?,
            dictionary: Dictionary::of(&dictionary),
        })
    }

    /// Reads a line of [`crate::cut::HEIGHT`] pixels.
    pub(crate) fn read(
        &mut self,
        line: &GrayImage,
        characters: Characters,
    ) -> Result<ReadLine, PpOcrError> {
        let mut input = Vec::new();
        let width = line.width() as usize + MARGIN;
        // Three equal channels, from -1 to 1.
        for _ in 0..3 {
            for row in line.as_raw().chunks_exact(line.width() as usize) {
                input.extend(row.iter().map(|gray| f32::from(*gray) / 127.5 - 1.0));
                input.extend(std::iter::repeat_n(0.0, MARGIN));
            }
        }
        let dictionary = &self.dictionary;
        let mut glyphs =
            self.model
                .run(&input, (width as u32, line.height()), |shape, values| {
                    let classes = shape.last().copied().unwrap_or_default();
                    decode(
                        values,
                        usize::try_from(classes).unwrap_or(0),
                        dictionary,
                        characters,
                    )
                })?;
        for glyph in &mut glyphs {
            glyph.at *= width as f32 / line.width() as f32;
        }
        Ok(ReadLine::of(glyphs))
    }
}
