//! PDF: pages read by their text layer or by their pixels.

mod active;
mod agreement;
mod attachments;
mod compose;
mod connected;
mod contents;
mod coverage;
mod drawings;
mod frame;
mod glyphless;
mod layer;
mod line_readers;
mod look;
mod missing_font;
mod remarks;
mod rows;
mod samples;
mod shapes;
mod soundness;
mod tree;
mod uncovered;
mod visibility;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use image::{DynamicImage, GrayImage, RgbImage};
use ocr_api::inspection::TextLayer;
use ocr_api::issue::Issue;
use ocr_protocol::{Fault, FaultKind, How, Mode, Password};

use super::ffi::pdfium::{Document, FontNames, Glyph, Library, OpenError, Page};
use super::{Content, Scan, Size, corrupt};
use agreement::Likeness;
pub(super) use drawings::Drawing;
use frame::Frame;
pub(super) use layer::Layer;
pub(super) use line_readers::LineReaders;
use look::Look;
pub(super) use shapes::Shapes;
pub(super) use uncovered::Uncovered;
use uncovered::Wrong;

/// Longest time of drawing a page whose parts may be drawn again. Unless a page consists of pixels, each part costs
/// nearly as much as the whole.
const MOST_TO_DRAW_AGAIN: Duration = Duration::from_millis(100);
/// Most page objects that are inspected.
const OBJECTS: i32 = 10_000;
const POINTS_PER_INCH: f64 = 72.0;

/// PDFium, loaded.
#[derive(Clone, Copy)]
pub(super) struct PdfReader {
    library: Library,
}

pub(super) struct PdfDocument {
    document: Document,
    /// The page that was drawn last.
    drawn: Cell<Option<Drawn>>,
    fonts: RefCell<agreement::Fonts>,
}

impl PdfReader {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let library = Library::load(path)
            .map_err(|error| format!("can't load PDFium from {}: {error}", path.display()))?;
        Ok(Self { library })
    }

    pub(super) fn open(self, bytes: Vec<u8>) -> Result<PdfDocument, Fault> {
        self.open_protected(bytes, None)
    }

    /// Opens a document that may need this password, its user's or its owner's.
    pub(super) fn open_protected(
        self,
        bytes: Vec<u8>,
        password: Option<Password>,
    ) -> Result<PdfDocument, Fault> {
        match self.library.open(bytes, password) {
            Ok(document) => Ok(PdfDocument {
                document: tree::whole(self.library, document),
                drawn: Cell::new(None),
                fonts: RefCell::default(),
            }),
            Err(OpenError::Encrypted) => Err(Fault::new(
                FaultKind::Encrypted,
                "The PDF is protected by a password; send it as `password` in the form or in the header X-Document-Password.",
            )),
            Err(OpenError::WrongPassword) => Err(Fault::new(
                FaultKind::WrongPassword,
                "The password does not open the PDF; send its user's or its owner's password.",
            )),
            Err(OpenError::UnknownEncryption) => Err(Fault::new(
                FaultKind::Encrypted,
                "The PDF has an encryption that is not supported; save it without protection and send that.",
            )),
            Err(OpenError::Damaged) => Err(corrupt(
                "The PDF is damaged or cut short; send it again, or export it again.",
            )),
        }
    }
}

impl PdfDocument {
    fn page(&self, index: u32) -> Result<Page<'_>, Fault> {
        self.document.page(index).map_err(|_| {
            corrupt(format!(
                "Page {} of the PDF is damaged; export the document again.",
                u64::from(index) + 1
            ))
        })
    }

    /// Size in which the page would be read, soundness of its text layer, and whether there may be text beside the
    /// layer. `index` is counted from 0.
    pub(super) fn inspect(
        &self,
        index: u32,
        max_pixels: u64,
    ) -> Result<(Size, TextLayer, bool), Fault> {
        let page = self.page(index)?;
        let frame = Frame::of(&page, max_pixels)?;
        let size = Size {
            width: frame.width.unsigned_abs(),
            height: frame.height.unsigned_abs(),
            dpi: Some(frame.dpi),
        };
        let layer = soundness::judge(&seen(&page).0, &page);
        let uncovered = layer == TextLayer::Sound
            && Look::at(&page, |_| true)
                .is_some_and(|look| !uncovered::of(&look, &Wrong::default()).areas.is_empty());
        Ok((size, layer, uncovered))
    }

    /// A colour PNG of the page, of at most `side` pixels a side.
    pub(super) fn preview(&self, index: u32, side: u32) -> Result<Vec<u8>, Fault> {
        let page = self.page(index)?;
        let frame = Frame::of(&page, u64::from(side) * u64::from(side))?;
        let (width, height) = (frame.width.unsigned_abs(), frame.height.unsigned_abs());
        let scale = (f64::from(side) / f64::from(width.max(height))).min(1.0);
        let scaled = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let pixels = page.render_colours(width, height).ok_or_else(not_drawn)?;
        RgbImage::from_raw(width, height, pixels)
            .map(DynamicImage::from)
            .ok_or_else(not_drawn)
            .and_then(|picture| ocr_image::png(&picture))
    }

    /// What is on a page, and what is to be known of it beside what is read there. `index` is counted from 0.
    pub(super) fn read(
        &self,
        index: u32,
        how: &How,
        max_pixels: u64,
        readers: &mut LineReaders<'_>,
    ) -> Result<(Content, Vec<Issue>), Fault> {
        let page = self.page(index)?;
        let frame = Frame::of(&page, max_pixels)?;
        let mut issues: Vec<Issue> = page
            .undrawn_notes()
            .iter()
            .map(|note| remarks::note(note))
            .collect();
        let mut left_out = 0;
        if how.mode != Mode::Ocr {
            let (glyphs, fonts) = seen(&page);
            left_out = visibility::words(&glyphs).len();
            if how.mode == Mode::Text || soundness::judge(&glyphs, &page) == TextLayer::Sound {
                let layer = Glyphs { glyphs, fonts };
                match self.read_layer(&page, frame, layer, how, readers)? {
                    Some((content, more)) => {
                        issues.extend(more);
                        return Ok((content, issues));
                    }
                    None => issues.push(remarks::disagrees()),
                }
            }
        }
        let started = Instant::now();
        let pixels = page
            .render(frame.width, frame.height)
            .ok_or_else(not_drawn)?;
        let blank = pixels.windows(2).all(|two| two[0] == two[1]);
        let took = started.elapsed();
        // Unless the page is blank, this takes no longer than drawing the page took.
        let time = if blank { Duration::MAX } else { took };
        if page.lacks_an_image(OBJECTS, time) {
            if blank {
                return Err(corrupt(
                    "A picture on the PDF page can't be decoded: it is damaged, or made to need more memory than allowed. \
                     Export the document anew.",
                ));
            }
            issues.push(remarks::undecodable());
        }
        if left_out > 0 {
            issues.push(remarks::left_out(left_out));
        }
        issues.extend(remarks::coarse(&page, frame, frame.dpi));
        self.drawn.set(Some(Drawn { index, frame, took }));
        let content = Content::scan(Scan {
            pixels,
            width: frame.width.unsigned_abs(),
            height: frame.height.unsigned_abs(),
            dpi: Some(frame.dpi),
        });
        Ok((content, issues))
    }

    /// What of a page's text layer is seen on it, what else there is to be recognized, and what is to be known of the page.
    /// `None`: the layer says something else than the page shows.
    fn read_layer(
        &self,
        page: &Page<'_>,
        frame: Frame,
        layer: Glyphs,
        how: &How,
        readers: &mut LineReaders<'_>,
    ) -> Result<Option<(Content, Vec<Issue>)>, Fault> {
        let Glyphs { mut glyphs, fonts } = layer;
        let started = Instant::now();
        let mut look = Look::at(page, |_| true).ok_or_else(not_drawn)?;
        let took = started.elapsed();
        let mut shown = visibility::of(&glyphs, page, &look);
        let undrawn = missing_font::believe(&glyphs, page, &look, &mut shown);
        let hidden = if shown.contains(&false) {
            let words = layer::read(&glyphs, &shown, page, frame).words;
            words.into_iter().filter(|word| word.hidden).collect()
        } else {
            Vec::new()
        };
        let mut uncovered = None;
        let mut issues = Vec::new();
        if how.mode == Mode::Auto {
            let drawn = undrawn.contains(&true).then(|| {
                let mut drawn = glyphs.clone();
                layer::keep(&mut drawn, |at, _| shown[at] && !undrawn[at]);
                drawn
            });
            layer::keep(&mut glyphs, |at, _| shown[at]);
            shown.clear();
            let drawn = drawn.as_deref().unwrap_or(&glyphs);
            let lying = self.lying_fonts(page, drawn, &fonts, readers);
            let mut wrong = Wrong::default();
            if !lying.is_empty() {
                let Some(some) = wrong_in(&mut glyphs, &lying) else {
                    return Ok(None);
                };
                issues.push(remarks::disagrees_in_part());
                wrong = some;
                look = Look::at(page, |object| !wrong.objects.contains(&object))
                    .ok_or_else(not_drawn)?;
            }
            uncovered = uncovered::draw(page, frame, &look, &wrong)?;
            if page.lacks_an_image(OBJECTS, took) {
                issues.push(remarks::undecodable());
            }
            if let Some(dpi) = uncovered.as_ref().and_then(|part| part.scan.dpi) {
                issues.extend(remarks::coarse(page, frame, dpi));
            }
        }
        let drawings = if how.codes.wants_barcodes() {
            drawings::of(page, frame)
        } else {
            Vec::new()
        };
        let layer = Layer {
            hidden,
            undrawn: undrawn.contains(&true),
            ..layer::read(&glyphs, &shown, page, frame)
        };
        let content = Content::Layer(layer, drawings, uncovered);
        Ok(Some((content, issues)))
    }

    /// The fonts of a page that draw other characters than the layer has. A few words of each font are recognized for that.
    fn lying_fonts(
        &self,
        page: &Page<'_>,
        glyphs: &[Glyph],
        fonts: &FontNames,
        readers: &mut LineReaders<'_>,
    ) -> BTreeSet<usize> {
        let mut known = self.fonts.borrow_mut();
        let words = visibility::words(glyphs);
        let (samples, of_page) = known.samples(glyphs, &words, fonts.names());
        let drawn = samples.into_iter().filter_map(|sample| {
            let (picture, alike) = samples::draw(page, &sample, readers.shapes)?;
            Some((sample, (picture, alike)))
        });
        let (samples, drawn): (Vec<_>, Vec<_>) = drawn.unzip();
        let (pictures, alike): (Vec<GrayImage>, Vec<Likeness>) = drawn.into_iter().unzip();
        let believed = known.believe(&samples, &alike);
        let doubtful = samples.into_iter().zip(pictures).zip(believed);
        let (samples, pictures): (Vec<_>, Vec<_>) = doubtful
            .filter_map(|(word, believed)| (!believed).then_some(word))
            .unzip();
        if !samples.is_empty() {
            let first: Vec<String> = pictures.iter().map(|one| readers.first(one)).collect();
            known.compare(&samples, &first, || {
                pictures.iter().map(|one| readers.second(one)).collect()
            });
        }
        known.lying(&of_page)
    }

    /// A part of the page with this index, at `scale` times the resolution of [`Self::read`]. `None` if it is not worth
    /// it: the page takes long to draw.
    pub(super) fn redraw(&self, index: u32, bounds: [i32; 4], scale: f32) -> Option<GrayImage> {
        let drawn = self.drawn.get()?;
        if drawn.index != index || drawn.took > MOST_TO_DRAW_AGAIN {
            return None;
        }
        let page = self.document.page(index).ok()?;
        let scaled = |pixels: i32| (pixels as f32 * scale).round() as i32;
        let [left, top, right, bottom] = bounds.map(scaled);
        let (width, height) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
        let whole = (scaled(drawn.frame.width), scaled(drawn.frame.height));
        let pixels = page.render_part(whole, (left, top), (width, height))?;
        GrayImage::from_raw(width.unsigned_abs(), height.unsigned_abs(), pixels)
    }
}

/// The characters of a text layer, and their fonts.
struct Glyphs {
    glyphs: Vec<Glyph>,
    fonts: FontNames,
}

/// Properties of a page that was drawn to be read.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    index: u32,
    frame: Frame,
    took: Duration,
}

/// Takes the characters in lying fonts out of a layer, and returns where they are. `None`: they are most of it.
fn wrong_in(glyphs: &mut Vec<Glyph>, lying: &BTreeSet<usize>) -> Option<Wrong> {
    let is_wrong = |glyph: &Glyph| !glyph.generated && lying.contains(&glyph.font);
    let blank = |glyph: &Glyph| glyph.generated || glyph.char.is_some_and(char::is_whitespace);
    let visible = glyphs.iter().filter(|glyph| !blank(glyph));
    let (all, wrong) = visible.fold((0, 0), |(all, wrong), glyph| {
        (all + 1, wrong + usize::from(is_wrong(glyph)))
    });
    if wrong * 2 > all {
        return None;
    }
    let words = visibility::words(glyphs).into_iter().filter_map(|word| {
        let of_word = glyphs[word].iter().filter(|glyph| is_wrong(glyph));
        of_word.map(|glyph| glyph.bounds).reduce(agreement::around)
    });
    let wrong = Wrong {
        words: words.collect(),
        objects: glyphs
            .iter()
            .filter(|glyph| is_wrong(glyph))
            .map(|glyph| glyph.object)
            .collect(),
    };
    layer::keep(glyphs, |_, glyph| !is_wrong(glyph));
    Some(wrong)
}

/// Characters that are not cropped away and not a second drawing of the same.
fn seen(page: &Page<'_>) -> (Vec<Glyph>, FontNames) {
    let (mut glyphs, fonts) = page.glyphs();
    layer::drop_shadows(&mut glyphs);
    layer::keep_seen(&mut glyphs, page.seen());
    (glyphs, fonts)
}

fn not_drawn() -> Fault {
    Fault::new(FaultKind::Engine, "PDFium could not draw the page.")
}
