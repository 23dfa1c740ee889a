//! Annotations that PDFium does not draw as viewers do: links, which have nothing to draw, and notes (`FreeText`) without an
//! appearance, whose text viewers draw from its fields.

use std::ffi::{c_int, c_ulong, c_void};
use std::ptr;

use pdfium_render::prelude::FS_RECTF;

use super::{Page, Points};

// Values of PDFium's public header fpdf_annot.h.
const LINK: c_int = 2;
const FREE_TEXT: c_int = 3;
const HIDDEN: c_int = 1 << 1;
const NO_VIEW: c_int = 1 << 5;
/// Most annotations of a page that are inspected, and most characters and lines of a note.
const MOST: c_int = 100_000;
const MOST_CHARACTERS: usize = 20_000;
const MOST_LINES: usize = 500;
/// Most notes of a page that are reported.
const MOST_UNDRAWN: usize = 20;
/// Size where a note states none, in points.
const USUAL_SIZE: f64 = 12.0;
/// Width of most letters, distance of lines and height of the first one, relative to the size.
const LETTER: f64 = 0.52;
const LINE: f64 = 1.2;
const FIRST: f64 = 0.9;
const MARGIN: f64 = 2.0;

enum Annotation {
    Note(Note),
    /// It has nothing to draw.
    Nothing,
    Other,
}

struct Note {
    text: String,
    style: Style,
    bounds: Points,
}

/// Size and colour that a note's `DA` states.
#[derive(Debug, PartialEq)]
struct Style {
    size: f64,
    colour: [u32; 3],
}

impl Page<'_> {
    /// Makes the text of such notes part of the page, in Helvetica.
    pub(super) fn draw_notes(&mut self) {
        let calls = self.document.calls;
        let (mut any_drawn, mut others) = (false, false);
        // SAFETY: the page is live; the index is below the count, which falls only after that.
        unsafe {
            let count = calls.FPDFPage_GetAnnotCount(self.raw().cast());
            for index in (0..count.min(MOST)).rev() {
                match self.annotation(index) {
                    Annotation::Note(note) if !note.text.chars().all(is_drawn) => {
                        if self.undrawn_notes.len() < MOST_UNDRAWN {
                            self.undrawn_notes.push(note.text);
                        }
                    }
                    Annotation::Note(note) => {
                        self.write(&note);
                        calls.FPDFPage_RemoveAnnot(self.raw().cast(), index);
                        any_drawn = true;
                    }
                    Annotation::Nothing => {}
                    Annotation::Other => others = true,
                }
            }
            others |= count > MOST;
        }
        if any_drawn {
            self.generate();
        }
        self.annotated = others;
    }

    fn annotation(&self, index: c_int) -> Annotation {
        let calls = self.document.calls;
        // SAFETY: the page is live; the annotation is closed after its last use; the result is written during the call.
        unsafe {
            let annotation = calls.FPDFPage_GetAnnot(self.raw().cast(), index);
            if annotation.is_null() {
                return Annotation::Other;
            }
            let kind = calls.FPDFAnnot_GetSubtype(annotation);
            let kind = match kind {
                LINK | FREE_TEXT if calls.FPDFAnnot_HasKey(annotation, "AP") != 0 => {
                    Annotation::Other
                }
                LINK => Annotation::Nothing,
                FREE_TEXT => self.note(annotation.cast()),
                _ => Annotation::Other,
            };
            calls.FPDFPage_CloseAnnot(annotation);
            kind
        }
    }

    /// # Safety
    /// `annotation` is an open annotation of this page.
    unsafe fn note(&self, annotation: *mut c_void) -> Annotation {
        let calls = self.document.calls;
        let mut area = FS_RECTF {
            left: 0.0,
            top: 0.0,
            right: 0.0,
            bottom: 0.0,
        };
        // SAFETY: as the caller promises; the result is written during the call.
        unsafe {
            let text = self.field(annotation, "Contents");
            if text.trim().is_empty()
                || calls.FPDFAnnot_GetFlags(annotation.cast()) & (HIDDEN | NO_VIEW) != 0
                || calls.FPDFAnnot_GetRect(annotation.cast(), &raw mut area) == 0
            {
                return Annotation::Nothing;
            }
            Annotation::Note(Note {
                text,
                style: Style::of(&self.field(annotation, "DA")),
                bounds: [area.left, area.bottom, area.right, area.top].map(f64::from),
            })
        }
    }

    /// A text of an annotation. Returns an empty one if it is missing or too long.
    ///
    /// # Safety
    /// `annotation` is an open annotation of this page.
    unsafe fn field(&self, annotation: *mut c_void, key: &str) -> String {
        let calls = self.document.calls;
        // SAFETY: as the caller promises. With no room, only the length is written, in bytes; then the buffer has room for
        // that.
        let mut units = unsafe {
            let bytes =
                calls.FPDFAnnot_GetStringValue(annotation.cast(), key, ptr::null_mut(), 0) as usize;
            if bytes / 2 > MOST_CHARACTERS {
                return String::new();
            }
            let mut units = vec![0u16; bytes / 2];
            calls.FPDFAnnot_GetStringValue(
                annotation.cast(),
                key,
                units.as_mut_ptr(),
                (units.len() * 2) as c_ulong,
            );
            units
        };
        units.truncate(units.iter().position(|unit| *unit == 0).unwrap_or(0));
        String::from_utf16_lossy(&units)
    }

    fn write(&self, note: &Note) {
        let calls = self.document.calls;
        let [left, _, right, top] = note.bounds;
        let Style {
            size,
            colour: [red, green, blue],
        } = note.style;
        let mut up = top - MARGIN - size * FIRST;
        for line in lines(&note.text, (right - left - 2.0 * MARGIN) / (size * LETTER)) {
            // SAFETY: the page is live. Insertion gives the object to the page, and frees it on failure.
            unsafe {
                let object = calls.FPDFPageObj_NewTextObj(
                    self.document.handle.as_ptr().cast(),
                    "Helvetica",
                    size as f32,
                );
                if object.is_null() {
                    return;
                }
                calls.FPDFText_SetText_str(object, &line);
                calls.FPDFPageObj_SetFillColor(object, red, green, blue, 255);
                calls.FPDFPageObj_Transform(object, 1.0, 0.0, 0.0, 1.0, left + MARGIN, up);
                calls.FPDFPage_InsertObject(self.raw().cast(), object);
            }
            up -= size * LINE;
        }
    }
}

impl Style {
    /// Reads operators such as `/Helv 10 Tf 0 g`.
    fn of(appearance: &str) -> Self {
        let mut style = Self {
            size: USUAL_SIZE,
            colour: [0; 3],
        };
        let mut numbers: Vec<f64> = Vec::new();
        for word in appearance.split_whitespace() {
            let colour = |at: usize| (numbers[at].clamp(0.0, 1.0) * 255.0).round() as u32;
            match (word, numbers.as_slice()) {
                ("Tf", [size]) if *size > 0.0 => style.size = *size,
                ("g", [_]) => style.colour = [colour(0); 3],
                ("rg", [_, _, _]) => style.colour = [colour(0), colour(1), colour(2)],
                _ => {}
            }
            match word.parse() {
                Ok(number) => numbers.push(number),
                Err(_) => numbers.clear(),
            }
        }
        style
    }
}

/// True for the characters of Helvetica as PDFium has it, and for white space.
fn is_drawn(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='ÿ')
        || c.is_whitespace()
        || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".contains(c)
}

/// Lines of a text, broken at words where they have more than so many letters.
fn lines(text: &str, letters: f64) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split(['\r', '\n']) {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let length = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && length as f64 > letters {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines.truncate(MOST_LINES);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_state_size_and_colour() {
        for (appearance, size, colour) in [
            ("/Helv 10 Tf 0 g", 10.0, [0, 0, 0]),
            ("1 0 0.5 rg /F1 8.5 Tf", 8.5, [255, 0, 128]),
            ("0.2 g /F1 0 Tf", 12.0, [51, 51, 51]),
            ("rg Tf g", 12.0, [0, 0, 0]),
        ] {
            assert_eq!(Style::of(appearance), Style { size, colour });
        }
    }

    #[test]
    fn lines_are_broken_at_words() {
        assert_eq!(
            lines("one two three\rfour\n\nfive", 8.0),
            ["one two", "three", "four", "five"]
        );
        assert_eq!(lines("longword b", -1.0), ["longword", "b"]);
    }
}
