//! PDF: pages by their text layer or by their pixels.

mod compose;
mod drawings;
mod glyphless;
mod layer;
mod soundness;

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use ::image::{DynamicImage, GrayImage, RgbImage};
use ocr_api::inspection::TextLayer;

use super::ffi::pdfium::{Document, Glyph, Library, OpenError, Page};
use super::{Content, Scan, Size, corrupt, image};
use crate::protocol::{Fault, FaultKind, How, Mode};
pub(super) use drawings::Drawing;
pub(super) use layer::Layer;

/// What scanners use, and what Tesseract's models were trained for.
const DPI: f64 = 300.0;
/// Below this, nobody could read a page either: it is too large.
const MIN_DPI: f64 = 36.0;
const MAX_SIDE: f64 = 32_767.0;
/// Every part of a page costs nearly as much to draw as the whole, where that is not pixels.
const MOST_TO_DRAW_AGAIN: Duration = Duration::from_millis(100);
/// Page objects looked at.
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
}

impl PdfReader {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let library = Library::load(path)
            .map_err(|error| format!("can't load PDFium from {}: {error}", path.display()))?;
        Ok(Self { library })
    }

    pub(super) fn open(self, bytes: Vec<u8>) -> Result<PdfDocument, Fault> {
        match self.library.open(bytes) {
            Ok(document) => Ok(PdfDocument {
                document,
                drawn: Cell::new(None),
            }),
            Err(OpenError::Encrypted) => Err(Fault::new(
                FaultKind::Encrypted,
                "The PDF is protected by a password, or encrypted in a way that is not known here; save it without \
                 protection and send that.",
            )),
            Err(OpenError::Damaged) => Err(corrupt(
                "The PDF is damaged or cut short; send it again, or export it anew.",
            )),
        }
    }
}

impl PdfDocument {
    pub(super) fn page_count(&self) -> u32 {
        self.document.page_count()
    }

    fn page(&self, index: u32) -> Result<Page<'_>, Fault> {
        self.document.page(index).map_err(|_| {
            corrupt(format!(
                "Page {} of the PDF is damaged; export the document anew.",
                u64::from(index) + 1
            ))
        })
    }

    /// The size in which the page would be read, and what its text layer is worth. `index` is counted from 0.
    pub(super) fn inspect(&self, index: u32, max_pixels: u64) -> Result<(Size, TextLayer), Fault> {
        let page = self.page(index)?;
        let frame = Frame::of(&page, max_pixels)?;
        let size = Size {
            width: frame.width.unsigned_abs(),
            height: frame.height.unsigned_abs(),
            dpi: Some(frame.dpi),
        };
        Ok((size, soundness::judge(&seen(&page), &page)))
    }

    /// A PNG of the page in colour, of at most `side` pixels a side.
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
            .and_then(|picture| image::png(&picture))
    }

    /// `index` is counted from 0.
    pub(super) fn read(&self, index: u32, how: &How, max_pixels: u64) -> Result<Content, Fault> {
        let page = self.page(index)?;
        let frame = Frame::of(&page, max_pixels)?;
        if how.mode != Mode::Ocr {
            let glyphs = seen(&page);
            if how.mode == Mode::Text || soundness::judge(&glyphs, &page) == TextLayer::Sound {
                let drawings = if how.codes.wants_barcodes() {
                    drawings::of(&page, frame)
                } else {
                    Vec::new()
                };
                return Ok(Content::Layer(layer::read(&glyphs, &page, frame), drawings));
            }
        }
        let started = Instant::now();
        let pixels = page
            .render(frame.width, frame.height)
            .ok_or_else(not_drawn)?;
        let blank = pixels.windows(2).all(|two| two[0] == two[1]);
        let took = started.elapsed();
        // Not longer than it took to draw them all, if there is something to read.
        let time = if blank { Duration::MAX } else { took };
        let lacks_an_image = page.lacks_an_image(OBJECTS, time);
        if blank && lacks_an_image {
            return Err(corrupt(
                "A picture on the PDF page can't be decoded: it is damaged, or made to need more memory than allowed. Export \
                 the document anew.",
            ));
        }
        self.drawn.set(Some(Drawn {
            index,
            frame,
            took,
            lacks_an_image,
        }));
        Ok(Content::scan(Scan {
            pixels,
            width: frame.width.unsigned_abs(),
            height: frame.height.unsigned_abs(),
            dpi: Some(frame.dpi),
        }))
    }

    /// Whether the page with this index was drawn without an image on it that can't be decoded.
    pub(super) fn lacked_an_image(&self, index: u32) -> bool {
        self.drawn
            .get()
            .is_some_and(|drawn| drawn.index == index && drawn.lacks_an_image)
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

/// How a page was drawn to be read.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    index: u32,
    frame: Frame,
    took: Duration,
    lacks_an_image: bool,
}

/// The characters that are not cropped away.
fn seen(page: &Page<'_>) -> Vec<Glyph> {
    let mut glyphs = page.glyphs();
    layer::keep_seen(&mut glyphs, page.seen());
    glyphs
}

fn not_drawn() -> Fault {
    Fault::new(FaultKind::Engine, "PDFium could not draw the page.")
}

/// A page's size in pixels, and the resolution that gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    width: i32,
    height: i32,
    dpi: u32,
}

impl Frame {
    fn of(page: &Page<'_>, max_pixels: u64) -> Result<Self, Fault> {
        let (width, height) = page.size();
        Self::fit(f64::from(width), f64::from(height), max_pixels)
    }

    /// 300 dpi, or less where the page would have too many pixels. Sizes are in points.
    fn fit(width: f64, height: f64, max_pixels: u64) -> Result<Self, Fault> {
        let (width, height) = (width / POINTS_PER_INCH, height / POINTS_PER_INCH);
        let usable = |side: f64| side.is_finite() && side > 0.0;
        if !usable(width) || !usable(height) {
            return Err(corrupt(
                "The PDF page has no size; export the document anew.",
            ));
        }
        let by_area = (max_pixels as f64 / (width * height)).sqrt();
        let by_side = MAX_SIDE / width.max(height);
        let dpi = DPI.min(by_area).min(by_side).floor();
        if dpi < MIN_DPI {
            return Err(Fault::new(
                FaultKind::TooLarge,
                format!(
                    "The PDF page is {width:.0} × {height:.0} inches: too large to be read within {} megapixels. \
                     Split it.",
                    max_pixels / 1_000_000
                ),
            ));
        }
        let pixels = |side: f64| ((side * dpi).round() as i32).max(1);
        Ok(Self {
            width: pixels(width),
            height: pixels(height),
            dpi: dpi as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_300_dpi_unless_that_is_too_much() {
        let a4 = Frame::fit(595.0, 842.0, 80_000_000).unwrap();
        assert_eq!((a4.width, a4.height, a4.dpi), (2479, 3508, 300));
        let plan = Frame::fit(2384.0 * 2.0, 3370.0 * 2.0, 80_000_000).unwrap();
        assert!(plan.dpi < 300 && plan.dpi > 100);
        assert!(i64::from(plan.width) * i64::from(plan.height) <= 80_500_000);
        let strip = Frame::fit(72.0, 72.0 * 200.0, 80_000_000).unwrap();
        assert!(strip.height <= 32_767);
    }

    #[test]
    fn a_page_that_nobody_could_read_is_refused() {
        let huge = Frame::fit(14_400.0 * 20.0, 14_400.0 * 20.0, 80_000_000).unwrap_err();
        assert_eq!(huge.kind, FaultKind::TooLarge);
        for side in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let none = Frame::fit(side, 100.0, 80_000_000).unwrap_err();
            assert_eq!(none.kind, FaultKind::Corrupt);
        }
    }
}
