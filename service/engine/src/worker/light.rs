//! Pages with uneven light: photographed under a lamp, or with the shadow of a hand.
//!
//! Recognition separates ink from paper by one brightness for the whole page. So paper in shadow becomes ink, and the
//! text on it is lost. If that would happen, each pixel is divided by the brightness of the paper around it.

use std::borrow::Cow;

use super::Scan;

/// Side of the tiles in which paper is searched for, in pixels.
const TILE: usize = 32;
/// Distance of the pixels of a tile that are sampled, across and down.
const STEP: usize = 4;
/// Least brightness of a tile's paper, relative to its neighbour's. The edge of a shadow is soft; that of a dark box is
/// not.
const FALL: f32 = 0.6;
/// Largest brightness of ink, relative to its paper.
const INK: f32 = 0.7;
/// Least difference between ink and paper. In dark parts, noise alone is a large share.
const DARKER: f32 = 32.0;
/// Largest distance of a tile's median brightness from its brightest pixels, relative to the distance of its darkest
/// ones. Most of a tile with writing is paper. In noise, this is one half; with bright letters on a dark ground, more.
const MOSTLY_PAPER: f32 = 0.35;
/// Fewest tiles with ink on lost paper for which a page is evened: a share of the tiles with ink, and a count.
const LOST: (f32, usize) = (0.015, 6);
/// Least brightness that is taken for paper. With a darker one, noise would become ink.
const DARKEST: f32 = 24.0;

/// The same page as in even light, or unchanged if all its ink is visible.
pub(super) fn even(scan: &Scan) -> Cow<'_, Scan> {
    let tiles = Tiles::of(scan);
    if !tiles.lose_ink() {
        return Cow::Borrowed(scan);
    }
    let mut scan = scan.clone();
    let paper = tiles.paper();
    let width = scan.width as usize;
    let mut row_of_paper = vec![0.0; tiles.columns];
    for (y, row) in scan.pixels.chunks_exact_mut(width.max(1)).enumerate() {
        let (above, below, share) = between(y, tiles.rows);
        for (column, value) in row_of_paper.iter_mut().enumerate() {
            let at = |row: usize| paper[row * tiles.columns + column];
            *value = at(above) * (1.0 - share) + at(below) * share;
        }
        for (x, pixel) in row.iter_mut().enumerate() {
            let (left, right, share) = between(x, tiles.columns);
            let paper = row_of_paper[left] * (1.0 - share) + row_of_paper[right] * share;
            *pixel = (f32::from(*pixel) * 255.0 / paper).min(255.0) as u8;
        }
    }
    Cow::Owned(scan)
}

/// The tiles between whose middles a place is, and its relative position between them.
fn between(at: usize, count: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) / TILE as f32 - 0.5).max(0.0);
    let first = (place as usize).min(count - 1);
    (
        first,
        (first + 1).min(count - 1),
        (place - first as f32).min(1.0),
    )
}

/// Properties of a page, tile by tile.
struct Tiles {
    columns: usize,
    rows: usize,
    /// Brightness that nine of ten pixels do not exceed.
    bright: Vec<f32>,
    /// True if there is dark writing on the tile.
    inked: Vec<bool>,
    /// Number of sampled pixels of each brightness.
    seen: [u32; 256],
}

impl Tiles {
    fn of(scan: &Scan) -> Self {
        let (width, height) = (scan.width as usize, scan.height as usize);
        let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
        let mut this = Self {
            columns,
            rows,
            bright: Vec::with_capacity(columns * rows),
            inked: Vec::with_capacity(columns * rows),
            seen: [0; 256],
        };
        let mut pixels: Vec<u8> = Vec::with_capacity((TILE / STEP) * (TILE / STEP));
        for row in 0..rows {
            for column in 0..columns {
                pixels.clear();
                for y in (row * TILE..height.min((row + 1) * TILE)).step_by(STEP) {
                    let end = width.min((column + 1) * TILE);
                    let line = &scan.pixels[y * width + column * TILE..y * width + end];
                    pixels.extend(line.iter().step_by(STEP).copied());
                }
                for pixel in &pixels {
                    this.seen[usize::from(*pixel)] += 1;
                }
                pixels.sort_unstable();
                let (last, tenth) = (pixels.len() - 1, pixels.len() / 10);
                let [dark, median, bright] =
                    [tenth, last / 2, last - tenth].map(|at| f32::from(pixels[at]));
                this.bright.push(bright);
                let contrast = bright - dark;
                let on_paper = bright - median < contrast * MOSTLY_PAPER;
                this.inked
                    .push(contrast >= DARKER && dark < bright * INK && on_paper);
            }
        }
        this
    }

    /// True if ink would be lost with one threshold for the page, because some of its paper would be taken for ink.
    fn lose_ink(&self) -> bool {
        let threshold = otsu(&self.seen);
        let tiles = self.inked.iter().zip(&self.bright);
        let inked = tiles.filter(|(inked, _)| **inked);
        let lost = inked.clone().filter(|(_, bright)| **bright <= threshold);
        lost.count() >= LOST.1.max((inked.count() as f32 * LOST.0) as usize)
    }

    /// Brightness of the paper at each tile: that of its brightest pixels, unless it is much darker than that of its
    /// neighbours.
    fn paper(&self) -> Vec<f32> {
        let mut paper: Vec<f32> = self.bright.iter().map(|it| it.max(DARKEST)).collect();
        let (columns, rows) = (self.columns, self.rows);
        for forth in [true, false] {
            for step in 0..columns * rows {
                let at = if forth {
                    step
                } else {
                    columns * rows - 1 - step
                };
                let (row, column) = (at / columns, at % columns);
                let (beside, over) = if forth {
                    (
                        (column > 0).then(|| at - 1),
                        (row > 0).then(|| at - columns),
                    )
                } else {
                    (
                        (column + 1 < columns).then_some(at + 1),
                        (row + 1 < rows).then_some(at + columns),
                    )
                };
                for neighbour in [beside, over].into_iter().flatten() {
                    paper[at] = paper[at].max(paper[neighbour] * FALL);
                }
            }
        }
        paper
    }
}

/// The brightness that best separates dark from bright: the variance between the two is greatest (Otsu 1979).
fn otsu(seen: &[u32; 256]) -> f32 {
    let count: f64 = seen.iter().map(|it| f64::from(*it)).sum();
    let sum: f64 = seen
        .iter()
        .enumerate()
        .map(|(level, it)| level as f64 * f64::from(*it))
        .sum();
    let (mut below, mut sum_below, mut best) = (0.0, 0.0, (0.0, 0));
    for (level, it) in seen.iter().enumerate() {
        below += f64::from(*it);
        sum_below += level as f64 * f64::from(*it);
        let above = count - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let variance = below * above * apart * apart;
        if variance > best.0 {
            best = (variance, level);
        }
    }
    best.1 as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paper whose brightness is a function of x, with strokes of ink a fifth as bright.
    fn page(paper: impl Fn(u32) -> u8) -> Scan {
        let (width, height) = (640, 320);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let inked = y % 32 > 12 && x % 8 < 2;
                pixels.push(if inked { paper(x) / 5 } else { paper(x) });
            }
        }
        Scan {
            pixels,
            width,
            height,
            dpi: None,
        }
    }

    /// Brightness of the brightest ink and of the darkest paper.
    fn ink_and_paper(scan: &Scan) -> (u8, u8) {
        let (mut ink, mut paper) = (0, 255);
        for (at, pixel) in scan.pixels.iter().enumerate() {
            let (x, y) = (at % scan.width as usize, at / scan.width as usize);
            if y % 32 > 12 && x % 8 < 2 {
                ink = ink.max(*pixel);
            } else {
                paper = paper.min(*pixel);
            }
        }
        (ink, paper)
    }

    #[track_caller]
    fn assert_stays(scan: Scan) {
        assert!(matches!(even(&scan), Cow::Borrowed(_)));
    }

    #[test]
    fn separates_ink_from_paper_in_shadow() {
        let falling = page(|x| 250 - (x / 3) as u8);
        let (ink, paper) = ink_and_paper(&falling);
        assert!(ink > paper / 2 && otsu(&Tiles::of(&falling).seen) > f32::from(paper));
        let (ink, paper) = ink_and_paper(&even(&falling));
        assert!(ink < 80 && paper > 200, "{ink} {paper}");
    }

    #[test]
    fn keeps_evenly_lit_pages_unchanged() {
        for brightness in [255, 200, 120] {
            assert_stays(page(|_| brightness));
        }
        // A dark box without ink, or with bright letters on it, is not in shadow.
        let mut boxed = page(|_| 240);
        for (at, pixel) in boxed.pixels.iter_mut().enumerate() {
            let (x, y) = (at % 640, at / 640);
            if y < 160 && x < 320 {
                *pixel = if (64..96).contains(&y) && x % 8 < 2 {
                    240
                } else {
                    30
                };
            }
        }
        assert_stays(boxed);
    }

    #[test]
    fn accepts_pages_of_any_size() {
        for (width, height) in [(1, 1), (33, 1), (31, 65)] {
            let scan = Scan {
                pixels: vec![7; (width * height) as usize],
                width,
                height,
                dpi: None,
            };
            assert_stays(scan);
        }
    }
}
