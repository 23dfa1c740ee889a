//! Pictures of single lines, as the recognizers take them.

use image::GrayImage;
use image::imageops::{self, FilterType};

use crate::rectangle::Rectangle;

/// Height of the lines that the models were trained with.
pub(crate) const HEIGHT: u32 = 48;
/// Widths that are read: from one letter to the longest line.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=3200;
/// Most samples of each pixel, across and down.
const MOST_SAMPLES: u32 = 4;

/// Cuts a line out of a page, level and [`HEIGHT`] pixels high. The page continues with its edge.
pub(crate) fn line(page: &GrayImage, place: &Rectangle) -> GrayImage {
    let scale = place.height / HEIGHT as f32;
    let width = ((place.length / scale).round() as u32).clamp(*WIDTHS.start(), *WIDTHS.end());
    let samples = (scale.ceil() as u32).clamp(1, MOST_SAMPLES);
    let (across, down) = (
        place.length / (width * samples) as f32,
        place.height / (HEIGHT * samples) as f32,
    );
    let (right, below) = (page.width() as i32 - 1, page.height() as i32 - 1);
    let pixels = page.as_raw();
    let stride = page.width() as usize;
    let at = |x: i32, y: i32| {
        f32::from(pixels[y.clamp(0, below) as usize * stride + x.clamp(0, right) as usize])
    };
    let sample = |(x, y): (f32, f32)| {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right_part, low_part) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let upper = at(left, top) * (1.0 - right_part) + at(left + 1, top) * right_part;
        let lower = at(left, top + 1) * (1.0 - right_part) + at(left + 1, top + 1) * right_part;
        upper * (1.0 - low_part) + lower * low_part
    };
    let all = (samples * samples) as f32;
    GrayImage::from_fn(width, HEIGHT, |x, y| {
        let mut sum = 0.0;
        for row in 0..samples {
            for column in 0..samples {
                let u = ((x * samples + column) as f32 + 0.5) * across;
                let v = ((y * samples + row) as f32 + 0.5) * down;
                sum += sample(place.at(u, v));
            }
        }
        image::Luma([(sum / all).round() as u8])
    })
}

/// Scales a picture of one line.
pub(crate) fn scaled(line: &GrayImage) -> GrayImage {
    let width = line.width() * HEIGHT / line.height().max(1);
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    imageops::resize(line, width, HEIGHT, FilterType::Triangle)
}
