//! Searchable PDFs: the unchanged pages, with the recognized words over them, invisible.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ocr_api::inspection::TextLayer;
use ocr_protocol::{Fault, FaultKind, File, MAX_FILE, Overlay, Placed};

use super::{PdfDocument, active, contents, glyphless, soundness};
use crate::worker::corrupt;
use crate::worker::ffi::pdfium::{Document, Font, Page};

/// Replacement for characters beyond the 65,535 that a font can have.
const REPLACEMENT: char = '\u{fffd}';

impl PdfDocument {
    /// Makes a PDF of these pages of the uploaded document. Active content is removed unless it is to be kept.
    pub(in crate::worker) fn compose(
        &self,
        pages: &[Overlay],
        keep_active: bool,
    ) -> Result<File, Fault> {
        let wanted: BTreeSet<u32> = pages.iter().map(|overlay| overlay.page).collect();
        let composed = compose(
            || {
                let mut copy = self.reopen()?;
                // From the last page to the first, so that numbers stay valid.
                for index in (0..contents::pages_in(&copy)).rev() {
                    if !wanted.contains(&(index + 1)) {
                        copy.delete_page(index);
                    }
                }
                Ok(copy)
            },
            pages,
        )?;
        if keep_active {
            return Ok(composed);
        }
        self.without_active_content(composed)
    }

    fn without_active_content(&self, composed: File) -> Result<File, Fault> {
        let pages = |bytes: Vec<u8>| {
            let document = self.document.open_another(bytes);
            document.map(|document| document.page_count()).ok()
        };
        let (bytes, removed) = active::remove(&composed.bytes).ok_or_else(unsafe_to_send)?;
        if !removed.is_empty() && pages(bytes.clone()) != pages(composed.bytes) {
            return Err(unsafe_to_send());
        }
        let mut file = File::new(bytes);
        file.unsearchable = composed.unsearchable;
        file.removed = removed.into_iter().collect();
        Ok(file)
    }

    /// Makes a PDF of a document that consists of these pages, whatever their numbers.
    pub(in crate::worker) fn compose_all(&self, pages: &[Overlay]) -> Result<File, Fault> {
        compose(|| self.reopen(), pages)
    }

    fn reopen(&self) -> Result<Document, Fault> {
        self.document
            .reopen()
            .map_err(|_| corrupt("The PDF can't be opened again."))
    }
}

fn unsafe_to_send() -> Fault {
    corrupt(
        "The PDF is damaged, so its scripts and attachments can't be removed safely; with `active=keep`, the service makes the \
         searchable PDF with them.",
    )
}

/// Lays words over pages. `open` returns the document. Pages whose appearance would change are left unchanged, which
/// takes a second pass from the start.
fn compose(open: impl Fn() -> Result<Document, Fault>, pages: &[Overlay]) -> Result<File, Fault> {
    let document = open()?;
    let spoilt = lay_over_all(&document, pages, &[])?;
    if spoilt.is_empty() {
        return save(&document, spoilt);
    }
    drop(document);
    let document = open()?;
    lay_over_all(&document, pages, &spoilt)?;
    save(&document, spoilt)
}

fn save(document: &Document, unsearchable: Vec<u32>) -> Result<File, Fault> {
    let bytes = document.save(MAX_FILE as usize).ok_or_else(|| {
        Fault::new(
            FaultKind::TooLarge,
            format!(
                "The searchable PDF would be larger than {} MB; ask for fewer pages at a time.",
                MAX_FILE >> 20
            ),
        )
    })?;
    let mut file = File::new(bytes);
    file.unsearchable = unsearchable;
    Ok(file)
}

/// Lays words over all pages except for those in `left`. Returns the pages whose appearance has changed.
fn lay_over_all(document: &Document, pages: &[Overlay], left: &[u32]) -> Result<Vec<u32>, Fault> {
    let codes = Codes::of(pages);
    let mut spoilt = Vec::new();
    if codes.numbers.is_empty() {
        return Ok(spoilt);
    }
    let font = document
        .add_font(
            &glyphless::font(),
            &codes.to_unicode(),
            &glyphless::glyphs(codes.numbers.len() + 1),
        )
        .ok_or_else(|| engine("PDFium rejected the font."))?;
    for (index, overlay) in (0..).zip(pages) {
        if overlay.words.is_empty() || left.contains(&overlay.page) {
            continue;
        }
        if !lay_over(document, &font, &codes, index, overlay)? {
            spoilt.push(overlay.page);
        }
    }
    Ok(spoilt)
}

/// Lays words over a page. Returns true if its appearance is unchanged.
fn lay_over(
    document: &Document,
    font: &Font<'_>,
    codes: &Codes,
    index: u32,
    overlay: &Overlay,
) -> Result<bool, Fault> {
    let load = || {
        document
            .load_page(index)
            .map_err(|_| corrupt(format!("Page {} of the PDF is damaged.", overlay.page)))
    };
    let page = load()?;
    // The page was recognized although it has a sound layer, because the request asked for that. All of its words would
    // be found twice.
    if !overlay.beside_layer && soundness::judge(&page.glyphs().0, &page) == TextLayer::Sound {
        return Ok(true);
    }
    let before = look(&page);
    for word in &overlay.words {
        let text = codes.of_text(&word.text);
        let placed = matrix(&page, overlay, word, text.len());
        if placed.is_some_and(|matrix| !page.add_text(font, &text, matrix)) {
            return Err(engine("PDFium rejected a word."));
        }
    }
    if !page.generate() {
        return Err(engine("PDFium rejected the words of a page."));
    }
    drop(page);
    Ok(look(&load()?) == before)
}

/// A small drawing of the page.
fn look(page: &Page<'_>) -> Option<Vec<u8>> {
    const SIDE: f32 = 500.0;
    let (width, height) = page.size();
    let scale = SIDE / width.max(height);
    let side = |points: f32| ((points * scale).round() as i32).max(1);
    page.render(side(width), side(height))
}

/// Matrix that stretches `letters` unit squares over the word's box, in reading direction. Returns `None` for an empty
/// box.
fn matrix(page: &Page<'_>, overlay: &Overlay, word: &Placed, letters: usize) -> Option<[f64; 6]> {
    let [left, top, right, bottom] = word.bounds;
    if letters == 0 || right <= left || bottom <= top {
        return None;
    }
    // Start and end of the baseline, and the point above its start. On a page that has to be rotated clockwise by a
    // quarter, lines run upwards.
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

/// Number of each character in the font.
struct Codes {
    numbers: BTreeMap<char, u16>,
}

impl Codes {
    fn of(pages: &[Overlay]) -> Self {
        let mut numbers = BTreeMap::new();
        let words = pages.iter().flat_map(|overlay| &overlay.words);
        for c in words.flat_map(|word| word.text.chars()) {
            // The last number is reserved for the replacement.
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

    /// Meaning of each number, as a CMap (ISO 32000-1, 9.10.3).
    fn to_unicode(&self) -> String {
        let mut cmap = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let entries: Vec<(&char, &u16)> = self.numbers.iter().collect();
        // At most a hundred at a time.
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
    fn maps_each_character_to_a_number_and_back() {
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
            beside_layer: false,
        };
        let codes = Codes::of(&[page]);
        assert_eq!(codes.of_text("a𝄞é"), [1, 3, 2]);
        let cmap = codes.to_unicode();
        assert!(cmap.contains("3 beginbfchar\n<0001> <0061>\n<0002> <00E9>\n<0003> <D834DD1E>\n"));
    }
}
