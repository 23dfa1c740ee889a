//! Pages that lie on their side, stand on their head or lean: found and turned before they are read.
//!
//! Upright pages pay a look at a coarse picture. Lines that run up or down the page show in it; on their head they do not, but
//! what is read then is worth little, and that is when a part of the page is read the other ways up.

mod enlarge;
mod ink;
mod skew;
mod turn;

use std::borrow::Cow;

use super::Scan;
use super::cells::{self, Cells};
use super::ffi::tesseract::{RawWord, TesseractError};
use super::recognizer::Recognizer;
pub(super) use ink::{Coarse, Ink};
use skew::Slant;
use turn::{Quarter, Tilt, Turned};

/// Lines that lean less are read as well as level ones, and turning pixels costs time and sharpness.
const LEANING: f64 = 0.4;
/// Below this mean confidence, a page may have been read the wrong way up. Read on its head, clean text gets about 42.
const DOUBTFUL: f32 = 70.0;
/// Above this, no other way up can be meant.
const CONFIDENT: f32 = 80.0;
/// How much more confident another way up has to be.
const BETTER: f32 = 12.0;
/// The part of a page that is read to find which way is up, at least.
const SAMPLE: f64 = 0.12;
/// Coarse cells of ink that are read whole, as there is not much; of more, about as many at least.
const LITTLE_INK: usize = 3000;

/// A page turned upright, and how.
pub(super) struct Upright<'a> {
    pub(super) scan: Cow<'a, Scan>,
    pub(super) turned: Turned,
    /// Degrees by which its lines run down to the right.
    pub(super) slope: f64,
    /// Coarse cells with ink on it.
    pub(super) inked: usize,
}

impl Upright<'_> {
    /// The same turned once more.
    pub(super) fn turned_further(&self, way: Quarter) -> Self {
        Self {
            scan: Cow::Owned(way.turn(&self.scan)),
            // Turns about the middle can be made in any order.
            turned: Turned {
                quarter: self.turned.quarter.and(way),
                tilt: self.turned.tilt.map(|tilt| tilt.after(way)),
                ..self.turned
            },
            slope: self.slope,
            inked: self.inked,
        }
    }

    /// The page as it is to be read where it has cells for single letters: without their lines, closed up.
    pub(super) fn with_cells_closed(&self) -> (Upright<'_>, Option<Cells>) {
        let (scan, cells) = match cells::close_up(&self.scan) {
            Some((scan, cells)) => (Cow::Owned(scan), Some(cells)),
            None => (Cow::Borrowed(&*self.scan), None),
        };
        let page = Upright { scan, ..*self };
        (page, cells)
    }
}

/// Turns what shows in the coarse picture: lines that lean, or run up or down. `coarse` is that of the page before it was evened.
pub(super) fn straighten<'a>(
    scan: Cow<'a, Scan>,
    coarse: &Coarse,
    recognizer: &mut Recognizer,
    languages: &str,
) -> Result<Upright<'a>, TesseractError> {
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
    let quarter = if slant.sideways {
        let ways = [Quarter::Right, Quarter::Left, Quarter::None];
        let sample = sample(&scan, &ink, true);
        most_confident(&sample, &ways, recognizer, languages)?.0
    } else {
        Quarter::None
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

/// Another way up, for a page that was read with little confidence, if a part of it reads much better that way.
pub(super) fn second_thought(
    upright: &Upright<'_>,
    words: &[RawWord],
    recognizer: &mut Recognizer,
    languages: &str,
) -> Result<Option<Quarter>, TesseractError> {
    let read = confidence(words);
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
        // Too little to have seen which way its lines run.
        ways.extend([Quarter::Right, Quarter::Left]);
    }
    let (way, found) = most_confident(&part, &ways, recognizer, languages)?;
    // What is read badly every way stays as it is.
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

/// The way up in which a part of a page is read with the greatest confidence, and that.
fn most_confident(
    part: &Scan,
    ways: &[Quarter],
    recognizer: &mut Recognizer,
    languages: &str,
) -> Result<(Quarter, f32), TesseractError> {
    let mut best = (Quarter::None, 0.0);
    for way in ways {
        let (_, words) = recognizer.read(&way.turn(part), languages)?;
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

/// The mean of the words' confidences by their length: rubbish comes in short pieces.
pub(super) fn confidence(words: &[RawWord]) -> f32 {
    let (mut sum, mut length) = (0.0, 0.0);
    for word in words {
        let letters = word.text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
        sum += word.confidence * letters;
        length += letters;
    }
    if length > 0.0 { sum / length } else { 0.0 }
}

/// Tesseract reads text by itself that runs down the page, and gives words higher than wide: they would have to be turned
/// to the left. Only of letters that are written side by side.
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

/// The strip across the page, or along it, that has the most ink of those that are a share of it.
fn sample(scan: &Scan, ink: &Ink, sideways: bool) -> Scan {
    if ink.count() <= LITTLE_INK {
        return scan.part(0, 0, scan.width, scan.height);
    }
    let lines: Vec<usize> = if sideways {
        ink.by_column()
    } else {
        ink.by_row()
    };
    // A strip of a small page has a line at most, and halves of two.
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
