//! Where the ink of a page is, on a coarse grid: enough to see which way its lines run.

use crate::worker::Scan;

/// Cells along the longer side: some 100 an inch on A4, which leaves a line of small type a few cells high.
const CELLS: u32 = 1200;
/// Cells around a cell that it is compared with, to each side: paper in shadow is darker than ink in light.
const AROUND: usize = 15;
/// How much darker than its surroundings ink is.
const DARKER: u32 = 24;

/// Upright strokes that it takes to tell the size of text.
const MIN_STROKES: usize = 50;

/// A coarse, bilevel picture of a page.
pub(in crate::worker) struct Ink {
    /// Pixels along a cell's side.
    pub(in crate::worker) scale: u32,
    pub(in crate::worker) columns: usize,
    pub(in crate::worker) rows: usize,
    /// Row by row; `true` is ink.
    cells: Vec<bool>,
}

impl Ink {
    pub(in crate::worker) fn of(scan: &Scan) -> Self {
        let scale = scan.width.max(scan.height).div_ceil(CELLS).max(1);
        let step = scale as usize;
        let (width, height) = (scan.width as usize, scan.height as usize);
        let (columns, rows) = (width / step, height / step);
        let mut gray = Vec::with_capacity(columns * rows);
        let mut sums = vec![0u32; columns];
        for row in 0..rows {
            sums.fill(0);
            for y in row * step..(row + 1) * step {
                let line = &scan.pixels[y * width..y * width + columns * step];
                for (sum, cell) in sums.iter_mut().zip(line.chunks_exact(step)) {
                    *sum += cell.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
                }
            }
            gray.extend(sums.iter().map(|sum| sum / (scale * scale)));
        }
        Self {
            scale,
            columns,
            rows,
            cells: darker_than_around(&gray, columns, rows),
        }
    }

    /// How many cells have ink.
    pub(in crate::worker) fn count(&self) -> usize {
        self.cells.iter().filter(|cell| **cell).count()
    }

    /// The same for each row.
    pub(in crate::worker) fn by_row(&self) -> Vec<usize> {
        (0..self.rows)
            .map(|row| self.row(row).iter().filter(|cell| **cell).count())
            .collect()
    }

    /// The same for each column.
    pub(in crate::worker) fn by_column(&self) -> Vec<usize> {
        let mut counts = vec![0; self.columns];
        for row in 0..self.rows {
            for (count, cell) in counts.iter_mut().zip(self.row(row)) {
                *count += usize::from(*cell);
            }
        }
        counts
    }

    /// About the height of capitals, in pixels: most upright strokes are shorter than nine of ten. `None`: too little ink.
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

/// Compares each cell with the mean of those around it, by running sums.
fn darker_than_around(gray: &[u32], columns: usize, rows: usize) -> Vec<bool> {
    let mut cells = vec![false; columns * rows];
    // Sums of the window's rows, column by column; a window cut by the page's edge is smaller.
    let mut of_column = vec![0u32; columns];
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
        let (mut sum, mut right) = (0, 0);
        for column in 0..columns {
            while right < columns.min(column + AROUND + 1) {
                sum += of_column[right];
                right += 1;
            }
            if let Some(gone) = column.checked_sub(AROUND + 1) {
                sum -= of_column[gone];
            }
            let width = right - column.saturating_sub(AROUND);
            let count = (width * height) as u32;
            let at = row * columns + column;
            cells[at] = (gray[at] + DARKER) * count < sum;
        }
    }
    cells
}
