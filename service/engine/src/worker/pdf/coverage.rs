//! Share of a page that rectangles cover together.

use crate::worker::ffi::pdfium::{Page, Picture, Points};

/// Cells along each side of the grid over a page.
const CELLS: usize = 64;

/// Share of a page that its largest picture covers.
pub(super) fn largest(page: &Page<'_>, pictures: &[Picture]) -> f64 {
    let (width, height) = page.size();
    let area = f64::from(width) * f64::from(height);
    let areas = pictures.iter().map(|picture| {
        let [left, bottom, right, top] = picture.bounds;
        (right - left) * (top - bottom) / area
    });
    areas.fold(0.0, f64::max)
}

/// Share of a page that its pictures cover together.
pub(super) fn of(page: &Page<'_>, pictures: &[Picture]) -> f64 {
    let (width, height) = page.size();
    let all = [0.0, 0.0, f64::from(width), f64::from(height)];
    let [left, bottom, right, top] = page.seen().unwrap_or(all);
    let areas = pictures.iter().map(|picture| {
        let [a, b, c, d] = picture.bounds;
        [a - left, b - bottom, c - left, d - bottom]
    });
    share(areas, right - left, top - bottom)
}

/// Share of a page's area within any of these areas.
fn share(areas: impl Iterator<Item = Points>, width: f64, height: f64) -> f64 {
    let mut covered = [[false; CELLS]; CELLS];
    let cell =
        |at: f64, side: f64| (at / side * CELLS as f64 + 0.5).clamp(0.0, CELLS as f64) as usize;
    for [left, bottom, right, top] in areas {
        let (from, to) = (cell(left, width), cell(right, width));
        for row in &mut covered[cell(bottom, height)..cell(top, height).max(cell(bottom, height))] {
            row[from..to.max(from)].fill(true);
        }
    }
    let count = covered.iter().flatten().filter(|cell| **cell).count();
    count as f64 / (CELLS * CELLS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_overlaps_once() {
        let of = |areas: &[Points]| share(areas.iter().copied(), 100.0, 200.0);
        let near = |share: f64, wanted: f64| (share - wanted).abs() < 0.02;
        assert!(near(of(&[[0.0, 0.0, 100.0, 200.0]]), 1.0));
        assert!(near(of(&[[0.0, 0.0, 50.0, 200.0]; 3]), 0.5));
        let strips = [0.0, 50.0, 100.0, 150.0].map(|at| [0.0, at, 100.0, at + 50.0]);
        assert!(near(of(&strips), 1.0));
        assert!(near(of(&[[-50.0, -50.0, 300.0, 300.0]]), 1.0));
        for none in [
            [0.0, 0.0, 0.0, 0.0],
            [50.0, 50.0, 10.0, 10.0],
            [f64::NAN; 4],
        ] {
            assert!(near(of(&[none]), 0.0), "{none:?}");
        }
        assert!(near(of(&[]), 0.0));
    }
}
