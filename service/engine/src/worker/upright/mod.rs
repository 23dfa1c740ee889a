//! Pages that lie on their side, are upside down or lean. They are detected and rotated before they are read.
//!
//! For upright pages, this costs an analysis of a coarse picture. It shows lines that run up or down the page. It does
//! not show that a page is upside down. But such a page is read with little confidence, and then a part of the page is
//! read in the other directions.

mod enlarge;
mod ink;
mod skew;
mod turn;

use std::borrow::Cow;

use super::Scan;
use super::cells::{self, Cells};
use super::ffi::tesseract::RawWord;
use super::recognized::Recognized;
use super::recognizer::{RecognizerError, confidence};
pub(super) use ink::{Coarse, Ink};
use skew::Slant;
pub(super) use turn::Quarter;
use turn::{Tilt, Turned};

/// Slope in degrees below which lines are read as well as level ones. Rotating pixels costs time and sharpness.
const LEANING: f64 = 0.4;
/// Mean confidence below which a page may have been read in the wrong direction. Clean text that is upside down gets
/// about 42.
const DOUBTFUL: f32 = 70.0;
/// Mean confidence above which no other direction is possible.
const CONFIDENT: f32 = 80.0;
/// Confidence that another direction must gain.
const BETTER: f32 = 12.0;
/// Least part of a page that is read to find its direction.
const SAMPLE: f64 = 0.12;
/// Coarse cells of ink up to which a page is read whole. Of pages with more ink, at least about this much is read.
const LITTLE_INK: usize = 3000;

/// Reads a part of a page.
type Read<'a> = &'a mut dyn FnMut(&Scan) -> Result<Recognized, RecognizerError>;

/// A rotated page, and its rotation.
pub(super) struct Upright<'a> {
    pub(super) scan: Cow<'a, Scan>,
    pub(super) turned: Turned,
    /// Degrees by which its lines run down to the right.
    pub(super) slope: f64,
    /// Coarse cells with ink.
    pub(super) inked: usize,
}

impl Upright<'_> {
    /// The page rotated once more.
    pub(super) fn turned_further(&self, way: Quarter) -> Self {
        Self {
            scan: Cow::Owned(way.turn(&self.scan)),
            // Rotations about the middle can be combined in any order.
            turned: Turned {
                quarter: self.turned.quarter.and(way),
                tilt: self.turned.tilt.map(|tilt| tilt.after(way)),
                ..self.turned
            },
            slope: self.slope,
            inked: self.inked,
        }
    }

    /// The page to be read if it has cells for single letters: without the lines of cells, and closed up.
    pub(super) fn with_cells_closed(&self) -> (Upright<'_>, Option<Cells>) {
        let (scan, cells) = match cells::close_up(&self.scan) {
            Some((scan, cells)) => (Cow::Owned(scan), Some(cells)),
            None => (Cow::Borrowed(&*self.scan), None),
        };
        let page = Upright { scan, ..*self };
        (page, cells)
    }
}

/// Corrects directions that the coarse picture shows: lines that lean, or run up or down. `coarse` belongs to the page
/// before its light was evened. `read` is there if the direction of lines that run up or down has to be found by reading
/// them.
pub(super) fn straighten<'a>(
    scan: Cow<'a, Scan>,
    coarse: &Coarse,
    read: Option<Read<'_>>,
) -> Result<Upright<'a>, RecognizerError> {
    let mut ink = match &scan {
        Cow::Borrowed(_) => coarse.ink(),
        Cow::Owned(evened) => Ink::of(evened),
    };
    let (mut scan, mut enlarged) = (scan, 1);
    if let Some(factor) = ink
        .text_height()
        .and_then(|height| enlarge::factor(&scan, height))
    {
        scan = Cow::Owned(enlarge::by(&scan, factor));
        enlarged = factor;
        ink = Ink::of(&scan);
    }
    let slant = Slant::of(&ink).unwrap_or(Slant {
        sideways: false,
        degrees: 0.0,
    });
    let quarter = match read {
        _ if !slant.sideways => Quarter::None,
        Some(read) => {
            let ways = [Quarter::Right, Quarter::Left, Quarter::None];
            most_confident(&sample(&scan, &ink, true), &ways, read)?.0
        }
        None => Quarter::Right,
    };
    let degrees = if slant.sideways && quarter == Quarter::None {
        0.0
    } else {
        slant.degrees
    };
    let mut upright = turn(scan, quarter, degrees, ink.count());
    upright.turned.enlarged = enlarged;
    Ok(upright)
}

/// Another direction for a page: the one in which the engine read it, or, for a page that was read with little confidence,
/// one in which a part of it is read with much more.
pub(super) fn second_thought(
    upright: &Upright<'_>,
    recognized: &Recognized,
    recognize: Read<'_>,
) -> Result<Option<Quarter>, RecognizerError> {
    match recognized.rotated {
        Some(90) => return Ok(Some(Quarter::Left)),
        Some(180) => return Ok(Some(Quarter::Half)),
        Some(270) => return Ok(Some(Quarter::Right)),
        Some(_) => return Ok(None),
        None => {}
    }
    let read = confidence(&recognized.words);
    if read >= DOUBTFUL {
        return Ok(None);
    }
    let ink = Ink::of(&upright.scan);
    if ink.count() == 0 {
        return Ok(None);
    }
    let part = sample(&upright.scan, &ink, false);
    let mut ways = vec![Quarter::Half];
    if ink.count() <= LITTLE_INK {
        // There is too little ink to know the direction of the lines.
        ways.extend([Quarter::Right, Quarter::Left]);
    }
    let (way, found) = most_confident(&part, &ways, recognize)?;
    // A page that is read badly in every direction is left unchanged.
    Ok((found >= DOUBTFUL.max(read + BETTER)).then_some(way))
}

fn turn(scan: Cow<'_, Scan>, quarter: Quarter, degrees: f64, inked: usize) -> Upright<'_> {
    let (width, height) = (scan.width, scan.height);
    let scan = match quarter {
        Quarter::None => scan,
        quarter => Cow::Owned(quarter.turn(&scan)),
    };
    let tilt = (degrees.abs() >= LEANING).then(|| Tilt::leveling(scan.width, scan.height, degrees));
    let scan = match &tilt {
        Some(tilt) => Cow::Owned(tilt.turn(&scan)),
        None => scan,
    };
    Upright {
        scan,
        turned: Turned {
            quarter,
            tilt,
            enlarged: 1,
            width,
            height,
        },
        slope: if tilt.is_some() { 0.0 } else { degrees },
        inked,
    }
}

/// The direction in which a part of a page is read with the greatest confidence, and that confidence.
fn most_confident(
    part: &Scan,
    ways: &[Quarter],
    read: Read<'_>,
) -> Result<(Quarter, f32), RecognizerError> {
    let mut best = (Quarter::None, 0.0);
    for way in ways {
        let words = read(&way.turn(part))?.words;
        let confidence = confidence(&words);
        if confidence > best.1 {
            best = (way.and(lying(&words)), confidence);
        }
        if confidence >= CONFIDENT {
            break;
        }
    }
    Ok(best)
}

/// Quarter turn that makes text upright which runs down the page. Tesseract reads such text without help, and returns
/// words that are higher than wide. Only letters that are written side by side count.
pub(super) fn lying(words: &[RawWord]) -> Quarter {
    let (mut high, mut wide) = (0, 0);
    for word in words {
        let letters = word.text.bytes().filter(u8::is_ascii_alphanumeric).count();
        let [left, top, right, bottom] = word.bounds;
        if letters < 3 {
            continue;
        } else if bottom - top > right - left {
            high += letters;
        } else {
            wide += letters;
        }
    }
    if high > wide {
        Quarter::Left
    } else {
        Quarter::None
    }
}

/// The strip across the page, or along it, with the most ink among those of a given size.
fn sample(scan: &Scan, ink: &Ink, sideways: bool) -> Scan {
    if ink.count() <= LITTLE_INK {
        return scan.part(0, 0, scan.width, scan.height);
    }
    let lines: Vec<usize> = if sideways {
        ink.by_column()
    } else {
        ink.by_row()
    };
    // A strip of a small page would have at most one line, or halves of two.
    let share = SAMPLE.max(LITTLE_INK as f64 / ink.count() as f64);
    let length = ((lines.len() as f64 * share) as usize).clamp(1, lines.len());
    let mut inked: usize = lines[..length].iter().sum();
    let (mut most, mut start) = (inked, 0);
    for end in length..lines.len() {
        inked = inked + lines[end] - lines[end - length];
        if inked > most {
            (most, start) = (inked, end + 1 - length);
        }
    }
    let (start, length) = (start as u32 * ink.scale, length as u32 * ink.scale);
    if sideways {
        scan.part(start, 0, length, scan.height)
    } else {
        scan.part(0, start, scan.width, length)
    }
}
