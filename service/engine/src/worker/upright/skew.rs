//! Direction of a page's lines, by projection. Along the lines, rows of ink and white rows alternate sharply.

use super::ink::Ink;

/// Steepest lines that are detected, in degrees.
const STEEPEST: f64 = 15.0;
const COARSE: f64 = 0.5;
const FINE: f64 = 0.05;
/// Fewest edges. With fewer, there are too few lines.
const MIN_EDGES: usize = 150;
/// Least gain in sharpness over the projection without an angle, or across the page.
const SHARPER: f64 = 1.08;
const SHARPER_ACROSS: f64 = 1.5;

/// Direction of a page's lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::worker) struct Slant {
    /// True if they run up or down the page instead of across it.
    pub(in crate::worker) sideways: bool,
    /// Degrees by which they run down to the right, after the page has been rotated if they are sideways.
    pub(in crate::worker) degrees: f64,
}

impl Slant {
    /// Returns `None` if there is too little on the page.
    pub(in crate::worker) fn of(ink: &Ink) -> Option<Self> {
        let along = Projection::of(lower_edges(ink));
        let across = Projection::of(right_edges(ink));
        let (along, across) = (along?.sharpest(), across.map(Projection::sharpest));
        let sideways = across
            .as_ref()
            .is_some_and(|across| across.sharpness > along.sharpness * SHARPER_ACROSS);
        let chosen = match across {
            Some(across) if sideways => across,
            _ => along,
        };
        Some(Self {
            sideways,
            degrees: chosen.degrees,
        })
    }
}

/// Cells of ink with none below them, which are mostly baselines.
fn lower_edges(ink: &Ink) -> Vec<(f32, f32)> {
    let mut edges = Vec::new();
    for row in 0..ink.rows.saturating_sub(1) {
        let (this, below) = (ink.row(row), ink.row(row + 1));
        for column in 0..ink.columns {
            if this[column] && !below[column] {
                edges.push((column as f32, row as f32));
            }
        }
    }
    edges
}

/// Cells of ink with none to their right, on the page rotated by a quarter to the right.
fn right_edges(ink: &Ink) -> Vec<(f32, f32)> {
    let mut edges = Vec::new();
    for row in 0..ink.rows {
        let this = ink.row(row);
        for column in 0..ink.columns.saturating_sub(1) {
            if this[column] && !this[column + 1] {
                edges.push(((ink.rows - row) as f32, column as f32));
            }
        }
    }
    edges
}

struct Projection {
    edges: Vec<(f32, f32)>,
    counts: Vec<u32>,
    /// Offset of rows, so that none is negative.
    offset: f32,
}

struct Sharpest {
    degrees: f64,
    sharpness: f64,
}

impl Projection {
    fn of(edges: Vec<(f32, f32)>) -> Option<Self> {
        if edges.len() < MIN_EDGES {
            return None;
        }
        let far = |pick: fn(&(f32, f32)) -> f32| edges.iter().map(pick).fold(0.0, f32::max);
        let (right, bottom) = (far(|edge| edge.0), far(|edge| edge.1));
        let offset = right * STEEPEST.to_radians().tan() as f32 + 2.0;
        let counts = vec![0; (bottom + 2.0 * offset) as usize + 2];
        Some(Self {
            edges,
            counts,
            offset,
        })
    }

    fn sharpest(mut self) -> Sharpest {
        let level = self.sharpness(0.0);
        let mut best = Sharpest {
            degrees: 0.0,
            sharpness: level,
        };
        let steps = (STEEPEST / COARSE) as i32;
        for step in -steps..=steps {
            self.compare(f64::from(step) * COARSE, &mut best);
        }
        let around = best.degrees;
        let steps = (COARSE / FINE) as i32;
        for step in -steps..=steps {
            self.compare(around + f64::from(step) * FINE, &mut best);
        }
        if best.sharpness < level * SHARPER {
            best.degrees = 0.0;
        }
        best
    }

    fn compare(&mut self, degrees: f64, best: &mut Sharpest) {
        let sharpness = self.sharpness(degrees);
        if sharpness > best.sharpness {
            *best = Sharpest { degrees, sharpness };
        }
    }

    /// Mean number of edges that share an edge's row if lines run down by `degrees`.
    fn sharpness(&mut self, degrees: f64) -> f64 {
        let slope = degrees.to_radians().tan() as f32;
        self.counts.fill(0);
        for (x, y) in &self.edges {
            let row = (y - x * slope + self.offset) as usize;
            if let Some(count) = self.counts.get_mut(row) {
                *count += 1;
            }
        }
        let squares: f64 = self
            .counts
            .iter()
            .map(|count| f64::from(*count) * f64::from(*count))
            .sum();
        squares / self.edges.len() as f64
    }
}
