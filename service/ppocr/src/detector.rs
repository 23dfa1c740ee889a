//! PP-OCR's detector: a picture of a page in, rectangles around its lines of text out.

use std::path::Path;

use image::GrayImage;
use image::imageops::{self, FilterType};

use crate::PpOcrError;
use crate::rectangle::Rectangle;
use crate::regions::{self, Map};
use crate::runtime::{Model, Runtime};

/// Longer side of the picture that is searched. The cost goes with its area; with less, small print is lost.
const SIDE: u32 = 1280;
/// Both sides are multiples of this.
const STEP: u32 = 32;
/// Mean and standard deviation of the three channels that the model was trained with.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

#[derive(Debug)]
pub(crate) struct Detector(Model);

impl Detector {
    pub(crate) fn load(runtime: &Runtime, path: &Path) -> Result<Self, PpOcrError> {
        runtime.model(path).map(Self)
    }

    /// Rectangles around the lines of text, in pixels of the picture, with their probabilities. The picture is a part of a
    /// page whose longer side has `side` pixels.
    pub(crate) fn find(
        &mut self,
        page: &GrayImage,
        side: u32,
    ) -> Result<Vec<(Rectangle, f32)>, PpOcrError> {
        let (width, height) = size(page, side);
        let smaller = if (width, height) == page.dimensions() {
            page.clone()
        } else {
            shrunk(page, width, height)
        };
        let pixels = smaller.as_raw();
        let mut input = Vec::with_capacity(pixels.len() * 3);
        for (mean, deviation) in MEAN.into_iter().zip(DEVIATION) {
            let values: [f32; 256] =
                std::array::from_fn(|gray| (gray as f32 / 255.0 - mean) / deviation);
            input.extend(pixels.iter().map(|gray| values[usize::from(*gray)]));
        }
        let scale = (
            page.width() as f32 / width as f32,
            page.height() as f32 / height as f32,
        );
        let found = self.0.run(&input, (width, height), |_, values| {
            regions::of(Map {
                values,
                width: width as usize,
            })
        })?;
        let scaled = found
            .into_iter()
            .map(|(this, certainty)| (this.scaled(scale), certainty));
        Ok(scaled.collect())
    }
}

/// Size at which a part of a page is searched, whose longer side has `longer` pixels.
fn size(part: &GrayImage, longer: u32) -> (u32, u32) {
    let factor = SIDE as f32 / longer.max(1) as f32;
    let side = |side: u32| {
        let steps = (side as f32 * factor / STEP as f32).round() as u32;
        steps.max(1) * STEP
    };
    (side(part.width()), side(part.height()))
}

fn shrunk(page: &GrayImage, width: u32, height: u32) -> GrayImage {
    if width * 2 <= page.width() && height * 2 <= page.height() {
        imageops::thumbnail(page, width, height)
    } else {
        imageops::resize(page, width, height, FilterType::Triangle)
    }
}
