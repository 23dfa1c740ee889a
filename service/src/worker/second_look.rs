//! Reading lines of a page once more, larger and each by itself, by Tesseract and by the second recognizer.

use std::time::{Duration, Instant};

use image::GrayImage;
use ocr_api::answer::Page;
use ocr_api::code::{Code, Reading, Recognizer as Name};

use super::Scan;
use super::line;
use super::line_recognizer::LineRecognizer;
use super::page::{Eyes, tenths};
use super::recognizer::Recognizer;
use crate::codes::rules::RuleFinder;
use crate::codes::{self, Bounds, Settles};
use crate::protocol::How;

/// The height that a line's letters are brought to: Tesseract reads them best at 30 to 40 pixels, and the model of lines
/// wants 48 with some white.
const LINE: u32 = 44;
/// A line that is not like one: a picture, or a page that is made to cost much.
const MOST_ASPECT: u32 = 60;
/// Enough for a page full of doubtful codes on a busy machine.
const LEAST_TIME: Duration = Duration::from_millis(1500);
const MOST_TIME: Duration = Duration::from_secs(5);
/// The white around a line for Tesseract.
const FRAME: u32 = 12;

/// Draws a part of the page anew at a multiple of its resolution. `None`: it can't be.
pub(super) type Redraw<'a> = &'a dyn Fn(Bounds, f32) -> Option<GrayImage>;

/// The looks at one page: so many, and for no longer than that.
struct SecondLook<'a> {
    scan: &'a Scan,
    languages: &'a str,
    tesseract: &'a mut Recognizer,
    line_recognizer: Option<&'a LineRecognizer>,
    redraw: Redraw<'a>,
    left: u32,
    until: Instant,
}

/// The codes on a page, as [`codes::on_page`] gives them: `page` is what Tesseract read in `scan`, which took it `took`.
/// `redraw` takes places of `scan`.
pub(super) fn codes(
    scan: &Scan,
    page: &Page,
    eyes: &mut Eyes<'_>,
    redraw: Redraw<'_>,
    took: Duration,
    rules: &RuleFinder,
    how: &How,
) -> (Vec<Code>, Vec<String>) {
    let mut again = SecondLook {
        scan,
        languages: &how.languages,
        tesseract: eyes.tesseract,
        line_recognizer: eyes.line_recognizer,
        redraw,
        left: eyes.second_looks,
        until: SecondLook::deadline(took),
    };
    codes::on_page(page, &how.codes, rules, &mut |line, settles| {
        again.read(line, settles)
    })
}

impl SecondLook<'_> {
    /// A page that was hard to read may cost that again, a simple one a little at least.
    fn deadline(first_look: Duration) -> Instant {
        Instant::now() + first_look.clamp(LEAST_TIME, MOST_TIME)
    }

    /// What the recognizers read there, Tesseract first: the other one takes five times as long, and is not asked where
    /// Tesseract's reading settles it. `None` when the looks or the time are used up.
    fn read(&mut self, bounds: Bounds, settles: Settles<'_>) -> Option<Vec<Reading>> {
        if self.left == 0 || Instant::now() >= self.until {
            return None;
        }
        self.left -= 1;
        let Some(line) = self.cut(bounds).filter(|line| !line::is_blank(line)) else {
            return Some(Vec::new());
        };
        let mut readings = Vec::new();
        // A recognizer that fails has read nothing: the other one may have.
        let framed = line::framed(&line, FRAME);
        if let Ok((text, confidence)) = self.tesseract.read_line(&framed, self.languages) {
            let read = reading(Name::Tesseract, text, confidence);
            let settled = settles(&read);
            readings.push(read);
            if settled {
                return Some(readings);
            }
        }
        if let Some(Ok(read)) = self.line_recognizer.map(|model| model.read(&line)) {
            readings.push(reading(Name::PpOcr, read.text, read.confidence));
        }
        Some(readings)
    }

    fn cut(&self, [left, top, right, bottom]: Bounds) -> Option<GrayImage> {
        let height = u32::try_from(bottom.checked_sub(top)?).ok()?;
        let width = u32::try_from(right.checked_sub(left)?).ok()?;
        if height == 0 || width == 0 || width / height > MOST_ASPECT {
            return None;
        }
        let (beside, above) = ((height / 3) as i32, (height / 3) as i32);
        let bounds = [left - beside, top - above, right + beside, bottom + above];
        let scale = LINE as f32 / height as f32;
        let larger = (scale > 1.0).then(|| (self.redraw)(bounds, scale.min(2.0)));
        let part = match larger.flatten() {
            Some(part) => part,
            None => line::enlarge(&self.scan.picture(bounds)?, height, LINE),
        };
        Some(line::straighten(&part))
    }
}

fn reading(recognizer: Name, text: String, confidence: f32) -> Reading {
    Reading {
        recognizer,
        text,
        confidence: tenths(confidence),
    }
}
