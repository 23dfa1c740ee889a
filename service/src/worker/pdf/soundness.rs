//! Whether a page's text layer says what a person sees on the page.

use ocr_api::inspection::TextLayer;

use super::super::ffi::pdfium::{Glyph, Page};
use super::{OBJECTS, coverage};

/// A page that is mostly picture needs this many characters, or its text is taken for a stamp on a scan.
const CHARS_ON_A_PICTURE: usize = 200;
/// A share of the page, covered by one picture, above which it counts as mostly picture.
const PICTURE_SHARE: f64 = 0.5;
/// Characters of which the font does not say what they are, or that nobody sees: above this share, OCR is better.
const BAD_SHARE: f64 = 0.05;
/// Glyph numbers taken for characters give letters that are none of the text's: of so many Latin letters, at least this
/// share are vowels in any language that writes with them, and about 0.15 are among such numbers.
const LETTERS: usize = 60;
const VOWELS: f64 = 0.22;

pub(super) fn judge(glyphs: &[Glyph], page: &Page<'_>) -> TextLayer {
    let count = Count::of(glyphs);
    // Looking for pictures costs more than counting; most pages with text have plenty of it.
    let sound = count.is_readable()
        && (count.drawn >= CHARS_ON_A_PICTURE
            || coverage::largest(page, &page.pictures(OBJECTS)) <= PICTURE_SHARE);
    match (sound, count.drawn) {
        (true, _) => TextLayer::Sound,
        (false, 0) => TextLayer::None,
        (false, _) => TextLayer::Unsound,
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    drawn: usize,
    bad: usize,
    /// Of A to Z, in either case.
    letters: usize,
    vowels: usize,
}

impl Count {
    fn of(glyphs: &[Glyph]) -> Self {
        let mut count = Self::default();
        for glyph in glyphs {
            let blank = glyph.char.is_some_and(char::is_whitespace);
            if glyph.generated || blank {
                continue;
            }
            count.drawn += 1;
            if glyph.unmapped || glyph.invisible || !glyph.char.is_some_and(says_something) {
                count.bad += 1;
            }
            if let Some(c) = glyph.char.filter(char::is_ascii_alphabetic) {
                count.letters += 1;
                count.vowels += usize::from(is_vowel(c));
            }
        }
        count
    }

    fn is_readable(&self) -> bool {
        self.drawn > 0
            && self.bad as f64 <= self.drawn as f64 * BAD_SHARE
            && (self.letters < LETTERS || self.vowels as f64 >= self.letters as f64 * VOWELS)
    }
}

fn is_vowel(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// Not a control character, not from a private area, not the replacement character. U+0002 and U+FFFE are
/// PDFium's signs for a hyphen at a line's end.
fn says_something(c: char) -> bool {
    matches!(c, '\u{2}' | '\u{fffe}')
        || !(c.is_control() || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyph(char: char) -> Glyph {
        Glyph {
            char: Some(char),
            bounds: [0.0; 4],
            generated: false,
            unmapped: false,
            invisible: false,
            font: 0,
            object: 0,
        }
    }

    #[test]
    fn spaces_do_not_count_and_an_empty_layer_is_not_readable() {
        assert!(!Count::of(&[]).is_readable());
        assert!(!Count::of(&[glyph(' '), glyph('\n')]).is_readable());
        assert!(Count::of(&[glyph('a'), glyph(' ')]).is_readable());
    }

    #[test]
    fn glyph_numbers_are_no_letters() {
        let text =
            "The goods arrived on Monday in good order and were put into the store of the house";
        let read = |shift: u8| {
            let glyphs = text.bytes().filter(|byte| *byte != b' ');
            let glyphs: Vec<Glyph> = glyphs.map(|byte| glyph(char::from(byte - shift))).collect();
            Count::of(&glyphs).is_readable()
        };
        assert!(read(0));
        assert!(!read(29));
    }

    #[test]
    fn unmapped_invisible_or_private_characters_spoil_it() {
        let good = vec![glyph('e'); 90];
        assert!(Count::of(&good).is_readable());
        let spoilt: [fn(&mut Glyph); 4] = [
            |glyph| glyph.unmapped = true,
            |glyph| glyph.invisible = true,
            |glyph| glyph.char = None,
            |glyph| glyph.char = Some('\u{f041}'),
        ];
        for spoil in spoilt {
            let mut glyphs = good.clone();
            glyphs.iter_mut().take(4).for_each(spoil);
            assert!(Count::of(&glyphs).is_readable());
            glyphs.iter_mut().take(10).for_each(spoil);
            assert!(!Count::of(&glyphs).is_readable());
        }
    }
}
