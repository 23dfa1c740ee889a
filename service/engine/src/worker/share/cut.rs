//! Finds places where a page can be cut in two without cutting a line, or columns that are read one after the other.

use std::ops::Range;

use crate::worker::upright::Ink;

/// Largest distance of a cut from the wanted place, as a share of the page's ink.
const TOLERANCE: f64 = 0.07;
/// A gap of this share of the widest one's width is as good.
const AS_WIDE: f64 = 0.6;
/// Most cells in a row that may be dirt.
const DIRT: usize = 1;
/// Widths and heights of gutters, in cells. Cells without ink separate columns if they continue for this many rows
/// above and below. Spaces between words are narrower, and wide ones are not above each other for long.
const GUTTERS: [(usize, usize); 2] = [(10, 50), (8, 120)];
/// The same for a table or columns anywhere on the page, because their reading order depends on the rest of the page.
/// With a typewriter, all letters are equally wide, so spaces of some ten cells are sometimes above each other for six
/// lines.
const TABLES: [(usize, usize); 2] = [(14, 70), (8, 120)];
/// Least share of those rows that has ink. Between a few lines, spaces are above each other by chance.
const INKED: f64 = 0.25;
/// Least ink of a column, as a share of the ink around the cut.
const COLUMN: f64 = 0.03;

/// A cut. Above it is everything whose row is less than `row` + column × `slope`, in cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub(super) row: f64,
    /// White rows around it.
    pub(super) gap: usize,
}

/// Cuts that divide a page into `parts` with about the same ink, from the top. The first part has less than the others,
/// by `less` of its share. There are fewer cuts if there are no good places. Lines run down to the right by `slope`
/// cells per cell.
pub(super) fn cuts(ink: &Ink, slope: f64, parts: u32, less: f64) -> Vec<Cut> {
    let leaning = Leaning::of(ink, slope);
    let total: usize = leaning.counts.iter().sum();
    let mut cuts: Vec<Cut> = Vec::new();
    for table in TABLES {
        let mut rows = (0..leaning.counts.len()).step_by(table.1 / 2);
        if rows.any(|row| leaning.has_columns(row, table)) {
            return cuts;
        }
    }
    for part in 1..parts {
        let target = total as f64 * ((1.0 + less) * f64::from(part) / f64::from(parts) - less);
        let mut found = leaning.gaps(target, total as f64 * TOLERANCE);
        // The widest gap is most certainly not within a line. Of gaps with nearly that width, the one at the best place
        // is taken.
        let width = |gap: &Range<usize>| gap.end - gap.start;
        let widest = found.iter().map(|(gap, _)| width(gap)).max().unwrap_or(0);
        found.sort_by(|(a, far), (b, farther)| {
            let narrow = |gap| width(gap) as f64 <= widest as f64 * AS_WIDE;
            narrow(a).cmp(&narrow(b)).then(far.total_cmp(farther))
        });
        let good = found
            .iter()
            .map(|(gap, _)| (gap, (gap.start + gap.end) / 2))
            .find(|(_, row)| {
                let columns = |gutter| leaning.has_columns(*row, gutter);
                !GUTTERS.into_iter().any(columns)
            });
        if let Some((gap, row)) = good {
            let cut = Cut {
                row: row as f64 - leaning.offset as f64,
                gap: gap.end - gap.start,
            };
            if cuts.last().is_none_or(|last| last.row < cut.row) {
                cuts.push(cut);
            }
        }
    }
    cuts
}

/// Ink in rows that lean like the lines.
struct Leaning {
    columns: usize,
    /// Offset of rows, so that none is negative.
    offset: usize,
    counts: Vec<usize>,
    /// For each row and one more: number of cells with ink above it, by column.
    above: Vec<u16>,
}

impl Leaning {
    fn of(ink: &Ink, slope: f64) -> Self {
        let columns = ink.columns;
        let offset = (columns as f64 * slope.abs()).ceil() as usize + 1;
        let rows = ink.rows + 2 * offset;
        let shift = |column: usize| offset as isize - (column as f64 * slope).round() as isize;
        let shifts: Vec<usize> = (0..columns)
            .map(|column| shift(column).max(0) as usize)
            .collect();
        let mut counts = vec![0; rows];
        let mut above = vec![0u16; (rows + 1) * columns];
        for row in 0..ink.rows {
            for (column, (cell, shift)) in ink.row(row).iter().zip(&shifts).enumerate() {
                counts[row + shift] += usize::from(*cell);
                above[(row + shift + 1) * columns + column] = u16::from(*cell);
            }
        }
        for row in 1..=rows {
            let (before, these) = above.split_at_mut(row * columns);
            let before = &before[(row - 1) * columns..];
            for (this, before) in these.iter_mut().zip(before) {
                *this = this.wrapping_add(*before);
            }
        }
        Self {
            columns,
            offset,
            counts,
            above,
        }
    }

    /// Runs of white rows with about `target` cells of ink above them, and the difference from that target.
    fn gaps(&self, target: f64, tolerance: f64) -> Vec<(Range<usize>, f64)> {
        let mut gaps = Vec::new();
        let (mut above, mut start) = (0, None);
        for (row, count) in self.counts.iter().enumerate() {
            if *count <= DIRT {
                start.get_or_insert(row);
            } else if let Some(start) = start.take() {
                let off = (above as f64 - target).abs();
                if off <= tolerance {
                    gaps.push((start..row, off));
                }
            }
            above += count;
        }
        gaps
    }

    /// True if there are columns around a row.
    fn has_columns(&self, around: usize, (gutter, reach): (usize, usize)) -> bool {
        let (first, end) = (
            around.saturating_sub(reach),
            (around + reach).min(self.counts.len()),
        );
        let inked = self.counts[first..end].iter();
        let inked = inked.filter(|count| **count > DIRT).count();
        if (inked as f64) < 2.0 * reach as f64 * INKED {
            return false;
        }
        let above = |row: usize| &self.above[row * self.columns..(row + 1) * self.columns];
        let counts = above(end).iter().zip(above(first));
        let counts: Vec<u16> = counts
            .map(|(end, first)| end.wrapping_sub(*first))
            .collect();
        splits(&counts, gutter)
    }
}

/// True if a run of empty columns separates two parts that both have some ink.
fn splits(counts: &[u16], gutter: usize) -> bool {
    let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
    let least = (total as f64 * COLUMN) as usize;
    let (mut left, mut empty) = (0, 0);
    for count in counts {
        if usize::from(*count) <= DIRT {
            empty += 1;
        } else {
            if empty >= gutter && left > least && total - left > least {
                return true;
            }
            empty = 0;
        }
        left += usize::from(*count);
    }
    false
}
