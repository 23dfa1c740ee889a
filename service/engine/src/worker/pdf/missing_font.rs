//! Characters that PDFium can't draw: their font is not in the document, and the fonts that PDFium brings along have only the
//! letters of western Europe. A viewer on another machine shows them, so that nothing drawn here says that they are hidden.

use super::look::Look;
use crate::worker::ffi::pdfium::{Glyph, Page, Points};

/// Letters beyond Latin-1 that the fonts of PDFium have.
const BEYOND_LATIN_1: &str = "ŁłŒœŠšŽžŸƒıˆˇ˘˙˚˛˜˝–—‘’‚“”„†‡•…‰‹›⁄€™−ﬁﬂ";
/// What is lighter than this all over is a ground on which dark text can be read, and how much it may vary.
const LIGHT: u8 = 128;
const EVEN: u8 = 24;

/// Marks the characters that PDFium can't draw as seen where their place is empty. Returns which they are. A light, even cover
/// over such a character can't be distinguished from the page's ground, so that the answer has an issue wherever this applies.
pub(super) fn believe(
    glyphs: &[Glyph],
    page: &Page<'_>,
    look: &Look,
    shown: &mut [bool],
) -> Vec<bool> {
    let believed: Vec<bool> = glyphs
        .iter()
        .zip(shown.iter())
        .map(|(glyph, shown)| {
            !shown
                && !glyph.invisible
                && glyph.char.is_some_and(is_beyond_the_fonts)
                && page.is_dark_in_a_missing_font(glyph)
                && is_empty(look, glyph.bounds)
        })
        .collect();
    for (shown, believed) in shown.iter_mut().zip(&believed) {
        *shown |= believed;
    }
    believed
}

fn is_beyond_the_fonts(c: char) -> bool {
    c.is_alphanumeric() && c > '\u{ff}' && !BEYOND_LATIN_1.contains(c)
}

/// Whether a place is light and even: nothing is drawn on it that could cover a character.
fn is_empty(look: &Look, bounds: Points) -> bool {
    let [left, top, right, bottom] = look.place(bounds);
    let range = |from: f64, to: f64, most: usize| {
        let from = (from.max(0.0) as usize).min(most);
        from..(to.ceil().max(0.0) as usize).min(most)
    };
    let (mut least, mut most) = (u8::MAX, 0);
    for y in range(top, bottom, look.height) {
        for x in range(left, right, look.width) {
            let pixel = look.with[y * look.width + x];
            (least, most) = (least.min(pixel), most.max(pixel));
        }
    }
    // A place without pixels has nothing on it.
    least > most || (least >= LIGHT && most - least <= EVEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_other_alphabets_are_beyond_the_fonts() {
        assert!("あ目НżĄ".chars().all(is_beyond_the_fonts));
        assert!(!"aZ9éßŁœ–€ .".chars().any(is_beyond_the_fonts));
    }
}
