//! Words of a page, drawn to be compared and read one by one: black on white, of one height.

use ::image::{GrayImage, Luma};

use super::agreement::{Likeness, Sample};
use super::look::Look;
use super::shapes::{Shape, Shapes, outward};
use crate::worker::ffi::pdfium::Page;
use crate::worker::line;

/// Pixels that a word is high, from its lowest to its highest part.
const HEIGHT: f64 = 34.0;
/// White around a word, as a share of its height, and what of that may show what is around it on the page.
const MARGIN: u32 = 10;
const SEEN: f64 = 0.06;
/// Pixels of one word.
const MOST_PIXELS: f64 = 200_000.0;

/// The word as it looks, and how many of its characters look like what the layer says. `None`: there is nothing to be seen.
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
        // What has no shape there is not looked at: another glyph may have been drawn over it.
        if let Some(may_be) = shape.and_then(|shape| shapes.may_be(&shape, c)) {
            alike.add(c, may_be);
        }
    }
    Some((line::framed(&word, MARGIN), alike))
}

/// The same on white: what is light on dark is turned, and what is pale made strong.
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
    fn words_become_dark_on_light() {
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
