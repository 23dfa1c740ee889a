//! Forms with a cell for each letter: boxes, or teeth of a comb. Recognition takes their lines for letters, or the whole row for a
//! drawing; and of letters that stand far apart it takes the white between for letters, too. So the lines are taken off the page and the
//! letters of a row moved together before it is read.
//!
//! Thin upright bars that are alike in height and stand in a row at one distance, or at two by turns, with a line along their feet or
//! heads, are no letters.

use super::Scan;
use super::bricks::Bits;

/// Lengths in millimetres. A bar is as high as a tooth at least, and no higher than a box; one that is higher belongs to a table.
const BAR: std::ops::RangeInclusive<f32> = 1.8..=14.0;
/// Lines are no thicker.
const THICK: f32 = 0.8;
/// From bar to bar, where a letter has its place between them.
const CELL: std::ops::RangeInclusive<f32> = 2.5..=12.0;
/// How far the ends of bars beside each other are from being at one height: paper lies aslant.
const ASLANT: f32 = 0.5;
/// How far above or below the end of a bar its line runs.
const NEAR: f32 = 0.35;
/// Cells from which on a row is one of them.
const FEWEST: usize = 5;
/// What of all distances in a row the two most frequent are, and how different two may be that are the same.
const REGULAR: f32 = 0.85;
const SAME: f32 = 0.08;
/// What of a cell's width a line covers.
const LINED: f32 = 0.9;
/// Rows of this much of their cells with a line.
const MOSTLY: f32 = 0.8;
/// What a line has of the paper's brightness, at most.
const INK: f32 = 0.86;
/// Rows of pixels in a millimetre that are enough to find bars by.
const FINE: f32 = 5.0;
/// So many rows that may go on are looked through for those that do not.
const MANY: usize = 256;
/// A page made to have more bars than any is not searched.
const MOST_BARS: usize = 20_000;
const A4_WIDTH: f32 = 8.27;
const MM: f32 = 25.4;

/// The letters of a row are that far apart when they are moved together, as a share of their height; and words that far.
const LETTERS_APART: f32 = 0.15;
const WORDS_APART: f32 = 0.6;
/// How high letters are at most, as a share of a cell's width, where only their feet have a line.
const HIGHEST: f32 = 1.6;
/// A row of pixels belongs to the letters if it has this much of the ink of the row that has most.
const LETTERS: f32 = 0.02;

/// The rows of cells of a page, closed up.
#[derive(Debug, Default)]
pub(super) struct Cells(Vec<Closed>);

/// The page without the lines of cells, and letters side by side that stood in them. `None`: there are none.
pub(super) fn close_up(scan: &Scan) -> Option<(Scan, Cells)> {
    let dpi = scan.dpi.map_or_else(
        || scan.width.min(scan.height) as f32 / A4_WIDTH,
        |dpi| dpi as f32,
    );
    let unit = dpi.clamp(70.0, 1200.0) / MM;
    let page = Ink::of(scan)?;
    let rows: Vec<Row> = rows(&bars(&page, unit), unit)
        .into_iter()
        .filter_map(|bars| Row::of(bars, &page, unit))
        .collect();
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
    /// Where a box (left, top, right, bottom) is on the page as it was.
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

/// What a cell had in it.
#[derive(Debug, Clone, Copy)]
struct Moved {
    /// Where it was, and where it is.
    from: i32,
    to: i32,
    width: i32,
    /// By how much it was moved up.
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
            first.from + (left - first.to).max(0),
            top + first.up.min(last.up),
            last.from + (right - last.to).min(last.width),
            bottom + first.up.max(last.up),
        ])
    }
}

/// A page, of which a pixel is ink or is not.
struct Ink<'a> {
    pixels: &'a [u8],
    width: usize,
    height: usize,
    paper: u8,
    /// Ink is darker.
    below: u8,
}

impl<'a> Ink<'a> {
    fn of(scan: &'a Scan) -> Option<Self> {
        let (width, height) = (scan.width as usize, scan.height as usize);
        if width == 0 || height == 0 {
            return None;
        }
        let mut counts = [0u32; 256];
        for row in scan.pixels.chunks_exact(width).step_by(16) {
            row.iter()
                .step_by(16)
                .for_each(|pixel| counts[usize::from(*pixel)] += 1);
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        let paper = most.and_then(|(gray, _)| u8::try_from(gray).ok())?;
        Some(Self {
            pixels: &scan.pixels,
            width,
            height,
            paper,
            below: (f32::from(paper) * INK) as u8,
        })
    }

    fn has(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.pixels[y * self.width + x] < self.below
    }

    /// Every so many rows of it, a bit for each pixel.
    fn bits(&self, step: usize) -> Vec<u32> {
        let stride = self.width.div_ceil(32);
        let mut words = Vec::with_capacity(stride * self.height.div_ceil(step));
        let mut inked = [0u8; 32];
        for row in self.pixels.chunks_exact(self.width).step_by(step) {
            for pixels in row.chunks(32) {
                inked[pixels.len()..].fill(0);
                for (inked, pixel) in inked.iter_mut().zip(pixels) {
                    *inked = u8::from(*pixel < self.below);
                }
                let (bytes, _) = inked.as_chunks::<8>();
                words.push(
                    bytes
                        .iter()
                        .fold(0, |word, bytes| word << 8 | gather(*bytes)),
                );
            }
        }
        words
    }
}

/// A bit of each byte, which is 0 or 1: that of the first one is the highest.
fn gather(bytes: [u8; 8]) -> u32 {
    // Byte i comes to bit 63 - i by the factor's bit 63 - 9 i, and nothing else comes to the same place.
    let gathered = u64::from_le_bytes(bytes).wrapping_mul(0x8040_2010_0804_0201) >> 56;
    gathered as u32
}

/// An upright line: right and bottom are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bar {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Bar {
    fn height(self) -> usize {
        self.bottom - self.top
    }
}

/// All of them on the page, from left to right.
fn bars(page: &Ink<'_>, unit: f32) -> Vec<Bar> {
    // A bar is there in every second row, too, of which a good scan has enough.
    let step = ((unit / FINE) as usize).max(1);
    let shortest = ((BAR.start() * unit) as usize / step).max(6);
    let tallest = (BAR.end() * unit) as usize;
    let thickest = ((THICK * unit) as usize).max(2);
    let stride = page.width.div_ceil(32);
    let mut upright = page.bits(step);
    Bits {
        words: &mut upright,
        stride,
    }
    .open(1, shortest);
    let mut done: Vec<Bar> = Vec::new();
    // Those that the row above has a piece of, from left to right.
    let mut open: Vec<Bar> = Vec::new();
    for (y, row) in upright.chunks_exact(stride).enumerate() {
        let mut next: Vec<Bar> = Vec::new();
        let mut above = open.iter().copied().peekable();
        for (left, right) in runs(row) {
            while let Some(bar) = above.next_if(|bar| bar.right < left) {
                done.push(bar);
            }
            let mut bar = Bar {
                left,
                right,
                top: y * step,
                bottom: (y + 1) * step,
            };
            while let Some(piece) = above.next_if(|piece| piece.left <= right) {
                bar.left = bar.left.min(piece.left);
                bar.right = bar.right.max(piece.right);
                bar.top = bar.top.min(piece.top);
            }
            next.push(bar);
        }
        done.extend(above);
        open = next;
        if done.len() > MOST_BARS {
            return Vec::new();
        }
    }
    done.extend(open);
    done.retain(|bar| {
        let aslant = bar.height() / 40;
        bar.right - bar.left <= thickest + aslant && bar.height() <= tallest
    });
    done.sort_by_key(|bar| (bar.left, bar.top));
    done
}

/// From where to where the bits of a row are set.
fn runs(row: &[u32]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, &word) in row.iter().enumerate() {
        let mut left = word;
        while left != 0 {
            let start = left.leading_zeros();
            let length = (left << start).leading_ones();
            let (from, to) = (
                at * 32 + start as usize,
                at * 32 + (start + length) as usize,
            );
            match runs.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => runs.push((from, to)),
            }
            let behind = start + length;
            left = left.checked_shl(behind).map_or(0, |rest| rest >> behind);
        }
    }
    runs
}

/// Bars that stand beside each other, alike.
fn rows(bars: &[Bar], unit: f32) -> Vec<Vec<Bar>> {
    let (aslant, farthest) = ((ASLANT * unit) as usize + 1, (CELL.end() * unit) as usize);
    let mut done: Vec<Vec<Bar>> = Vec::new();
    let mut open: Vec<Vec<Bar>> = Vec::new();
    for bar in bars {
        let is_near = |last: &Bar| bar.left.saturating_sub(last.left) <= farthest;
        if open.len() >= MANY {
            let is_far = |row: &mut Vec<Bar>| !row.last().is_some_and(is_near);
            done.extend(open.extract_if(.., is_far));
        }
        let alike = |row: &&mut Vec<Bar>| {
            row.last().is_some_and(|last| {
                let (top, bottom) = (last.top.abs_diff(bar.top), last.bottom.abs_diff(bar.bottom));
                top.max(bottom) <= aslant && is_near(last)
            })
        };
        match open.iter_mut().rev().find(alike) {
            Some(row) => row.push(*bar),
            None => open.push(vec![*bar]),
        }
    }
    done.extend(open);
    done.retain(|row| row.len() > FEWEST);
    done
}

/// Of a cell's two lines.
const HEAD: usize = 0;
const FOOT: usize = 1;

/// A row of cells.
struct Row {
    bars: Vec<Bar>,
    /// Of each bar but the last: whether a line goes on from its head and from its foot to the next one.
    lines: Vec<[bool; 2]>,
}

impl Row {
    /// `None`: they are something else.
    fn of(bars: Vec<Bar>, page: &Ink<'_>, unit: f32) -> Option<Self> {
        let distances: Vec<f32> = bars
            .windows(2)
            .map(|two| (two[1].left - two[0].left) as f32)
            .collect();
        let alike = |one: f32, other: f32| (one - other).abs() <= (one * SAME).max(2.5);
        let like = |one: f32| distances.iter().filter(|other| alike(one, **other)).count();
        let usual = distances.iter().copied().max_by_key(|one| like(*one))?;
        let others = distances.iter().copied().filter(|one| !alike(usual, *one));
        let second = others.max_by_key(|one| like(*one));
        let regular = like(usual) + second.map_or(0, like);
        if (regular as f32) < distances.len() as f32 * REGULAR {
            return None;
        }
        let near = (NEAR * unit) as usize + 1;
        let lines: Vec<[bool; 2]> = bars
            .windows(2)
            .map(|two| {
                let lined = |one: usize, other: usize| {
                    let between = two[0].right..two[1].left;
                    let width = between.len();
                    let (top, bottom) = (one.min(other).saturating_sub(near), one.max(other));
                    let inked = between.filter(|x| (top..=bottom + near).any(|y| page.has(*x, y)));
                    inked.count() as f32 >= width as f32 * LINED
                };
                [
                    lined(two[0].top, two[1].top),
                    lined(two[0].bottom, two[1].bottom),
                ]
            })
            .collect();
        let is_cell = |distance: f32| CELL.contains(&(distance / unit));
        let cells = distances.iter().filter(|one| is_cell(**one)).count();
        let lined = distances.iter().zip(&lines);
        let lined = lined.filter(|(one, line)| is_cell(**one) && line.contains(&true));
        let lined = lined.count();
        (lined >= FEWEST && lined as f32 >= cells as f32 * MOSTLY).then_some(Self { bars, lines })
    }

    fn erase(&self, scan: &mut Scan, page: &Ink<'_>, unit: f32) {
        let fringe = (unit / 10.0).round().max(1.0) as usize;
        let near = (NEAR * unit) as usize + 1;
        let thickest = ((THICK * unit) as usize).max(2);
        let width = page.width;
        let mut whiten = |x: usize, from: usize, to: usize| {
            for y in from..to.min(page.height) {
                if let Some(pixel) = scan.pixels.get_mut(y * width + x) {
                    *pixel = page.paper;
                }
            }
        };
        for bar in &self.bars {
            for x in bar.left.saturating_sub(fringe)..(bar.right + fringe).min(width) {
                let top = bar.top.saturating_sub(near);
                whiten(x, top, bar.bottom + near);
            }
        }
        for (two, lines) in self.bars.windows(2).zip(&self.lines) {
            let ends = [(two[0].top, two[1].top), (two[0].bottom, two[1].bottom)];
            for ((one, other), _) in ends.into_iter().zip(lines).filter(|(_, lined)| **lined) {
                let (top, bottom) = (
                    one.min(other).saturating_sub(near),
                    one.max(other) + near + 1,
                );
                for x in two[0].right..two[1].left {
                    let Some(within) = (top..bottom).find(|y| page.has(x, *y)) else {
                        continue;
                    };
                    let mut first = within;
                    while first > 0 && within - first <= thickest && page.has(x, first - 1) {
                        first -= 1;
                    }
                    let mut behind = within + 1;
                    while behind - within <= thickest && page.has(x, behind) {
                        behind += 1;
                    }
                    // More than a line: a letter crosses it.
                    if behind - first <= thickest {
                        whiten(x, first.saturating_sub(fringe), behind + fringe);
                    }
                }
            }
        }
    }

    /// Moves the letters together. `page` is the one whose lines have gone. `None`: all cells are empty.
    fn close_up(&self, scan: &mut Scan, page: &Ink<'_>, unit: f32) -> Option<Closed> {
        let fringe = (unit / 10.0).round().max(1.0) as usize;
        // What is narrower is the white between two boxes.
        let is_cell = |two: &&[Bar]| (two[1].left - two[0].left) as f32 >= CELL.start() * unit;
        let cells: Vec<&[Bar]> = self.bars.windows(2).filter(is_cell).collect();
        let widest = cells.iter().map(|two| two[1].left - two[0].left).max()?;
        // As far above the foot of a cell its letter may be.
        let mostly = |end: usize| {
            let windows = self.bars.windows(2).zip(&self.lines);
            let lined = windows.filter(|(two, line)| is_cell(two) && line[end]);
            lined.count() * 2 > cells.len()
        };
        let most = match (mostly(HEAD), mostly(FOOT)) {
            (true, true) => self.bars.iter().map(|bar| bar.height()).max()?,
            (_, true) => (widest as f32 * HIGHEST) as usize,
            // A comb on its head: the page is yet to be turned.
            (_, false) => return None,
        };
        let ink_at = |two: &[Bar], height: usize| {
            let y = two[0].bottom.checked_sub(height)?;
            let columns = two[0].right..two[1].left;
            Some(columns.filter(|x| page.has(*x, y)).count())
        };
        let profile: Vec<usize> = (0..=most)
            .map(|height| {
                let cells = cells.iter().filter_map(|two| ink_at(two, height));
                cells.sum()
            })
            .collect();
        let (fullest, most_ink) = profile.iter().enumerate().max_by_key(|(_, ink)| **ink)?;
        let least = ((*most_ink as f32 * LETTERS) as usize).max(1);
        let is_blank = |height: &usize| profile[*height] < least;
        let lowest = (0..fullest).rev().find(is_blank).map_or(0, |at| at + 1);
        let highest = (fullest..=most).find(is_blank).unwrap_or(most);
        let tall = (highest - lowest) as f32;
        if *most_ink == 0 {
            return None;
        }
        let foot = self.bars.first()?.bottom;
        let mut letters: Vec<Moved> = Vec::new();
        let mut taken: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut at = 0.0f32;
        let mut apart = LETTERS_APART;
        for two in cells {
            let rows = two[0].bottom.saturating_sub(highest + fringe)
                ..(two[0].bottom + 1 + fringe)
                    .saturating_sub(lowest)
                    .min(page.height);
            let inked = |x: &usize| rows.clone().any(|y| page.has(*x, y));
            let columns = two[0].right..two[1].left;
            let (Some(first), Some(last)) = (
                columns.clone().find(inked),
                columns.clone().rev().find(inked),
            ) else {
                apart = WORDS_APART;
                continue;
            };
            let (first, behind) = (
                first.saturating_sub(fringe).max(two[0].right),
                (last + 1 + fringe).min(two[1].left),
            );
            if letters.is_empty() {
                at = first as f32;
            } else {
                // Broad letters in narrow cells stand close enough.
                at = (at + tall * apart).min(first as f32);
            }
            apart = LETTERS_APART;
            letters.push(Moved {
                from: first as i32,
                to: at as i32,
                width: (behind - first) as i32,
                up: two[0].bottom as i32 - foot as i32,
            });
            let width = page.width;
            let pixels = rows.clone().flat_map(|y| {
                let row = y * width;
                scan.pixels[row + first..row + behind].iter().copied()
            });
            taken.push((rows.start, pixels.collect()));
            at += (behind - first) as f32;
            for y in rows {
                let row = y * width;
                scan.pixels[row + first..row + behind].fill(page.paper);
            }
        }
        for (letter, (top, pixels)) in letters.iter().zip(&taken) {
            let width = letter.width as usize;
            for (y, row) in pixels.chunks_exact(width).enumerate() {
                let to = (*top as i32 + y as i32 - letter.up).max(0) as usize;
                let start = to * page.width + letter.to as usize;
                if let Some(place) = scan.pixels.get_mut(start..start + width) {
                    place.copy_from_slice(row);
                }
            }
        }
        let (top, bottom) = (foot.saturating_sub(highest + fringe), foot + 1 + fringe);
        Some(Closed {
            top: top as i32,
            bottom: bottom.saturating_sub(lowest) as i32,
            letters,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: u8 = 30;

    /// A page at 300 dpi, 12 pixels a millimetre.
    fn paper() -> Scan {
        Scan {
            pixels: vec![250; 1400 * 400],
            width: 1400,
            height: 400,
            dpi: Some(300),
        }
    }

    fn fill(scan: &mut Scan, [left, top, right, bottom]: [usize; 4]) {
        for row in scan.pixels.chunks_exact_mut(1400).take(bottom).skip(top) {
            row[left..right].fill(BLACK);
        }
    }

    /// Bars at these places, from 150 down to 230, and a letter behind each but the last.
    fn bars_and_letters(places: &[usize]) -> Scan {
        let mut scan = paper();
        for x in places {
            fill(&mut scan, [*x, 150, x + 3, 230]);
        }
        for x in &places[..places.len() - 1] {
            fill(&mut scan, [x + 20, 170, x + 38, 206]);
        }
        scan
    }

    fn every(distance: usize, count: usize) -> Vec<usize> {
        (0..count).map(|at| 100 + at * distance).collect()
    }

    fn ink(scan: &Scan) -> usize {
        scan.pixels.iter().filter(|pixel| **pixel == BLACK).count()
    }

    #[test]
    fn lines_go_and_letters_move_together() {
        let mut scan = bars_and_letters(&every(60, 9));
        fill(&mut scan, [100, 228, 583, 231]);
        let (closed, cells) = close_up(&scan).unwrap();
        assert_eq!(ink(&closed), 8 * 18 * 36);
        let row = &closed.pixels[190 * 1400..191 * 1400];
        let inked = |x: &usize| row[*x] == BLACK;
        let first = (0..1400).find(inked).unwrap();
        let last = (0..1400).rev().find(inked).unwrap();
        assert_eq!(first, 120);
        assert!((8 * 18..8 * 26).contains(&(last - first)), "{last}");
        // A word over all of it, and one of the last letter.
        let [left, top, right, bottom] = cells.back([120, 170, last as i32 + 1, 206]);
        assert_eq!((left, top, bottom), (120, 170, 206));
        assert!((right - (100 + 7 * 60 + 38)).abs() <= 2, "{right}");
        let [left, _, right, _] = cells.back([last as i32 - 16, 170, last as i32 + 1, 206]);
        assert!((left - (100 + 7 * 60 + 20)).abs() <= 2, "{left}");
        assert!(right - left < 24, "{left} to {right}");
        // What stands elsewhere is where it is.
        assert_eq!(cells.back([120, 20, 300, 60]), [120, 20, 300, 60]);
        assert_eq!(cells.back([900, 170, 990, 206]), [900, 170, 990, 206]);
    }

    #[test]
    fn letters_that_fill_their_cells_stay_within_the_row() {
        let places: Vec<usize> = (0..30)
            .map(|at| 2 + at * 48)
            .take_while(|x| *x < 1398)
            .collect();
        let mut scan = bars_and_letters(&places);
        for x in &places[..places.len() - 1] {
            fill(&mut scan, [x + 6, 155, x + 45, 224]);
        }
        fill(&mut scan, [2, 228, places[places.len() - 1] + 3, 231]);
        let before = ink(&scan);
        let (closed, _) = close_up(&scan).unwrap();
        let letters = (places.len() - 1) * 39 * 69;
        assert!(before > letters);
        assert_eq!(ink(&closed), letters);
    }

    #[test]
    fn an_empty_cell_is_a_space() {
        let width_of = |empty: Option<usize>| {
            let places = every(60, 9);
            let mut scan = bars_and_letters(&places);
            fill(&mut scan, [100, 228, 583, 231]);
            if let Some(at) = empty {
                for row in scan.pixels.chunks_exact_mut(1400).take(220).skip(160) {
                    row[places[at] + 5..places[at] + 55].fill(250);
                }
            }
            let (closed, _) = close_up(&scan).unwrap();
            let row = &closed.pixels[190 * 1400..191 * 1400];
            let inked: Vec<usize> = (0..1400).filter(|x| row[*x] == BLACK).collect();
            let gaps = inked.windows(2).map(|two| two[1] - two[0]);
            gaps.max().unwrap()
        };
        assert!(width_of(Some(4)) > width_of(None) + 10);
    }

    #[test]
    fn what_are_no_cells_stays() {
        let lined = |places: &[usize]| {
            let mut scan = bars_and_letters(places);
            let (first, last) = (places[0], places[places.len() - 1]);
            fill(&mut scan, [first, 228, last + 3, 231]);
            scan
        };
        assert!(close_up(&lined(&every(60, 9))).is_some());
        for (what, scan) in [
            ("without a line", bars_and_letters(&every(60, 9))),
            ("too few", lined(&every(60, 4))),
            ("a table", lined(&every(200, 7))),
            (
                "at all distances",
                lined(&[100, 145, 210, 300, 341, 430, 480, 560, 615, 735]),
            ),
            ("nothing", paper()),
        ] {
            assert!(close_up(&scan).is_none(), "{what}");
        }
        let mut tall = lined(&every(60, 9));
        for x in every(60, 9) {
            fill(&mut tall, [x, 20, x + 3, 390]);
        }
        assert!(close_up(&tall).is_none(), "a table of several rows");
    }

    #[test]
    fn a_page_of_any_size_is_searched() {
        for (width, height) in [(0, 0), (1, 1), (33, 2), (2, 70)] {
            let scan = Scan {
                pixels: vec![0; (width * height) as usize],
                width,
                height,
                dpi: None,
            };
            assert!(close_up(&scan).is_none());
        }
    }
}
