//! Ground around pieces of ink, by which letters are distinguished from parts of a photograph.

use crate::worker::upright::{Coarse, Ink};

/// Least contrast of letters, as a multiple of the roughness of their ground, and contrast that is enough on any ground:
/// noise on a scan is as rough as a photograph.
const LEAST_RATIO: f64 = 4.0;
const ENOUGH: f64 = 130.0;
/// Least share of letters that have ground around them. The dots of a halftone often have none.
const WITH_GROUND: f64 = 0.8;

/// Brightness of a page's cells, and which of them are ink.
pub(super) struct Ground<'a> {
    coarse: &'a Coarse,
    ink: &'a Ink,
    /// Cells that are not ink and not beside ink, whose blur reaches into them.
    bare: Vec<bool>,
}

impl<'a> Ground<'a> {
    pub(super) fn of(coarse: &'a Coarse, ink: &'a Ink) -> Self {
        let mut bare = vec![true; ink.columns * ink.rows];
        for row in 0..ink.rows {
            for (column, _) in ink.row(row).iter().enumerate().filter(|(_, ink)| **ink) {
                let (left, right) = (column.saturating_sub(1), (column + 2).min(ink.columns));
                for near in row.saturating_sub(1)..(row + 2).min(ink.rows) {
                    bare[near * ink.columns..][left..right].fill(false);
                }
            }
        }
        Self { coarse, ink, bare }
    }

    /// True if these pieces, boxes of cells, differ from their ground little more than the ground varies, or have none.
    pub(super) fn is_photograph(&self, pieces: impl Iterator<Item = [usize; 4]>) -> bool {
        let (mut contrast, mut roughness, mut count, mut all) = (0.0, 0.0, 0.0, 0.0);
        for (piece, ground) in pieces.map(|piece| self.brightness(piece)) {
            all += 1.0;
            if piece.count > 0.0 && ground.count > 0.0 {
                contrast += ground.mean() - piece.mean();
                roughness += ground.deviation();
                count += 1.0;
            }
        }
        let is_rough = contrast < LEAST_RATIO * roughness && contrast < ENOUGH * count;
        is_rough || count < WITH_GROUND * all
    }

    /// Brightness of a piece, and of the ground around it as far as its own size.
    fn brightness(&self, [left, top, right, bottom]: [usize; 4]) -> (Brightness, Brightness) {
        let around = (right - left).min(bottom - top);
        let columns = left.saturating_sub(around)..(right + around).min(self.ink.columns);
        let rows = top.saturating_sub(around)..(bottom + around).min(self.ink.rows);
        let (mut piece, mut ground) = (Brightness::default(), Brightness::default());
        for row in rows {
            let (gray, ink) = (self.coarse.row(row), self.ink.row(row));
            let bare = &self.bare[row * self.ink.columns..];
            for column in columns.clone() {
                if bare[column] {
                    ground.add(gray[column]);
                } else if ink[column]
                    && (left..right).contains(&column)
                    && (top..bottom).contains(&row)
                {
                    piece.add(gray[column]);
                }
            }
        }
        (piece, ground)
    }
}

/// Number of cells, and sums of their brightness and of its square.
#[derive(Default)]
struct Brightness {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Brightness {
    fn add(&mut self, gray: u32) {
        let gray = f64::from(gray);
        self.count += 1.0;
        self.sum += gray;
        self.squares += gray * gray;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.count - mean * mean).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_image::Scan;

    const SIDE: u32 = 1200;

    #[test]
    fn letters_differ_from_their_ground_by_more_than_it_varies() {
        for (letter, variation, is_photograph) in [
            (0, 1, false),
            (150, 1, false),
            (100, 30, false),
            (0, 80, false),
            (150, 40, true),
            (120, 80, true),
        ] {
            let ground = |at: u32| 200 - ((at.wrapping_mul(2_654_435_761) >> 16) % variation) as u8;
            let mut pixels: Vec<u8> = (0..SIDE * SIDE).map(ground).collect();
            let letters: Vec<[usize; 4]> = (0..20)
                .map(|at| [100 + at * 20, 100, 108 + at * 20, 110])
                .collect();
            for [left, top, right, bottom] in &letters {
                for y in *top..*bottom {
                    pixels[y * SIDE as usize..][*left..*right].fill(letter);
                }
            }
            let coarse = Coarse::of(&Scan {
                pixels,
                width: SIDE,
                height: SIDE,
                dpi: None,
            });
            let ink = coarse.ink();
            let found = Ground::of(&coarse, &ink).is_photograph(letters.into_iter());
            assert_eq!(found, is_photograph, "{letter} on {variation}");
        }
    }
}
