//! Ink of a page on a coarse grid, which shows the direction of its lines.

use crate::worker::Scan;

/// Cells along the longer side: some 100 per inch on A4, so that a line of small type is a few cells high.
const CELLS: u32 = 1200;
/// Cells on each side that a cell is compared with. Paper in shadow is darker than ink in light.
const AROUND: usize = 15;
/// Difference by which ink is darker than its surroundings.
const DARKER: u32 = 24;
/// The same for anything that may be ink. Black stripes as wide as the white between them appear as a gray a quarter
/// darker.
const FAINT: u32 = 10;

/// Fewest upright strokes from which the size of text is derived.
const MIN_STROKES: usize = 50;

/// A coarse, bilevel picture of a page.
pub(in crate::worker) struct Ink {
    /// Pixels along a cell's side.
    pub(in crate::worker) scale: u32,
    pub(in crate::worker) columns: usize,
    pub(in crate::worker) rows: usize,
    /// Cells row by row; `true` is ink.
    cells: Vec<bool>,
}

/// Brightness of a page's cells.
pub(in crate::worker) struct Coarse {
    scale: u32,
    columns: usize,
    rows: usize,
    cells: Vec<u32>,
}

impl Coarse {
    pub(in crate::worker) fn of(scan: &Scan) -> Self {
        let scale = scan.width.max(scan.height).div_ceil(CELLS).max(1);
        let step = scale as usize;
        let (width, height) = (scan.width as usize, scan.height as usize);
        let (columns, rows) = (width / step, height / step);
        let mut cells = Vec::with_capacity(columns * rows);
        // Down first, then across, which processes many pixels at a time.
        let mut sums = vec![0u32; columns * step];
        let mean = Mean::of(scale * scale);
        for row in 0..rows {
            sums.fill(0);
            for y in row * step..(row + 1) * step {
                let line = &scan.pixels[y * width..];
                for (sum, pixel) in sums.iter_mut().zip(line) {
                    *sum += u32::from(*pixel);
                }
            }
            let sums = sums.chunks_exact(step);
            cells.extend(sums.map(|cell| mean.mean(cell.iter().sum())));
        }
        Self {
            scale,
            columns,
            rows,
            cells,
        }
    }

    /// Brightness of the cells of a row.
    pub(in crate::worker) fn row(&self, row: usize) -> &[u32] {
        &self.cells[row * self.columns..(row + 1) * self.columns]
    }

    pub(in crate::worker) fn ink(&self) -> Ink {
        self.darker_by(DARKER)
    }

    /// Ink including everything that is only a little darker than its surroundings: fine stripes, and noise.
    pub(in crate::worker) fn faint(&self) -> Ink {
        self.darker_by(FAINT)
    }

    fn darker_by(&self, by: u32) -> Ink {
        Ink {
            scale: self.scale,
            columns: self.columns,
            rows: self.rows,
            cells: darker_than_around(&self.cells, self.columns, self.rows, by),
        }
    }
}

impl Ink {
    pub(in crate::worker) fn of(scan: &Scan) -> Self {
        Coarse::of(scan).ink()
    }

    /// Number of cells with ink.
    pub(in crate::worker) fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// Left, top, right and bottom of the ink, in pixels. `None` if there is none.
    pub(in crate::worker) fn bounds(&self) -> Option<[u32; 4]> {
        let (rows, columns) = (self.by_row(), self.by_column());
        let inked = |counts: &[usize]| {
            let first = counts.iter().position(|count| *count > 0)?;
            let last = counts.iter().rposition(|count| *count > 0)?;
            Some((first as u32 * self.scale, (last as u32 + 1) * self.scale))
        };
        let ((left, right), (top, bottom)) = (inked(&columns)?, inked(&rows)?);
        Some([left, top, right, bottom])
    }

    /// Number of cells with ink in each row.
    pub(in crate::worker) fn by_row(&self) -> Vec<usize> {
        (0..self.rows)
            .map(|row| self.row(row).iter().filter(|cell| **cell).count())
            .collect()
    }

    /// Number of cells with ink in each column.
    pub(in crate::worker) fn by_column(&self) -> Vec<usize> {
        let mut counts = vec![0; self.columns];
        for row in 0..self.rows {
            for (count, cell) in counts.iter_mut().zip(self.row(row)) {
                *count += usize::from(*cell);
            }
        }
        counts
    }

    /// Approximate height of capitals, in pixels: nine of ten upright strokes are shorter. `None` if there is too
    /// little ink.
    pub(in crate::worker) fn text_height(&self) -> Option<u32> {
        let mut strokes = Vec::new();
        let mut lengths = vec![0u32; self.columns];
        for row in 0..self.rows {
            for (length, cell) in lengths.iter_mut().zip(self.row(row)) {
                if *cell {
                    *length += 1;
                } else {
                    if *length >= 2 {
                        strokes.push(*length);
                    }
                    *length = 0;
                }
            }
        }
        if strokes.len() < MIN_STROKES {
            return None;
        }
        let at = strokes.len() * 9 / 10;
        let (_, height, _) = strokes.select_nth_unstable(at);
        Some(*height * self.scale)
    }

    /// The cells of a row.
    pub(in crate::worker) fn row(&self, row: usize) -> &[bool] {
        &self.cells[row * self.columns..(row + 1) * self.columns]
    }
}

/// Division of a sum of brightnesses by their number, rounded down. It is a multiplication, exact for cells of up to
/// 256 × 256 pixels.
struct Mean(u64);

impl Mean {
    fn of(count: u32) -> Self {
        Self((1 << 40) / u64::from(count) + 1)
    }

    fn mean(&self, sum: u32) -> u32 {
        ((u64::from(sum) * self.0) >> 40) as u32
    }
}

/// Compares each cell with the mean of those around it, using running sums.
fn darker_than_around(gray: &[u32], columns: usize, rows: usize, by: u32) -> Vec<bool> {
    let mut cells = vec![false; columns * rows];
    // Sums of the window's rows, column by column. At the page's edge, the window is smaller.
    let mut of_column = vec![0u32; columns];
    // Sums of all columns left of a column.
    let mut before = vec![0u32; columns + 1];
    let mut bottom = 0;
    for row in 0..rows {
        while bottom < rows.min(row + AROUND + 1) {
            for (sum, value) in of_column.iter_mut().zip(&gray[bottom * columns..]) {
                *sum += value;
            }
            bottom += 1;
        }
        if let Some(gone) = row.checked_sub(AROUND + 1) {
            for (sum, value) in of_column.iter_mut().zip(&gray[gone * columns..]) {
                *sum -= value;
            }
        }
        let height = bottom - row.saturating_sub(AROUND);
        let mut sum = 0;
        for (before, value) in before.iter_mut().skip(1).zip(&of_column) {
            sum += value;
            *before = sum;
        }
        let here = row * columns..(row + 1) * columns;
        let (gray, cells) = (&gray[here.clone()], &mut cells[here]);
        for (column, (cell, gray)) in cells.iter_mut().zip(gray).enumerate() {
            let (left, right) = (
                column.saturating_sub(AROUND),
                columns.min(column + AROUND + 1),
            );
            let count = ((right - left) * height) as u32;
            *cell = (gray + by) * count < before[right] - before[left];
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_means_down() {
        for count in (1..=255).map(|side| side * side) {
            for mean in 0..=255 {
                // The least sum with a mean, and the largest with the one before.
                let sum = mean * count;
                assert_eq!(Mean::of(count).mean(sum), mean);
                assert_eq!(
                    Mean::of(count).mean(sum.saturating_sub(1)),
                    sum.saturating_sub(1) / count
                );
            }
        }
    }

    #[test]
    fn ink_is_darker_than_its_surroundings() {
        let (width, height) = (2400, 1200);
        let mut scan = Scan {
            pixels: (0..width * height)
                .map(|at| 255 - (at % width / 20) as u8)
                .collect(),
            width,
            height,
            dpi: None,
        };
        assert_eq!(Ink::of(&scan).bounds(), None);
        for (left, top) in [(100, 50), (2000, 900)] {
            for y in top..top + 20 {
                for x in left..left + 40 {
                    scan.pixels[(y * width + x) as usize] = 30;
                }
            }
        }
        let ink = Ink::of(&scan);
        assert_eq!((ink.scale, ink.count()), (2, 2 * 20 * 10));
        assert_eq!(ink.bounds(), Some([100, 50, 2040, 920]));
    }
}
