//! Drawings of single words of a page, to be compared and read: black on white, all of the same height.

use image::{GrayImage, Luma};

use super::agreement::{Likeness, Sample};
use super::look::Look;
use super::shapes::{Shape, Shapes, outward};
use crate::worker::ffi::pdfium::Page;
use crate::worker::line;

/// Height of a word in pixels, from its lowest to its highest part.
const HEIGHT: f64 = 34.0;
/// White frame around a word in pixels, and the share of a word's height in which its surroundings on the page are kept.
const MARGIN: u32 = 10;
const SEEN: f64 = 0.06;
/// Most pixels of one word.
const MOST_PIXELS: f64 = 200_000.0;

/// A picture of the word, and the number of its characters that look like those of the layer. Returns `None` if nothing
/// is visible.
pub(super) fn draw(
    page: &Page<'_>,
    sample: &Sample,
    shapes: &Shapes,
) -> Option<(GrayImage, Likeness)> {
    let [left, bottom, right, top] = sample.bounds;
    let tall = top - bottom;
    let scale = HEIGHT / tall;
    let seen = tall * SEEN;
    let place = [left - seen, bottom - seen, right + seen, top + seen];
    let look = Look::close(page, place, scale, MOST_PIXELS)?;
    let places: Vec<[f64; 4]> = sample
        .letters
        .iter()
        .map(|bounds| look.place(*bounds))
        .collect();
    let word = GrayImage::from_raw(look.width as u32, look.height as u32, look.with)?;
    let word = dark_on_light(word);
    if line::is_blank(&word) {
        return None;
    }
    let mut alike = Likeness::default();
    for (c, place) in sample.text.chars().zip(places) {
        let shape = Shape::of(&word, outward(place));
        // Characters without a shape at their place are skipped, because another glyph may have been drawn over them.
        if let Some(may_be) = shape.and_then(|shape| shapes.may_be(&shape, c)) {
            alike.add(c, may_be);
        }
    }
    Some((line::framed(&word, MARGIN), alike))
}

/// The same on white: light on dark is inverted, and pale ink is made dark.
fn dark_on_light(mut word: GrayImage) -> GrayImage {
    let (mut low, mut high, mut sum) = (u8::MAX, 0, 0u64);
    for Luma([gray]) in word.pixels() {
        low = low.min(*gray);
        high = high.max(*gray);
        sum += u64::from(*gray);
    }
    let mean = (sum / (word.len() as u64).max(1)) as u8;
    let range = u16::from(high.saturating_sub(low)).max(1);
    // There is more paper than ink.
    let light = mean >= u8::midpoint(low, high);
    for Luma([gray]) in word.pixels_mut() {
        let share = (u16::from(gray.saturating_sub(low)) * 255 / range) as u8;
        *gray = if light { share } else { u8::MAX - share };
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_words_dark_on_light() {
        for (paper, ink) in [(255, 0), (0, 255), (200, 180), (30, 60)] {
            let ink_at = |x, y| (x + y) % 4 == 0;
            let word = GrayImage::from_fn(40, 20, |x, y| {
                Luma([if ink_at(x, y) { ink } else { paper }])
            });
            let word = dark_on_light(word);
            assert_eq!(
                (word.get_pixel(0, 0).0, word.get_pixel(1, 0).0),
                ([0], [255])
            );
        }
    }
}
