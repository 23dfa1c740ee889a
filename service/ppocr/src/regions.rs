//! Regions of text in the detector's map of probabilities.

use crate::rectangle::{Rectangle, Vector};

/// Probability from which a pixel belongs to text.
const TEXT: f32 = 0.2;
/// Least mean probability of a region's pixels.
const CERTAIN: f32 = 0.4;
/// Fewest pixels of a region, and its least height.
const FEWEST: usize = 6;
const LEAST_HEIGHT: f32 = 2.5;
/// The detector marks the middle of a line. A region grows by its area over its perimeter, times this.
const GROWTH: f32 = 1.6;
/// Most regions of a page.
const MOST: usize = 3000;
/// Ratio of length to height below which a region's own direction means nothing.
const SHORT: f32 = 3.0;

/// A map of probabilities, row by row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Map<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
}

/// Rectangles around all lines of text, in pixels of the map, with the mean probability of their pixels.
pub(crate) fn of(map: Map<'_>) -> Vec<(Rectangle, f32)> {
    let mut found = Vec::new();
    let mut seen = vec![false; map.values.len()];
    for start in 0..map.values.len() {
        if map.values[start] > TEXT && !seen[start] {
            let region = Region::from(map, start, &mut seen);
            if let Some(rectangle) = region.rectangle() {
                found.push((region, rectangle));
            }
        }
        if found.len() == MOST {
            break;
        }
    }
    let along = direction(found.iter().map(|(_, rectangle)| rectangle));
    let rectangles = found.into_iter().map(|(region, rectangle)| {
        let short = rectangle.length < rectangle.height * SHORT;
        let rectangle = match along.filter(|_| short) {
            Some(along) => Rectangle::along(&region.edge, along),
            None => rectangle,
        };
        (rectangle, region.sum / region.pixels as f32)
    });
    rectangles
        .filter(|(this, _)| this.height >= LEAST_HEIGHT)
        .map(|(this, certainty)| {
            let growth = this.length * this.height * GROWTH / (2.0 * (this.length + this.height));
            (this.grown(growth), certainty)
        })
        .collect()
}

/// Direction of most of the text: the median of the angles of long lines.
pub(crate) fn direction<'a>(rectangles: impl Iterator<Item = &'a Rectangle>) -> Option<Vector> {
    let long = rectangles.filter(|this| this.length >= this.height * SHORT);
    let mut weighed: Vec<(f32, f32)> = long
        .map(|this| (this.along.1.atan2(this.along.0), this.length))
        .collect();
    weighed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = weighed.iter().map(|(_, length)| length).sum::<f32>() / 2.0;
    let mut sum = 0.0;
    let median = weighed.iter().find(|(_, length)| {
        sum += length;
        sum >= half
    })?;
    Some((median.0.cos(), median.0.sin()))
}

/// Connected pixels of text.
struct Region {
    /// Corners of the pixels at the ends of each row.
    edge: Vec<Vector>,
    pixels: usize,
    sum: f32,
}

impl Region {
    fn from(map: Map<'_>, start: usize, seen: &mut [bool]) -> Self {
        let width = map.width;
        // Least and largest column of each row.
        let mut rows: std::collections::BTreeMap<usize, (usize, usize)> = Default::default();
        let (mut pixels, mut sum) = (0, 0.0);
        let mut open = vec![start];
        seen[start] = true;
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            pixels += 1;
            sum += map.values[at];
            let row = rows.entry(y).or_insert((x, x));
            *row = (row.0.min(x), row.1.max(x));
            let columns = x.saturating_sub(1)..(x + 2).min(width);
            for next_y in y.saturating_sub(1)..y + 2 {
                for next_x in columns.clone() {
                    let next = next_y * width + next_x;
                    if map.values.get(next).is_some_and(|value| *value > TEXT) && !seen[next] {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
        }
        let edge = rows.into_iter().flat_map(|(y, (left, right))| {
            let (left, right, y) = (left as f32, right as f32 + 1.0, y as f32);
            [(left, y), (left, y + 1.0), (right, y), (right, y + 1.0)]
        });
        Self {
            edge: edge.collect(),
            pixels,
            sum,
        }
    }

    fn rectangle(&self) -> Option<Rectangle> {
        let certain = self.sum >= CERTAIN * self.pixels as f32 && self.pixels >= FEWEST;
        certain.then(|| Rectangle::around(&self.edge)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_separate_lines_and_leaves_out_what_is_uncertain_or_small() {
        let mut values = vec![0.0; 100 * 40];
        let mut fill = |left: usize, top: usize, right: usize, bottom: usize, value: f32| {
            for y in top..bottom {
                values[y * 100 + left..y * 100 + right].fill(value);
            }
        };
        fill(10, 5, 80, 11, 0.9);
        fill(10, 20, 60, 26, 0.6);
        fill(70, 20, 90, 26, 0.3);
        fill(95, 35, 97, 37, 0.9);
        let found = of(Map {
            values: &values,
            width: 100,
        });
        let middles: Vec<Vector> = found.iter().map(|(this, _)| this.center).collect();
        assert_eq!(middles, [(45.0, 8.0), (35.0, 23.0)]);
        assert!((found[0].0.height - 14.8).abs() < 0.2, "{found:?}");
        assert!((found[1].1 - 0.6).abs() < 0.01, "{found:?}");
    }
}
