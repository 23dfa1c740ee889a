//! Soundness of a page's text layer: whether it matches what people see on the page.

use ocr_api::inspection::TextLayer;

use super::super::ffi::pdfium::{Glyph, Page};
use super::{OBJECTS, coverage};

/// Fewest characters of a page that is mostly a picture. Fewer are taken for a stamp on a scan.
const CHARS_ON_A_PICTURE: usize = 200;
/// Share of the page above which one picture makes it count as mostly a picture.
const PICTURE_SHARE: f64 = 0.5;
/// Share of characters without a meaning in their font, or that are invisible, above which OCR is better.
const BAD_SHARE: f64 = 0.05;
/// Least share of vowels among this many Latin letters. It holds for all languages that use these letters. If glyph
/// numbers are taken for characters, the letters are wrong, and the share is about 0.15.
const LETTERS: usize = 60;
const VOWELS: f64 = 0.22;

/// Largest share of the letters from À to ÿ among so many Latin letters. Languages have a third at most. If the bytes of a
/// Cyrillic or Greek text are taken for Latin letters, nearly all are.
const LATIN: usize = 16;
const ACCENTED: f64 = 0.6;

pub(super) fn judge(glyphs: &[Glyph], page: &Page<'_>) -> TextLayer {
    let count = Count::of(glyphs);
    // Counting is cheaper than searching for pictures, and most pages with text have enough of it.
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
    /// Letters from A to Z, in either case.
    letters: usize,
    vowels: usize,
    /// Letters from À to ÿ.
    accented: usize,
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
            let accented = |c| matches!(c, 'À'..='ÿ') && c.is_alphabetic();
            count.accented += usize::from(glyph.char.is_some_and(accented));
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
            && (self.letters + self.accented < LATIN
                || self.accented as f64 <= (self.letters + self.accented) as f64 * ACCENTED)
    }
}

fn is_vowel(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

/// True unless the character is a control character, from a private area, or the replacement character. U+0002 and
/// U+FFFE are PDFium's signs for a hyphen at a line's end.
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
    fn ignores_spaces_and_rejects_empty_layers() {
        assert!(!Count::of(&[]).is_readable());
        assert!(!Count::of(&[glyph(' '), glyph('\n')]).is_readable());
        assert!(Count::of(&[glyph('a'), glyph(' ')]).is_readable());
    }

    #[test]
    fn rejects_glyph_numbers_taken_for_letters() {
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
    fn rejects_other_alphabets_taken_for_accented_letters() {
        for (text, readable) in [
            ("Îãëàâëåíèå ãëàâà ïåðâàÿ", false),
            ("Ðåçþìå: PDF", true),
            ("Été à la plage où l'âne a mangé des pâtés réchauffés", true),
            ("àâçéèêîïôüœ", true),
        ] {
            let glyphs: Vec<Glyph> = text.chars().map(glyph).collect();
            assert_eq!(Count::of(&glyphs).is_readable(), readable, "{text}");
        }
    }

    #[test]
    fn rejects_unmapped_invisible_and_private_characters() {
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
