//! Content of a page beside its text layer that may be text, drawn to be recognized.

use std::collections::BTreeSet;

use ocr_protocol::Fault;

use super::frame::Frame;
use super::look::Look;
use super::rows::{self, Area, Areas};
use super::{POINTS_PER_INCH, not_drawn};
use crate::worker::Scan;
use crate::worker::ffi::pdfium::{Page, Points};

/// Most pixels that are drawn: somewhat more than a page of A4 at 300 dpi.
const MOST_PIXELS: f64 = 12_000_000.0;
/// Least height of most rows, in pixels, if it takes no more than this multiple of the page's resolution.
const ROW: f64 = 22.0;
const FINEST: f64 = 3.0;

/// A part of a page. It is white where there is no text to recognize.
pub(in crate::worker) struct Uncovered {
    pub(in crate::worker) scan: Scan,
    /// Place of its top left corner, in its own pixels.
    corner: (i32, i32),
    /// Its pixels per pixel of the page.
    scale: f64,
}

impl Uncovered {
    /// Place on the page of a box of the part.
    pub(in crate::worker) fn on_page(&self, [left, top, right, bottom]: [i32; 4]) -> [i32; 4] {
        let place = |at: i32, corner: i32| {
            (f64::from(at.saturating_add(corner)) / self.scale).round() as i32
        };
        let (across, down) = self.corner;
        [
            place(left, across),
            place(top, down),
            place(right, across),
            place(bottom, down),
        ]
    }
}

/// Text in fonts that state other characters than they draw.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// Places of its words, in points.
    pub(super) words: Vec<Points>,
    /// The objects that draw it.
    pub(super) objects: BTreeSet<usize>,
}

/// Areas in which a page may have text that is not in its layer, and those of words that its layer has wrongly.
pub(super) fn of(look: &Look, wrong: &Wrong) -> Areas {
    let known: Vec<Area> = wrong.words.iter().map(|word| look.pixels(*word)).collect();
    let pixels = look.without_text();
    pixels.map_or_else(Areas::default, |pixels| {
        rows::areas(pixels, look.width, look.height, &known)
    })
}

/// Draws these areas. Returns `None` if there is nothing to recognize.
pub(super) fn draw(
    page: &Page<'_>,
    frame: Frame,
    look: &Look,
    wrong: &Wrong,
) -> Result<Option<Uncovered>, Fault> {
    let Areas { areas, height } = of(look, wrong);
    let Some([left, top, right, bottom]) = areas.iter().copied().reduce(rows::around) else {
        return Ok(None);
    };
    // In points of the visible page.
    let points = |pixels: usize| pixels as f64 / look.scale;
    let usual = f64::from(frame.dpi) / POINTS_PER_INCH;
    let wanted = ROW / points(height).max(f64::MIN_POSITIVE);
    let area = points(right - left) * points(bottom - top);
    let scale = wanted
        .clamp(usual, usual * FINEST)
        .min((MOST_PIXELS / area).sqrt());
    // Relative to the frame, which the page's boxes refer to.
    let (wide, tall) = page.size();
    let exact = scale * f64::from(wide.max(tall)) / f64::from(frame.width.max(frame.height));
    let side = f64::from(i16::MAX) / f64::from(frame.width.max(frame.height));
    let exact = exact.min(side);
    let scaled = |pixels: i32| ((f64::from(pixels) * exact).round() as i32).max(1);
    let whole = (scaled(frame.width), scaled(frame.height));
    let across = |at: usize| (at as f64 / look.width as f64 * f64::from(whole.0)) as i32;
    let down = |at: usize| (at as f64 / look.height as f64 * f64::from(whole.1)) as i32;
    let corner = (across(left), down(top));
    let size = (
        (across(right) - corner.0).max(1),
        (down(bottom) - corner.1).max(1),
    );
    page.draw_text(|object| wrong.objects.contains(&object));
    let drawn = page.render_part(whole, corner, size);
    page.draw_text(|_| true);
    let mut scan = Scan {
        pixels: drawn.ok_or_else(not_drawn)?,
        width: size.0.unsigned_abs(),
        height: size.1.unsigned_abs(),
        dpi: Some((scale * POINTS_PER_INCH).round() as u32),
    };
    let within: Vec<Area> = areas
        .iter()
        .map(|area| [area[0] - left, area[1] - top, area[2] - left, area[3] - top])
        .collect();
    keep(&mut scan, &within, (right - left, bottom - top));
    Ok(Some(Uncovered {
        scan,
        corner,
        scale: exact,
    }))
}

/// Keeps only these areas of a page and makes the rest white. The page is larger than the picture in which they were
/// found.
pub(super) fn keep(scan: &mut Scan, areas: &[Area], (width, height): (usize, usize)) {
    let columns = scan.width as usize;
    let rows = scan.height as usize;
    let across = |at: usize| (at * columns).div_ceil(width.max(1)).min(columns);
    let down = |at: usize| (at * rows).div_ceil(height.max(1)).min(rows);
    let areas: Vec<Area> = areas
        .iter()
        .map(|[left, top, right, bottom]| {
            [across(*left), down(*top), across(*right), down(*bottom)]
        })
        .collect();
    for (row, line) in scan.pixels.chunks_exact_mut(columns.max(1)).enumerate() {
        let mut kept: Vec<(usize, usize)> = areas
            .iter()
            .filter(|area| (area[1]..area[3]).contains(&row))
            .map(|area| (area[0], area[2]))
            .collect();
        kept.sort_unstable();
        let mut white = 0;
        for (left, right) in kept {
            if let Some(between) = line.get_mut(white..left) {
                between.fill(u8::MAX);
            }
            white = white.max(right);
        }
        line[white..].fill(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_boxes_of_a_part_to_the_page() {
        let part = Uncovered {
            scan: Scan {
                pixels: Vec::new(),
                width: 0,
                height: 0,
                dpi: None,
            },
            corner: (200, 100),
            scale: 2.0,
        };
        assert_eq!(part.on_page([0, 0, 10, 20]), [100, 50, 105, 60]);
    }

    #[test]
    fn makes_everything_outside_the_areas_white() {
        let mut scan = Scan {
            pixels: vec![0; 8 * 4],
            width: 8,
            height: 4,
            dpi: None,
        };
        keep(&mut scan, &[[0, 0, 1, 1], [2, 0, 3, 1]], (4, 2));
        let row = [0, 0, 255, 255, 0, 0, 255, 255];
        assert_eq!(scan.pixels, [row, row, [255; 8], [255; 8]].concat());
    }
}
