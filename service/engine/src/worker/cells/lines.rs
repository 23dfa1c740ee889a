//! Finds the lines of cells.

use crate::worker::Scan;
use crate::worker::bricks::Bits;

/// Height of a bar, in millimetres: at least a tooth of a comb, at most a box. A higher one belongs to a table.
const BAR: std::ops::RangeInclusive<f32> = 1.8..=14.0;
/// Largest thickness of a line, in millimetres.
const THICK: f32 = 0.8;
/// Distance from bar to bar, with room for a letter between them, in millimetres.
const CELL: std::ops::RangeInclusive<f32> = 2.5..=12.0;
/// Largest difference in height between the ends of neighbouring bars, in millimetres, since paper may lie aslant.
const ASLANT: f32 = 0.5;
/// Largest distance between the end of a bar and its line, in millimetres.
const NEAR: f32 = 0.35;
/// Fewest cells in a row.
const FEWEST: usize = 5;
/// Least share of the two most frequent distances among all distances of a row, and largest difference between two
/// distances that count as equal.
const REGULAR: f32 = 0.85;
const SAME: f32 = 0.08;
/// Least share of a cell's width that a line covers.
const LINED: f32 = 0.9;
/// Least share of a row's cells that have a line.
const MOSTLY: f32 = 0.8;
/// Largest brightness of a line, relative to the paper.
const INK: f32 = 0.86;
/// Rows of pixels per millimetre that are enough to find bars.
const FINE: f32 = 5.0;
/// Number of open rows from which on rows that can't continue are closed.
const MANY: usize = 256;
/// Most bars on a page. Pages crafted to have more are not searched.
const MOST_BARS: usize = 20_000;
pub(super) const MM: f32 = 25.4;

/// A page of which each pixel is either ink or not.
pub(super) struct Ink<'a> {
    pixels: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) paper: u8,
    /// Pixels darker than this are ink.
    below: u8,
}

impl<'a> Ink<'a> {
    pub(super) fn of(scan: &'a Scan) -> Option<Self> {
        let (width, height) = (scan.width as usize, scan.height as usize);
        if width == 0 || height == 0 {
            return None;
        }
        let mut counts = [0u32; 256];
        for row in scan.pixels.chunks_exact(width).step_by(16) {
            row.iter()
                .step_by(16)
                .for_each(|pixel| counts[usize::from(*pixel)] += 1);
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        let paper = most.and_then(|(gray, _)| u8::try_from(gray).ok())?;
        Some(Self {
            pixels: &scan.pixels,
            width,
            height,
            paper,
            below: (f32::from(paper) * INK) as u8,
        })
    }

    pub(super) fn has(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.pixels[y * self.width + x] < self.below
    }

    /// Every `step`-th row of the page, with one bit per pixel.
    fn bits(&self, step: usize) -> Vec<u32> {
        let stride = self.width.div_ceil(32);
        let mut words = Vec::with_capacity(stride * self.height.div_ceil(step));
        let mut inked = [0u8; 32];
        for row in self.pixels.chunks_exact(self.width).step_by(step) {
            for pixels in row.chunks(32) {
                inked[pixels.len()..].fill(0);
                for (inked, pixel) in inked.iter_mut().zip(pixels) {
                    *inked = u8::from(*pixel < self.below);
                }
                let (bytes, _) = inked.as_chunks::<8>();
                words.push(
                    bytes
                        .iter()
                        .fold(0, |word, bytes| word << 8 | gather(*bytes)),
                );
            }
        }
        words
    }
}

/// Collects one bit of each byte, which is 0 or 1. The bit of the first byte is the highest.
fn gather(bytes: [u8; 8]) -> u32 {
    // The factor's bit 63 - 9 i moves byte i to bit 63 - i, and nothing else to the same place.
    let gathered = u64::from_le_bytes(bytes).wrapping_mul(0x8040_2010_0804_0201) >> 56;
    gathered as u32
}

/// An upright line. Right and bottom are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Bar {
    pub(super) fn height(self) -> usize {
        self.bottom - self.top
    }
}

/// All bars on the page, from left to right.
fn bars(page: &Ink<'_>, unit: f32) -> Vec<Bar> {
    // A bar is visible in every second row, too, if the scan is good enough.
    let step = ((unit / FINE) as usize).max(1);
    let shortest = ((BAR.start() * unit) as usize / step).max(6);
    let tallest = (BAR.end() * unit) as usize;
    let thickest = ((THICK * unit) as usize).max(2);
    let stride = page.width.div_ceil(32);
    let mut upright = page.bits(step);
    Bits {
        words: &mut upright,
        stride,
    }
    .open(1, shortest);
    let mut done: Vec<Bar> = Vec::new();
    // Bars that have a piece in the row above, from left to right.
    let mut open: Vec<Bar> = Vec::new();
    for (y, row) in upright.chunks_exact(stride).enumerate() {
        let mut next: Vec<Bar> = Vec::new();
        let mut above = open.iter().copied().peekable();
        for (left, right) in runs(row) {
            while let Some(bar) = above.next_if(|bar| bar.right < left) {
                done.push(bar);
            }
            let mut bar = Bar {
                left,
                right,
                top: y * step,
                bottom: (y + 1) * step,
            };
            while let Some(piece) = above.next_if(|piece| piece.left <= right) {
                bar.left = bar.left.min(piece.left);
                bar.right = bar.right.max(piece.right);
                bar.top = bar.top.min(piece.top);
            }
            next.push(bar);
        }
        done.extend(above);
        open = next;
        if done.len() > MOST_BARS {
            return Vec::new();
        }
    }
    done.extend(open);
    done.retain(|bar| {
        let aslant = bar.height() / 40;
        bar.right - bar.left <= thickest + aslant && bar.height() <= tallest
    });
    done.sort_by_key(|bar| (bar.left, bar.top));
    done
}

/// Runs of set bits in a row.
fn runs(row: &[u32]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, &word) in row.iter().enumerate() {
        let mut left = word;
        while left != 0 {
            let start = left.leading_zeros();
            let length = (left << start).leading_ones();
            let (from, to) = (
                at * 32 + start as usize,
                at * 32 + (start + length) as usize,
            );
            match runs.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => runs.push((from, to)),
            }
            let behind = start + length;
            left = left.checked_shl(behind).map_or(0, |rest| rest >> behind);
        }
    }
    runs
}

/// Groups of similar bars next to each other.
fn rows(bars: &[Bar], unit: f32) -> Vec<Vec<Bar>> {
    let (aslant, farthest) = ((ASLANT * unit) as usize + 1, (CELL.end() * unit) as usize);
    let mut done: Vec<Vec<Bar>> = Vec::new();
    let mut open: Vec<Vec<Bar>> = Vec::new();
    for bar in bars {
        let is_near = |last: &Bar| bar.left.saturating_sub(last.left) <= farthest;
        if open.len() >= MANY {
            let is_far = |row: &mut Vec<Bar>| !row.last().is_some_and(is_near);
            done.extend(open.extract_if(.., is_far));
        }
        let alike = |row: &&mut Vec<Bar>| {
            row.last().is_some_and(|last| {
                let (top, bottom) = (last.top.abs_diff(bar.top), last.bottom.abs_diff(bar.bottom));
                top.max(bottom) <= aslant && is_near(last)
            })
        };
        match open.iter_mut().rev().find(alike) {
            Some(row) => row.push(*bar),
            None => open.push(vec![*bar]),
        }
    }
    done.extend(open);
    done.retain(|row| row.len() > FEWEST);
    done
}

/// Indexes of a cell's two lines.
pub(super) const HEAD: usize = 0;
pub(super) const FOOT: usize = 1;

/// A row of cells.
pub(super) struct Row {
    pub(super) bars: Vec<Bar>,
    /// For each bar but the last: whether a line continues from its head, and from its foot, to the next bar.
    lines: Vec<[bool; 2]>,
}

impl Row {
    /// All rows of the page. `unit` is pixels per millimetre.
    pub(super) fn all(page: &Ink<'_>, unit: f32) -> Vec<Self> {
        rows(&bars(page, unit), unit)
            .into_iter()
            .filter_map(|bars| Self::of(bars, page, unit))
            .collect()
    }

    /// Checks that bars form a row. Returns `None` otherwise.
    fn of(bars: Vec<Bar>, page: &Ink<'_>, unit: f32) -> Option<Self> {
        let distances: Vec<f32> = bars
            .windows(2)
            .map(|two| (two[1].left - two[0].left) as f32)
            .collect();
        let alike = |one: f32, other: f32| (one - other).abs() <= (one * SAME).max(2.5);
        let like = |one: f32| distances.iter().filter(|other| alike(one, **other)).count();
        let usual = distances.iter().copied().max_by_key(|one| like(*one))?;
        let others = distances.iter().copied().filter(|one| !alike(usual, *one));
        let second = others.max_by_key(|one| like(*one));
        let regular = like(usual) + second.map_or(0, like);
        if (regular as f32) < distances.len() as f32 * REGULAR {
            return None;
        }
        let near = (NEAR * unit) as usize + 1;
        let lines: Vec<[bool; 2]> = bars
            .windows(2)
            .map(|two| {
                let lined = |one: usize, other: usize| {
                    let between = two[0].right..two[1].left;
                    let width = between.len();
                    let (top, bottom) = (one.min(other).saturating_sub(near), one.max(other));
                    let inked = between.filter(|x| (top..=bottom + near).any(|y| page.has(*x, y)));
                    inked.count() as f32 >= width as f32 * LINED
                };
                [
                    lined(two[0].top, two[1].top),
                    lined(two[0].bottom, two[1].bottom),
                ]
            })
            .collect();
        let row = Self { bars, lines };
        let cells = row.cells(unit);
        let lined = cells.iter().filter(|(_, lines)| lines.contains(&true));
        let lined = lined.count();
        let is_row = lined >= FEWEST && lined as f32 >= cells.len() as f32 * MOSTLY;
        is_row.then_some(row)
    }

    /// The sides of each cell, and its lines. Narrower gaps are the white between two boxes.
    pub(super) fn cells(&self, unit: f32) -> Vec<(&[Bar], [bool; 2])> {
        let sides = self.bars.windows(2).zip(self.lines.iter().copied());
        let is_cell =
            |(two, _): &(&[Bar], _)| (two[1].left - two[0].left) as f32 >= CELL.start() * unit;
        sides.filter(is_cell).collect()
    }

    /// Removes the row's lines from the page.
    pub(super) fn erase(&self, scan: &mut Scan, page: &Ink<'_>, unit: f32) {
        let fringe = (unit / 10.0).round().max(1.0) as usize;
        let near = (NEAR * unit) as usize + 1;
        let thickest = ((THICK * unit) as usize).max(2);
        let width = page.width;
        let mut whiten = |x: usize, from: usize, to: usize| {
            for y in from..to.min(page.height) {
                if let Some(pixel) = scan.pixels.get_mut(y * width + x) {
                    *pixel = page.paper;
                }
            }
        };
        for bar in &self.bars {
            for x in bar.left.saturating_sub(fringe)..(bar.right + fringe).min(width) {
                let top = bar.top.saturating_sub(near);
                whiten(x, top, bar.bottom + near);
            }
        }
        for (two, lines) in self.bars.windows(2).zip(&self.lines) {
            let ends = [(two[0].top, two[1].top), (two[0].bottom, two[1].bottom)];
            for ((one, other), _) in ends.into_iter().zip(lines).filter(|(_, lined)| **lined) {
                let (top, bottom) = (
                    one.min(other).saturating_sub(near),
                    one.max(other) + near + 1,
                );
                for x in two[0].right..two[1].left {
                    let Some(within) = (top..bottom).find(|y| page.has(x, *y)) else {
                        continue;
                    };
                    let mut first = within;
                    while first > 0 && within - first <= thickest && page.has(x, first - 1) {
                        first -= 1;
                    }
                    let mut behind = within + 1;
                    while behind - within <= thickest && page.has(x, behind) {
                        behind += 1;
                    }
                    // It is more than a line if a letter crosses it.
                    if behind - first <= thickest {
                        whiten(x, first.saturating_sub(fringe), behind + fringe);
                    }
                }
            }
        }
    }
}
