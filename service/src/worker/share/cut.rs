//! Where a page can be cut in two without cutting a line, or columns that are read one after the other.

use std::ops::Range;

use crate::worker::upright::Ink;

/// How far from the wanted place a cut may be, as a share of the page's ink.
const TOLERANCE: f64 = 0.07;
/// A gap of this share of the widest one's width is as good.
const AS_WIDE: f64 = 0.6;
/// Cells in a row that may be dirt.
const DIRT: usize = 1;
/// Cells without ink that make columns of what stands left and right of them, if they go on for so many rows above and
/// below: spaces between words are narrower, and wide ones do not stand one below the other for long.
const GUTTERS: [(usize, usize); 2] = [(10, 50), (8, 120)];
/// The same for a table or columns anywhere on the page: in which order they are read depends on what else is there. Of a
/// typewriter's letters, which all are as wide, spaces of some ten cells stand one below the other for six lines now and then.
const TABLES: [(usize, usize); 2] = [(14, 70), (8, 120)];
/// The share of those rows that has ink at least: between a few lines, spaces stand one below the other by chance.
const INKED: f64 = 0.25;
/// Ink that a column has at least, as a share of that around the cut.
const COLUMN: f64 = 0.03;

/// A cut: above it everything whose row is less than `row` + column × `slope`, in cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub(super) row: f64,
    /// White rows around it.
    pub(super) gap: usize,
}

/// Cuts that make `parts` of about the same ink, from the top, but for the first, which has less by `less`, a share of all the
/// ink that would be its with the others'. Fewer where there is no good place; lines run down to the right by `slope` cells
/// a cell.
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
        // The widest gap is the most certain not to be within a line; of those that are about as wide, the one in the best place.
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

/// Ink by rows that lean as the lines do.
struct Leaning {
    columns: usize,
    /// Added to a row, so that none is negative.
    offset: usize,
    counts: Vec<usize>,
    /// For each row and one more, how many cells of each column above it have ink.
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

    /// Runs of white rows with about `target` cells of ink above them, and by how many cells they miss that.
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

    /// Whether what stands around a row stands in columns there.
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

/// Whether there is a run of empty columns between two parts that both have some ink.
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
