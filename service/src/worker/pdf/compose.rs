//! A searchable PDF: the pages as they are, with the words that were recognized over them, unseen.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{PdfDocument, glyphless};
use crate::protocol::{Fault, FaultKind, MAX_FILE, Overlay, Placed};
use crate::worker::corrupt;
use crate::worker::ffi::pdfium::{Document, Font, Page};

/// What stands for characters that find no place among the 65,535.
const REPLACEMENT: char = '\u{fffd}';

impl PdfDocument {
    /// These pages of the document, as it was uploaded.
    pub(in crate::worker) fn compose(&self, pages: &[Overlay]) -> Result<Vec<u8>, Fault> {
        let mut copy = self
            .document
            .reopen()
            .map_err(|_| corrupt("The PDF can't be opened a second time."))?;
        // From the last to the first, so that numbers stay what they are.
        for index in (0..copy.page_count()).rev() {
            if !pages.iter().any(|overlay| overlay.page == index + 1) {
                copy.delete_page(index);
            }
        }
        compose(&copy, pages)
    }

    /// For a document whose pages are these, whatever their numbers.
    pub(in crate::worker) fn compose_all(&self, pages: &[Overlay]) -> Result<Vec<u8>, Fault> {
        compose(&self.document, pages)
    }
}

fn compose(document: &Document, pages: &[Overlay]) -> Result<Vec<u8>, Fault> {
    let codes = Codes::of(pages);
    if !codes.numbers.is_empty() {
        let font = document
            .add_font(
                &glyphless::font(),
                &codes.to_unicode(),
                &glyphless::glyphs(codes.numbers.len() + 1),
            )
            .ok_or_else(|| engine("PDFium did not take the font."))?;
        for (index, overlay) in (0..).zip(pages) {
            if !overlay.words.is_empty() {
                lay_over(document, &font, &codes, index, overlay)?;
            }
        }
    }
    document.save(MAX_FILE as usize).ok_or_else(|| {
        Fault::new(
            FaultKind::TooLarge,
            format!(
                "The searchable PDF would be larger than {} MB; ask for fewer pages at a time.",
                MAX_FILE >> 20
            ),
        )
    })
}

fn lay_over(
    document: &Document,
    font: &Font<'_>,
    codes: &Codes,
    index: u32,
    overlay: &Overlay,
) -> Result<(), Fault> {
    let page = document
        .load_page(index)
        .map_err(|_| corrupt(format!("Page {} of the PDF is damaged.", overlay.page)))?;
    for word in &overlay.words {
        let text = codes.of_text(&word.text);
        let placed = matrix(&page, overlay, word, text.len());
        if placed.is_some_and(|matrix| !page.add_text(font, &text, matrix)) {
            return Err(engine("PDFium did not take a word."));
        }
    }
    if page.generate() {
        Ok(())
    } else {
        Err(engine("PDFium did not take the words of a page."))
    }
}

/// Stretches `letters` unit squares over the word's box, in the direction in which it is read. `None`: there is nothing to
/// stretch over.
fn matrix(page: &Page<'_>, overlay: &Overlay, word: &Placed, letters: usize) -> Option<[f64; 6]> {
    let [left, top, right, bottom] = word.bounds;
    if letters == 0 || right <= left || bottom <= top {
        return None;
    }
    // The baseline's start and end, and what is above its start. A page that has to be turned clockwise by a quarter to be
    // read has its lines run upwards.
    let [start, end, above] = match overlay.rotation {
        90 => [(right, bottom), (right, top), (left, bottom)],
        180 => [(right, top), (left, top), (right, bottom)],
        270 => [(left, top), (left, bottom), (right, top)],
        _ => [(left, bottom), (right, bottom), (left, top)],
    };
    let size = (
        i32::try_from(overlay.width).ok()?,
        i32::try_from(overlay.height).ok()?,
    );
    let [start, end, above] = [start, end, above].map(|pixel| page.to_points(pixel, size));
    let letters = letters as f64;
    Some([
        (end.0 - start.0) / letters,
        (end.1 - start.1) / letters,
        above.0 - start.0,
        above.1 - start.1,
        start.0,
        start.1,
    ])
}

/// The number of each character in the font.
struct Codes {
    numbers: BTreeMap<char, u16>,
}

impl Codes {
    fn of(pages: &[Overlay]) -> Self {
        let mut numbers = BTreeMap::new();
        let words = pages.iter().flat_map(|overlay| &overlay.words);
        for c in words.flat_map(|word| word.text.chars()) {
            // The last number is the replacement's.
            if numbers.len() < usize::from(u16::MAX) - 1 {
                let next = numbers.len() as u16 + 1;
                numbers.entry(c).or_insert(next);
            } else if !numbers.contains_key(&c) {
                numbers.insert(REPLACEMENT, u16::MAX);
            }
        }
        Self { numbers }
    }

    fn of_text(&self, text: &str) -> Vec<u32> {
        text.chars()
            .filter_map(|c| self.numbers.get(&c).or(self.numbers.get(&REPLACEMENT)))
            .map(|number| u32::from(*number))
            .collect()
    }

    /// What each number means, as a CMap (ISO 32000-1, 9.10.3).
    fn to_unicode(&self) -> String {
        let mut cmap = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let entries: Vec<(&char, &u16)> = self.numbers.iter().collect();
        // No more than a hundred at a time.
        for entries in entries.chunks(100) {
            // Writing to a string can't fail.
            let _ = writeln!(cmap, "{} beginbfchar", entries.len());
            for (c, number) in entries {
                let _ = write!(cmap, "<{number:04X}> <");
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(cmap, "{unit:04X}");
                }
                cmap.push_str(">\n");
            }
            cmap.push_str("endbfchar\n");
        }
        cmap.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        cmap
    }
}

fn engine(detail: &str) -> Fault {
    Fault::new(FaultKind::Engine, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_has_a_number_and_its_meaning() {
        let word = Placed {
            text: "aé𝄞a".into(),
            bounds: [0; 4],
        };
        let page = Overlay {
            page: 1,
            width: 1,
            height: 1,
            rotation: 0,
            words: vec![word],
        };
        let codes = Codes::of(&[page]);
        assert_eq!(codes.of_text("a𝄞é"), [1, 3, 2]);
        let cmap = codes.to_unicode();
        assert!(cmap.contains("3 beginbfchar\n<0001> <0061>\n<0002> <00E9>\n<0003> <D834DD1E>\n"));
    }
}
