//! Rows of parts that have the height of letters and are next to each other: possible text in a picture.

use super::connected::{self, Part};

/// Pixels on each side that a pixel is compared with.
const AROUND: usize = 12;
/// Least difference in brightness between ink and its surroundings.
const CONTRAST: i32 = 26;
/// Highest brightness of the surroundings of light ink.
const DARK: i32 = 170;
/// Least and largest height of a letter, in pixels.
const LOWEST: usize = 4;
const HIGHEST: usize = 140;
/// Largest ratio of length to height of a part of a row. A longer part is a rule.
const LONGEST: usize = 20;
/// Share of its box that a letter fills, or a word whose letters touch.
const FILL: std::ops::RangeInclusive<f64> = 0.12..=0.92;
/// Conditions for neighbouring parts of a row: least overlap relative to the lower one's height, largest ratio of their
/// heights, and largest gap relative to the height.
const SHARED: f64 = 0.5;
const HIGHER: f64 = 2.6;
const GAP: f64 = 1.3;
/// Fewest letters of a row, and least length of words whose letters touch, relative to their height.
const LETTERS: usize = 3;
const LENGTH: f64 = 2.0;
/// Largest height of words whose letters touch, in pixels. At this resolution, larger letters are separate.
const HIGHEST_TOUCHING: usize = 24;
/// Least share of a row's parts that are as wide as letters.
const WIDE: f64 = 0.35;
/// Most parts that are analysed. A picture of noise has no more rows than that.
const MOST_PARTS: usize = 40_000;

/// A rectangle of pixels: left, top, right, bottom.
pub(super) type Area = [usize; 4];

/// Areas, and the most frequent height of rows in them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Areas {
    pub(super) areas: Vec<Area>,
    pub(super) height: usize,
}

/// Finds areas of possible text in a gray picture: rows with their surroundings, also of rows that are `known`. Areas
/// don't touch each other.
pub(super) fn areas(pixels: &[u8], width: usize, height: usize, known: &[Area]) -> Areas {
    let mut rows = Vec::new();
    // Most pages with little besides text have it in a few rows: a header, or the rules of a table.
    let inked = |row: usize| {
        pixels[row * width..(row + 1) * width]
            .iter()
            .any(|pixel| *pixel != u8::MAX)
    };
    let Some(first) = (0..height).find(|row| inked(*row)) else {
        return Areas::default();
    };
    let last = (first..height).rfind(|row| inked(*row)).unwrap_or(first);
    let (top, bottom) = (
        first.saturating_sub(AROUND),
        (last + 1 + AROUND).min(height),
    );
    let pixels = &pixels[top * width..bottom * width];
    let (whole, height) = (height, bottom - top);
    let (dark, light) = ink(pixels, width, height);
    for ink in [dark, light] {
        let parts = connected::parts(&ink, width, height, MOST_PARTS);
        rows.extend(self::rows(&letters(parts)));
    }
    let onto_page = |[left, up, right, down]: Area| [left, up + top, right, down + top];
    let rows = rows.into_iter().map(onto_page).chain(known.iter().copied());
    let mut heights: Vec<usize> = rows.clone().map(|row| row[3] - row[1]).collect();
    heights.sort_unstable();
    let height = heights.get(heights.len() / 2).copied().unwrap_or(0);
    let grown = rows.map(|[left, top, right, bottom]| {
        let tall = bottom - top;
        [
            left.saturating_sub(2 * tall),
            top.saturating_sub(tall),
            (right + 2 * tall).min(width),
            (bottom + tall).min(whole),
        ]
    });
    Areas {
        areas: joined(grown.collect()),
        height,
    }
}

/// Pixels that are darker than their surroundings, and pixels that are lighter than dark surroundings.
fn ink(pixels: &[u8], width: usize, height: usize) -> (Vec<bool>, Vec<bool>) {
    let mut dark = vec![false; width * height];
    let mut light = vec![false; width * height];
    let mut columns = vec![0i32; width];
    let mut before = vec![0i32; width + 1];
    let mut bottom = 0;
    for row in 0..height {
        while bottom < height.min(row + AROUND + 1) {
            let line = &pixels[bottom * width..(bottom + 1) * width];
            for (sum, pixel) in columns.iter_mut().zip(line) {
                *sum += i32::from(*pixel);
            }
            bottom += 1;
        }
        if let Some(gone) = row.checked_sub(AROUND + 1) {
            let line = &pixels[gone * width..(gone + 1) * width];
            for (sum, pixel) in columns.iter_mut().zip(line) {
                *sum -= i32::from(*pixel);
            }
        }
        let rows = (bottom - row.saturating_sub(AROUND)) as i32;
        // Completely white, like most of most pages.
        if columns.iter().all(|sum| *sum == 255 * rows) {
            continue;
        }
        let mut sum = 0;
        for (before, column) in before.iter_mut().skip(1).zip(&columns) {
            sum += column;
            *before = sum;
        }
        let here = row * width..(row + 1) * width;
        let line = pixels[here.clone()].iter().enumerate();
        let marks = dark[here.clone()].iter_mut().zip(&mut light[here]);
        for ((column, pixel), (dark, light)) in line.zip(marks) {
            let (left, right) = (
                column.saturating_sub(AROUND),
                width.min(column + AROUND + 1),
            );
            let count = (right - left) as i32 * rows;
            let sum = before[right] - before[left];
            let pixel = i32::from(*pixel);
            *dark = (pixel + CONTRAST) * count < sum;
            *light = (pixel - CONTRAST) * count > sum && sum < DARK * count;
        }
    }
    (dark, light)
}

/// Parts that may be letters, or words whose letters touch.
fn letters(parts: Vec<Part>) -> Vec<Part> {
    let may_be = |part: &Part| {
        let (width, height) = (part.width(), part.height());
        let fill = part.pixels as f64 / (width * height) as f64;
        (LOWEST..=HIGHEST).contains(&height)
            && width <= LONGEST * height
            && (FILL.contains(&fill) || width * 3 < height * 2)
    };
    parts.into_iter().filter(may_be).collect()
}

/// Boxes of parts that are next to each other like the letters of a line.
fn rows(parts: &[Part]) -> Vec<Area> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| parts[*at].left);
    let mut groups = connected::Groups::new(parts.len());
    // Sorts parts into bands by the height of their middles, so that not all are compared with each other.
    let band = |part: &Part| part.top.midpoint(part.bottom) / HIGHEST;
    let mut open: std::collections::HashMap<usize, Vec<usize>> = std::collections::HashMap::new();
    for at in order {
        let part = &parts[at];
        let own = band(part);
        for near in own.saturating_sub(1)..=own + 1 {
            let Some(others) = open.get_mut(&near) else {
                continue;
            };
            // It is too far to the left for this part, and so for those that follow.
            others.retain(|other| reach(&parts[*other]) + HIGHEST as f64 * GAP >= part.left as f64);
            for other in others.iter() {
                if beside(&parts[*other], part) {
                    groups.join(*other, at);
                }
            }
        }
        open.entry(own).or_default().push(at);
    }
    let mut rows = Vec::new();
    for group in groups.members() {
        let count = group.len();
        let parts = group.iter().map(|at| &parts[*at]);
        let wide = parts
            .clone()
            .filter(|part| part.width() as f64 >= part.height() as f64 * WIDE)
            .count();
        let area = parts
            .map(|part| [part.left, part.top, part.right, part.bottom])
            .reduce(around);
        let Some([left, top, right, bottom]) = area else {
            continue;
        };
        let long = bottom - top <= HIGHEST_TOUCHING
            && (right - left) as f64 >= (bottom - top) as f64 * LENGTH;
        if (count >= LETTERS || long) && wide * 2 >= count {
            rows.push([left, top, right, bottom]);
        }
    }
    rows
}

fn reach(part: &Part) -> f64 {
    part.right as f64
}

/// True if the right part continues the row of the left one.
fn beside(left: &Part, right: &Part) -> bool {
    let (low, high) = (
        left.height().min(right.height()),
        left.height().max(right.height()),
    );
    let shared = left.bottom.min(right.bottom) as f64 - left.top.max(right.top) as f64;
    let gap = right.left as f64 - left.right as f64;
    high as f64 <= low as f64 * HIGHER && shared >= low as f64 * SHARED && gap <= high as f64 * GAP
}

pub(super) fn around(a: Area, b: Area) -> Area {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

/// Merges areas that touch.
fn joined(mut areas: Vec<Area>) -> Vec<Area> {
    let touch = |a: &Area, b: &Area| a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
    let mut done: Vec<Area> = Vec::new();
    while let Some(mut area) = areas.pop() {
        while let Some(at) = done.iter().position(|other| touch(&area, other)) {
            area = around(area, done.swap_remove(at));
        }
        done.push(area);
    }
    done.sort_by_key(|area| (area[1], area[0]));
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 400;
    const HEIGHT: usize = 200;

    /// A picture of one brightness with rectangles of another one on it.
    fn picture(paper: u8, ink: u8, parts: &[Area]) -> Vec<u8> {
        let mut pixels = vec![paper; WIDTH * HEIGHT];
        for [left, top, right, bottom] in parts {
            for row in *top..*bottom {
                pixels[row * WIDTH + left..row * WIDTH + right].fill(ink);
            }
        }
        pixels
    }

    /// Letters in the form of an `H`, which does not fill its box.
    fn line(left: usize, top: usize, letters: usize) -> Vec<Area> {
        let letter = |at: usize| {
            let left = left + at * 10;
            [
                [left, top, left + 2, top + 10],
                [left + 5, top, left + 7, top + 10],
                [left + 2, top + 4, left + 5, top + 6],
            ]
        };
        (0..letters).flat_map(letter).collect()
    }

    fn areas_of(paper: u8, ink: u8, parts: &[Area]) -> Vec<Area> {
        areas(&picture(paper, ink, parts), WIDTH, HEIGHT, &[]).areas
    }

    #[test]
    fn neighbouring_letters_are_text_dark_or_light() {
        for (paper, ink) in [(255, 0), (255, 180), (0, 255), (120, 20), (60, 140)] {
            let found = areas_of(paper, ink, &line(100, 80, 8));
            assert_eq!(found.len(), 1, "{paper} {ink}");
            let [left, top, right, bottom] = found[0];
            assert!(
                left <= 100 && right >= 177 && top <= 80 && bottom >= 90,
                "{found:?}"
            );
        }
    }

    #[test]
    fn merges_close_lines_into_one_area() {
        let two =
            |gap: usize| areas_of(255, 0, &[line(50, 20, 6), line(50, 30 + gap, 6)].concat()).len();
        assert_eq!(two(6), 1);
        assert_eq!(two(90), 2);
    }

    #[test]
    fn rules_boxes_bars_and_single_marks_are_not_text() {
        let bars = (0..30)
            .map(|at| [50 + at * 6, 50, 53 + at * 6, 110])
            .collect();
        let frame = vec![
            [20, 20, 380, 22],
            [20, 178, 380, 180],
            [20, 20, 22, 180],
            [378, 20, 380, 180],
        ];
        for parts in [
            vec![[20, 100, 380, 102]],
            vec![[100, 50, 300, 150]],
            frame,
            bars,
            line(100, 80, 1),
            vec![[60, 60, 66, 66], [300, 150, 306, 156]],
        ] {
            assert!(areas_of(255, 0, &parts).is_empty(), "{parts:?}");
        }
        assert!(areas_of(255, 255, &[]).is_empty());
        assert_eq!(areas(&[], 0, 0, &[]), Areas::default());
    }

    #[test]
    fn a_known_row_is_text_whatever_it_looks_like() {
        let mark = [60, 60, 66, 66];
        let found = areas(&picture(255, 0, &[mark]), WIDTH, HEIGHT, &[mark]);
        let (areas, height) = (vec![[48, 54, 78, 72]], 6);
        assert_eq!(found, Areas { areas, height });
    }

    #[test]
    fn merges_areas_that_touch_through_others() {
        let parts = vec![
            [0, 0, 10, 10],
            [20, 0, 30, 10],
            [8, 5, 22, 20],
            [50, 50, 60, 60],
        ];
        assert_eq!(joined(parts), [[0, 0, 30, 20], [50, 50, 60, 60]]);
    }
}
