//! Reading of whole pages.

use image::GrayImage;

use crate::decode::Characters;
use crate::line::Line;
use crate::recognizer::ReadLine;
use crate::rectangle::Rectangle;
use crate::{PpOcr, PpOcrError, cut, order, words};

/// Confidence of its least certain character below which a line is read again, 0 to 100.
const DOUBTFUL: f32 = 90.0;
/// Least mean confidence of lines that are answered. Less are pictures.
const LEAST: f32 = 0.5;
/// Length of a line for each of its characters, in heights of the line, from which on the line was not read.
const SPARSE: f32 = 2.0;
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

impl PpOcr {
    /// Finds and reads the lines of a page, or of a part of a page whose longer side has `side` pixels.
    ///
    /// # Errors
    /// [`PpOcrError::Run`]
    pub fn read(&mut self, page: &GrayImage, side: u32) -> Result<Page, PpOcrError> {
        let places = self.detector.find(page, side)?;
        let mut found = Vec::with_capacity(places.len());
        let (mut rotated, mut unread) = ([0.0; 4], Vec::new());
        for place in places {
            let (place, line, read) = self.read_place(page, place)?;
            if read.mean() < LEAST || is_sparse(&place, &read) {
                unread.push(place.bounds((0.0, place.length), (0.0, place.height)));
                continue;
            }
            let words = words::of(&read, &line, &place);
            if !words.is_empty() {
                rotated[quarters(&place, &read)] += place.length;
                found.push(words);
            }
        }
        let most = (0..4).max_by(|a, b| rotated[*a].total_cmp(&rotated[*b]).then(b.cmp(a)));
        Ok(Page {
            lines: order::of(found),
            rotated: most.map_or(0, |quarters| quarters as u32 * 90),
            unread,
        })
    }

    fn read_place(
        &mut self,
        page: &GrayImage,
        place: Rectangle,
    ) -> Result<(Rectangle, GrayImage, ReadLine), PpOcrError> {
        let line = cut::line(page, &place);
        let mut read = self.fast.read(&line, Characters::All)?;
        if read.confidence < DOUBTFUL {
            let again = self.accurate.read(&line, Characters::All)?;
            if again.mean() >= read.mean() {
                read = again;
            }
        }
        if read.mean() < REVERSED {
            let reversed = place.reversed();
            let line = cut::line(page, &reversed);
            let again = self.accurate.read(&line, Characters::All)?;
            if again.mean() > read.mean().max(REVERSED) {
                return Ok((reversed, line, again));
            }
        }
        Ok((place, line, read))
    }
}
