//! Ink outside of words that looks like text: many pieces of similar size next to each other, along lines of any
//! direction.

use std::collections::BTreeMap;

use super::ground::Ground;
use crate::worker::upright::{Coarse, Ink};

/// Factors by which the ink is coarsened as well. Dotted letters and blurred words form pieces only then.
const COARSER: [usize; 3] = [1, 2, 4];
/// Fewest cells of ink without a word that are analysed.
const MIN_INK: usize = 100;
/// Sides of a piece, in cells. The shorter side has a minimum on pages with words and on pages without, and a maximum
/// before coarsening. The longer side has a largest ratio to it.
const MIN_SIDE: usize = 3;
const MIN_SIDE_WITHOUT_WORDS: usize = 2;
const MAX_SIDE: usize = 60;
const MAX_RATIO: usize = 12;
/// Least share of its rectangle that a piece fills, in hundredths.
const MIN_FILLED: usize = 15;
/// Most pieces that are compared with each other.
const MAX_PIECES: usize = 5000;
/// Fewest pieces in a row next to each other.
const CHAIN: usize = 8;
/// Most cells along the shorter side of a speck.
const SPECK: usize = 4;

/// Ink of a page outside of its words.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::worker) struct UnreadInk {
    /// Pieces in chains, at the coarseness with the highest score.
    pieces: usize,
    /// Their share of this ink, at that coarseness.
    share: f32,
    /// Specks per piece that may be text, in chains or not. Letters have few around them; noise and photographs have
    /// many.
    specks: f32,
}

/// Left, top, right and bottom of a piece in cells, and its ink.
#[derive(Debug, Clone, Copy)]
struct Piece {
    bounds: [usize; 4],
    cells: usize,
}

impl UnreadInk {
    /// Analyses a page. `words` are boxes in pixels. `is_known` returns true for other boxes whose content is known not
    /// to be text.
    pub(in crate::worker) fn of(
        coarse: &Coarse,
        words: impl Iterator<Item = [i32; 4]>,
        is_known: impl Fn([i32; 4]) -> bool,
    ) -> Self {
        let ink = coarse.ink();
        let mut grid = Grid::of(&ink);
        let mut least = MIN_SIDE_WITHOUT_WORDS;
        for word in words {
            least = MIN_SIDE;
            grid.clear(word, ink.scale);
        }
        if grid.count() < MIN_INK {
            return Self::default();
        }
        let ground = Ground::of(coarse, &ink);
        let mut most = Self::default();
        for coarser in COARSER {
            let grid = grid.coarser(coarser);
            let scale = ink.scale as usize * coarser;
            let (mut pieces, specks) = grid.pieces(coarser, least);
            let specks = specks as f32 / pieces.len().max(1) as f32;
            pieces.retain(|piece| !is_known(piece.bounds.map(|side| (side * scale) as i32)));
            let mut chains = chains(&pieces);
            let finest = |piece: &Piece| piece.bounds.map(|side| side * coarser);
            chains.retain(|chain| !ground.is_photograph(chain.iter().map(finest)));
            let pieces = chains.iter().flatten();
            let cells: usize = pieces.clone().map(|piece| piece.cells).sum();
            let found = Self {
                pieces: pieces.count(),
                share: cells as f32 / grid.count().max(1) as f32,
                specks,
            };
            if found.score() > most.score() {
                most = found;
            }
        }
        most
    }

    fn score(&self) -> f32 {
        self.pieces as f32 * self.share
    }

    /// True if the ink looks like text. A page with words may have some ink in pictures; on a page without words,
    /// little is enough.
    pub(super) fn looks_like_text(&self, has_words: bool) -> bool {
        if has_words {
            self.pieces >= 24 && self.share >= 0.3
        } else {
            self.pieces >= 12 && self.share >= 0.1
        }
    }

    /// The same for a picture on a page of text, which mostly is not text.
    pub(super) fn looks_like_nothing_but_text(&self) -> bool {
        self.pieces >= 24 && self.share >= 0.7 && self.specks <= 0.45
    }
}

struct Grid {
    columns: usize,
    rows: usize,
    cells: Vec<bool>,
}

impl Grid {
    fn of(ink: &Ink) -> Self {
        let rows = (0..ink.rows).flat_map(|row| ink.row(row));
        Self {
            columns: ink.columns,
            rows: ink.rows,
            cells: rows.copied().collect(),
        }
    }

    fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// Clears a word's box and its surroundings, which accents and the blur of letters reach into.
    fn clear(&mut self, [left, top, right, bottom]: [i32; 4], scale: u32) {
        let scale = scale as i32;
        let margin = ((bottom - top) * 35 / 100).max(2 * scale);
        let cell = |at: i32, most: usize| usize::try_from(at / scale).unwrap_or(0).min(most);
        let (left, right) = (
            cell(left - margin, self.columns),
            cell(right + margin + scale, self.columns),
        );
        let (top, bottom) = (
            cell(top - margin, self.rows),
            cell(bottom + margin + scale, self.rows),
        );
        for row in top..bottom {
            let start = row * self.columns;
            self.cells[start + left..start + right.max(left)].fill(false);
        }
    }

    /// A grid with one cell for `by` × `by` cells, with ink if one of them has ink.
    fn coarser(&self, by: usize) -> Self {
        let (columns, rows) = (self.columns / by, self.rows / by);
        let mut cells = vec![false; columns * rows];
        for row in 0..rows * by {
            let line = &self.cells[row * self.columns..][..columns * by];
            let into = &mut cells[row / by * columns..][..columns];
            for (cell, fine) in into.iter_mut().zip(line.chunks_exact(by)) {
                *cell |= fine.contains(&true);
            }
        }
        Self {
            columns,
            rows,
            cells,
        }
    }

    /// Connected pieces, including by corners, that may be a letter or a word, and the number of specks.
    fn pieces(&self, coarser: usize, least: usize) -> (Vec<Piece>, usize) {
        let mut left_over = self.cells.clone();
        let mut open = Vec::new();
        let mut pieces = Vec::new();
        let mut specks = 0;
        for start in 0..left_over.len() {
            if !left_over[start] {
                continue;
            }
            left_over[start] = false;
            open.push(start);
            let (column, row) = (start % self.columns, start / self.columns);
            let mut piece = Piece {
                bounds: [column, row, column + 1, row + 1],
                cells: 0,
            };
            while let Some(at) = open.pop() {
                let (column, row) = (at % self.columns, at / self.columns);
                piece.cells += 1;
                let [left, top, right, bottom] = piece.bounds;
                piece.bounds = [
                    left.min(column),
                    top.min(row),
                    right.max(column + 1),
                    bottom.max(row + 1),
                ];
                for y in row.saturating_sub(1)..(row + 2).min(self.rows) {
                    for x in column.saturating_sub(1)..(column + 2).min(self.columns) {
                        let next = y * self.columns + x;
                        if left_over[next] {
                            left_over[next] = false;
                            open.push(next);
                        }
                    }
                }
            }
            specks += usize::from(piece.shorter() <= SPECK);
            if piece.may_be_text(coarser, least) {
                pieces.push(piece);
                if pieces.len() == MAX_PIECES {
                    break;
                }
            }
        }
        (pieces, specks)
    }
}

impl Piece {
    fn sides(&self) -> (usize, usize) {
        let [left, top, right, bottom] = self.bounds;
        (right - left, bottom - top)
    }

    fn shorter(&self) -> usize {
        let (width, height) = self.sides();
        width.min(height)
    }

    fn may_be_text(&self, coarser: usize, least: usize) -> bool {
        let (width, height) = self.sides();
        let (shorter, longer) = (width.min(height), width.max(height));
        shorter >= least
            && shorter <= MAX_SIDE / coarser + 4
            && longer <= MAX_RATIO * shorter
            && self.cells * 100 >= MIN_FILLED * width * height
    }

    /// True if a piece is of similar size, and no further away than its own size.
    fn is_beside(&self, other: &Self) -> bool {
        let (one, two) = (self.shorter(), other.shorter());
        let [left, top, right, bottom] = self.bounds;
        let [other_left, other_top, other_right, other_bottom] = other.bounds;
        let gap = |end: usize, start: usize| start.saturating_sub(end);
        let across = gap(right, other_left).max(gap(other_right, left));
        let down = gap(bottom, other_top).max(gap(other_bottom, top));
        one <= 2 * two && two <= 2 * one && across.max(down) <= one.min(two)
    }
}

/// Chains of at least [`CHAIN`] pieces.
fn chains(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut sorted = pieces.to_vec();
    sorted.sort_by_key(|piece| piece.bounds[1]);
    let mut parents: Vec<usize> = (0..sorted.len()).collect();
    for (at, piece) in sorted.iter().enumerate() {
        // Pieces that begin further down than this are not next to it.
        let reach = piece.bounds[3] + piece.shorter();
        for (other_at, other) in sorted.iter().enumerate().skip(at + 1) {
            if other.bounds[1] > reach {
                break;
            }
            if piece.is_beside(other) {
                let (one, two) = (root(&mut parents, at), root(&mut parents, other_at));
                parents[one] = two;
            }
        }
    }
    let mut chains: BTreeMap<usize, Vec<Piece>> = BTreeMap::new();
    for (at, piece) in sorted.into_iter().enumerate() {
        chains
            .entry(root(&mut parents, at))
            .or_default()
            .push(piece);
    }
    chains
        .into_values()
        .filter(|chain| chain.len() >= CHAIN)
        .collect()
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_image::Scan;

    const SIDE: u32 = 1200;

    fn page(rectangles: impl Iterator<Item = [u32; 4]>) -> Coarse {
        let mut pixels = vec![255; (SIDE * SIDE) as usize];
        for [left, top, right, bottom] in rectangles {
            for y in top..bottom {
                pixels[(y * SIDE + left) as usize..(y * SIDE + right) as usize].fill(0);
            }
        }
        Coarse::of(&Scan {
            pixels,
            width: SIDE,
            height: SIDE,
            dpi: None,
        })
    }

    /// Pieces of the size of letters, each `down` lower than the one before.
    fn letters(count: u32, down: u32) -> impl Iterator<Item = [u32; 4]> {
        (0..count).map(move |at| {
            let (x, y) = (100 + at * 12, 100 + at * down);
            [x, y, x + 8, y + 10]
        })
    }

    fn unread(ink: &Coarse, words: &[[i32; 4]]) -> UnreadInk {
        UnreadInk::of(ink, words.iter().copied(), |_| false)
    }

    #[test]
    fn letters_without_words_look_like_text_in_any_direction() {
        for down in [0, 4, 8] {
            let ink = page(letters(60, down));
            assert!(unread(&ink, &[]).looks_like_text(false), "{down}");
            assert!(unread(&ink, &[]).looks_like_text(true), "{down}");
        }
    }

    #[test]
    fn ignores_letters_within_words_and_barcodes() {
        let ink = page(letters(60, 0));
        let read = unread(&ink, &[[98, 98, 830, 112]]);
        assert!(!read.looks_like_text(false));
        let known = UnreadInk::of(&ink, std::iter::empty(), |_| true);
        assert!(!known.looks_like_text(false));
    }

    #[test]
    fn specks_distinguish_noise_from_text_beside_a_layer() {
        let clean = page(letters(60, 4));
        assert!(unread(&clean, &[]).looks_like_nothing_but_text());
        let specks = (0..60).map(|at| [100 + at * 12, 90 + at * 4, 102 + at * 12, 92 + at * 4]);
        let noise = page(letters(60, 4).chain(specks));
        assert!(unread(&noise, &[]).looks_like_text(false));
        assert!(!unread(&noise, &[]).looks_like_nothing_but_text());
    }

    #[test]
    fn rules_blots_and_specks_are_not_text() {
        let rules = (0..20).map(|at| [100, 50 + at * 50, 1100, 53 + at * 50]);
        assert!(!unread(&page(rules), &[]).looks_like_text(false));
        let blots = (0..6).map(|at| [100 + at * 150, 300, 180 + at * 150, 380]);
        assert!(!unread(&page(blots), &[]).looks_like_text(false));
        let specks = (0..400).map(|at| {
            let (x, y) = (at * 7919 % 1190, at * 104_729 % 1190);
            [x, y, x + 1, y + 1]
        });
        assert!(!unread(&page(specks), &[]).looks_like_text(false));
    }
}
