//! Forms with a cell for each letter: boxes, or the teeth of a comb. Recognition takes their lines for letters, or the
//! whole row for a drawing. If letters are far apart, it takes the white between them for letters, too. So the lines
//! are removed from the page, and the letters of a row are moved together, before the page is read.
//!
//! A row of cells consists of thin upright bars of similar height. They have one distance, or two alternating ones, and
//! a line along their feet or heads.

mod lines;
#[cfg(test)]
mod tests;

use super::Scan;
use lines::{Bar, FOOT, HEAD, Ink, MM, Row};

const A4_WIDTH: f32 = 8.27;

/// Distance between letters, and between words, after they are moved together, as a share of their height.
const LETTERS_APART: f32 = 0.15;
const WORDS_APART: f32 = 0.6;
/// Largest height of letters, as a share of a cell's width, if only their feet have a line.
const HIGHEST: f32 = 1.6;
/// Least ink of a row of pixels that belongs to the letters, as a share of the ink in the fullest row.
const LETTERS: f32 = 0.02;

/// The rows of cells of a page, closed up.
#[derive(Debug)]
pub(super) struct Cells(Vec<Closed>);

/// The page without the lines of cells, and with the letters moved together. Returns `None` if there are no cells.
pub(super) fn close_up(scan: &Scan) -> Option<(Scan, Cells)> {
    let dpi = scan.dpi.map_or_else(
        || scan.width.min(scan.height) as f32 / A4_WIDTH,
        |dpi| dpi as f32,
    );
    let unit = dpi.clamp(70.0, 1200.0) / MM;
    let page = Ink::of(scan)?;
    let rows = Row::all(&page, unit);
    if rows.is_empty() {
        return None;
    }
    let mut clean = scan.clone();
    for row in &rows {
        row.erase(&mut clean, &page, unit);
    }
    let mut closed = clean.clone();
    let page = Ink::of(&clean)?;
    let moved = rows
        .iter()
        .filter_map(|row| row.close_up(&mut closed, &page, unit));
    let cells = Cells(moved.collect());
    Some((closed, cells))
}

impl Cells {
    /// The place of a box (left, top, right, bottom) on the original page.
    pub(super) fn back(&self, bounds: [i32; 4]) -> [i32; 4] {
        let within = self.0.iter().find_map(|row| row.back(bounds));
        within.unwrap_or(bounds)
    }
}

/// A row whose letters were moved together.
#[derive(Debug)]
struct Closed {
    top: i32,
    bottom: i32,
    letters: Vec<Moved>,
}

/// The content of a cell.
#[derive(Debug, Clone, Copy)]
struct Moved {
    /// Position before and after.
    from: i32,
    to: i32,
    width: i32,
    /// Distance by which it was moved up.
    up: i32,
}

impl Closed {
    fn back(&self, [left, top, right, bottom]: [i32; 4]) -> Option<[i32; 4]> {
        let middle = i32::midpoint(top, bottom);
        let first = self.letters.iter().find(|one| left < one.to + one.width)?;
        let last = self.letters.iter().rev().find(|one| one.to < right)?;
        if !(self.top..self.bottom).contains(&middle) || first.to > last.to {
            return None;
        }
        Some([
            first.from + (left - first.to),
            top + first.up.min(last.up),
            // A word may continue behind the cells.
            right.max(last.from + (right - last.to).min(last.width)),
            bottom + first.up.max(last.up),
        ])
    }
}

impl Row {
    /// Distances of the top and the bottom of letters above the feet of their cells. Returns `None` if there are no
    /// letters, or the page has to be rotated first.
    fn letters(&self, page: &Ink<'_>, unit: f32) -> Option<(usize, usize)> {
        let cells = self.cells(unit);
        let mostly = |end: usize| {
            let lined = cells.iter().filter(|(_, lines)| lines[end]);
            lined.count() * 2 > cells.len()
        };
        let widths = cells.iter().map(|(two, _)| two[1].left - two[0].left);
        let most = match (mostly(HEAD), mostly(FOOT)) {
            (true, true) => self.bars.iter().map(|bar| bar.height()).max()?,
            (_, true) => (widths.max()? as f32 * HIGHEST) as usize,
            // A comb that is upside down.
            (_, false) => return None,
        };
        let ink_of = |two: &[Bar], above: usize| {
            let y = two[0].bottom.checked_sub(above)?;
            let columns = two[0].right..two[1].left;
            Some(columns.filter(|x| page.has(*x, y)).count())
        };
        let profile: Vec<usize> = (0..=most)
            .map(|above| cells.iter().filter_map(|(two, _)| ink_of(two, above)).sum())
            .collect();
        let (fullest, most_ink) = profile.iter().enumerate().max_by_key(|(_, ink)| **ink)?;
        if *most_ink == 0 {
            return None;
        }
        let least = ((*most_ink as f32 * LETTERS) as usize).max(1);
        let is_blank = |above: &usize| profile[*above] < least;
        let lowest = (0..fullest).rev().find(is_blank).map_or(0, |at| at + 1);
        let highest = (fullest..=most).find(is_blank).unwrap_or(most);
        Some((lowest, highest))
    }

    /// Moves the letters together. `page` is the page without lines. Returns `None` if there is nothing to move.
    fn close_up(&self, scan: &mut Scan, page: &Ink<'_>, unit: f32) -> Option<Closed> {
        let fringe = (unit / 10.0).round().max(1.0) as usize;
        let (lowest, highest) = self.letters(page, unit)?;
        let tall = (highest - lowest) as f32;
        let width = page.width;
        let foot = self.bars.first()?.bottom;
        let mut letters: Vec<Moved> = Vec::new();
        // The upper edge of each letter, and its pixels.
        let mut pictures: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut end = 0.0f32;
        let mut apart = LETTERS_APART;
        for (two, _) in self.cells(unit) {
            let rows = two[0].bottom.saturating_sub(highest + fringe)
                ..(two[0].bottom + 1 + fringe)
                    .saturating_sub(lowest)
                    .min(page.height);
            let inked = |x: &usize| rows.clone().any(|y| page.has(*x, y));
            let mut columns = (two[0].right..two[1].left).filter(inked);
            let Some(first) = columns.next() else {
                apart = WORDS_APART;
                continue;
            };
            let behind = columns.next_back().unwrap_or(first) + 1;
            let first = first.saturating_sub(fringe).max(two[0].right);
            let behind = (behind + fringe).min(two[1].left);
            // Broad letters in narrow cells are close enough already.
            let to = match letters.last() {
                Some(_) => (end + tall * apart).min(first as f32),
                None => first as f32,
            };
            end = to + (behind - first) as f32;
            apart = LETTERS_APART;
            letters.push(Moved {
                from: first as i32,
                to: to as i32,
                width: (behind - first) as i32,
                up: two[0].bottom as i32 - foot as i32,
            });
            let mut picture = Vec::with_capacity(rows.len() * (behind - first));
            for y in rows.clone() {
                let place = &mut scan.pixels[y * width + first..y * width + behind];
                picture.extend_from_slice(place);
                place.fill(page.paper);
            }
            pictures.push((rows.start, picture));
        }
        for (letter, (top, picture)) in letters.iter().zip(&pictures) {
            for (y, row) in (*top as i32..).zip(picture.chunks_exact(letter.width as usize)) {
                let start = (y - letter.up).max(0) as usize * width + letter.to as usize;
                if let Some(place) = scan.pixels.get_mut(start..start + row.len()) {
                    place.copy_from_slice(row);
                }
            }
        }
        Some(Closed {
            top: foot.saturating_sub(highest + fringe) as i32,
            bottom: (foot + 1 + fringe).saturating_sub(lowest) as i32,
            letters,
        })
    }
}
