//! Reading of whole pages.

use image::{GrayImage, imageops};

use crate::decode::Characters;
use crate::doubts::{self, Span};
use crate::line::Line;
use crate::recognizer::ReadLine;
use crate::rectangle::{LEVEL, Rectangle};
use crate::{PpOcr, PpOcrError, cut, order, words};

/// Least width of a line of which only the doubtful words are read again, and their largest share of it.
const LONG: u32 = 760;
const MOST: f32 = 0.5;
/// Confidence below which a space is doubtful: in receipts, many are; in long lines of prose, few are wrong.
const SPACE: f32 = 0.9;
const SPACE_OF_LONG: f32 = 0.5;
/// Number of lines by which the rest of a page is judged: if half of those that were read are in doubt, all others are
/// read by the accurate recognizer at once.
const JUDGED: usize = 12;
/// Least mean confidence of lines that are answered, and the least product of its square and the detector's certainty.
/// Less are pictures and rulings.
const LEAST: f32 = 0.5;
const LEAST_CERTAIN: f32 = 0.4;
/// Length of a line for each of its characters, in heights of the line, from which on the line was not read.
const SPARSE: f32 = 2.0;
/// Number of lines that show the direction of a page, and mean confidence from which on a line is not read the other way.
const ASKED: usize = 4;
const CLEAR: f32 = 0.97;
/// Mean confidence below which a line is read upside down as well.
const REVERSED: f32 = 0.8;

/// A page that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Lines in the order of reading.
    pub lines: Vec<Line>,
    /// Degrees by which most of the text is rotated clockwise: 0, 90, 180 or 270. Vertical lines of Chinese or Japanese are
    /// not rotated.
    pub rotated: u32,
    /// Bounds of lines that were found and could not be read.
    pub unread: Vec<[f32; 4]>,
}

/// True if a line has far fewer characters than fit on it. In a script that it does not know, a recognizer finds little more
/// than the full stops.
fn is_sparse(place: &Rectangle, read: &ReadLine) -> bool {
    place.length > place.height * SPARSE * (read.glyphs.len() + 1) as f32
}

/// Quarter turns clockwise by which a line is rotated.
fn quarters(place: &Rectangle, read: &ReadLine) -> usize {
    let (x, y) = place.along;
    if x.abs() >= y.abs() {
        if x > 0.0 { 0 } else { 2 }
    } else if read.text.chars().any(|c| c >= '\u{2e80}') {
        0
    } else if y > 0.0 {
        1
    } else {
        3
    }
}

/// Counts of a page's lines.
#[derive(Debug, Default)]
struct Seen {
    /// True if most lines are read upside down.
    upside_down: bool,
    by_fast: usize,
    doubtful: usize,
}

impl PpOcr {
    /// Finds and reads the lines of a page, or of a part of a page whose longer side has `side` pixels.
    ///
    /// # Errors
    /// [`PpOcrError::Run`]
    pub fn read(&mut self, page: &GrayImage, side: u32) -> Result<Page, PpOcrError> {
        let places = self.detector.find(page, side)?;
        let mut found = Vec::with_capacity(places.len());
        let (mut rotated, mut unread) = ([0.0; 4], Vec::new());
        let mut seen = Seen {
            upside_down: self.is_upside_down(page, &places)?,
            ..Seen::default()
        };
        for (place, certainty) in places {
            let (place, line, read) = self.read_place(page, place, &mut seen)?;
            let mean = read.mean();
            let is_picture = mean < LEAST || mean * mean * certainty < LEAST_CERTAIN;
            if is_picture || is_sparse(&place, &read) {
                unread.push(place.bounds(LEVEL));
                continue;
            }
            let (words, inked) = words::of(&read, &line, &place);
            if !words.is_empty() {
                rotated[quarters(&place, &read)] += place.length;
                found.push((words, inked));
            }
        }
        let most = (0..4).max_by(|a, b| rotated[*a].total_cmp(&rotated[*b]).then(b.cmp(a)));
        Ok(Page {
            lines: order::of(found),
            rotated: most.map_or(0, |quarters| quarters as u32 * 90),
            unread,
        })
    }

    /// True if the longest lines are read with more confidence upside down. Some letters are confident either way.
    fn is_upside_down(
        &mut self,
        page: &GrayImage,
        places: &[(Rectangle, f32)],
    ) -> Result<bool, PpOcrError> {
        let mut longest: Vec<&Rectangle> = places.iter().map(|(place, _)| place).collect();
        longest.sort_by(|a, b| b.length.total_cmp(&a.length));
        let mut sums = [0.0, 0.0];
        for place in longest.into_iter().take(ASKED) {
            let ways = [*place, place.reversed()];
            for (sum, way) in sums.iter_mut().zip(ways) {
                let read = self.fast.read(&cut::line(page, &way), Characters::All)?;
                *sum += read.mean() * place.length;
                if read.mean() >= CLEAR {
                    break;
                }
            }
        }
        Ok(sums[1] > sums[0])
    }

    fn read_place(
        &mut self,
        page: &GrayImage,
        place: Rectangle,
        seen: &mut Seen,
    ) -> Result<(Rectangle, GrayImage, ReadLine), PpOcrError> {
        let mut is_reversed = seen.upside_down;
        let facing = |is_reversed| if is_reversed { place.reversed() } else { place };
        let mut line = cut::line(page, &facing(is_reversed));
        let mut read = self.read_cut(&line, seen)?;
        if read.mean() < REVERSED {
            let other = cut::line(page, &facing(!is_reversed));
            let again = self.accurate.read(&other, Characters::All)?;
            if again.mean() > read.mean().max(REVERSED) {
                (is_reversed, line, read) = (!is_reversed, other, again);
            }
        }
        Ok((facing(is_reversed), line, read))
    }

    fn read_cut(&mut self, line: &GrayImage, seen: &mut Seen) -> Result<ReadLine, PpOcrError> {
        if seen.by_fast < JUDGED || seen.doubtful * 2 < seen.by_fast {
            let read = self.fast.read(line, Characters::All)?;
            seen.by_fast += 1;
            let is_long = line.width() >= LONG;
            let least_space = if is_long { SPACE_OF_LONG } else { SPACE };
            let spans = doubts::spans(&read.glyphs, least_space);
            if spans.is_empty() {
                return Ok(read);
            }
            let share: f32 = spans.iter().map(|span| span.width()).sum();
            // A line with an accent may have more of them, where the fast recognizer saw none.
            if is_long && share <= MOST && read.text.is_ascii() {
                return self.read_spans(line, read, &spans);
            }
            seen.doubtful += 1;
        }
        self.accurate.read(line, Characters::All)
    }

    /// Reads the doubtful parts of a line again.
    fn read_spans(
        &mut self,
        line: &GrayImage,
        read: ReadLine,
        spans: &[Span],
    ) -> Result<ReadLine, PpOcrError> {
        let mut glyphs = Vec::with_capacity(read.glyphs.len());
        let mut done = 0;
        for span in spans {
            let (left, right) = span.columns(line.width());
            let part = imageops::crop_imm(line, left, 0, right - left, line.height()).to_image();
            let again = self.accurate.read(&part, Characters::All)?;
            glyphs.extend_from_slice(&read.glyphs[done..span.glyphs.start]);
            glyphs.extend(again.placed(span.from, span.to));
            done = span.glyphs.end;
        }
        glyphs.extend_from_slice(&read.glyphs[done..]);
        Ok(ReadLine::of(glyphs))
    }
}
