//! Second pass over lines of a page: each is enlarged and read by itself, by Tesseract and by PP-OCR.

use std::time::{Duration, Instant};

use image::GrayImage;
use ocr_api::answer::Page;
use ocr_api::code::{Code, Reading, Recognizer as Name};
use ocr_codes::rules::RuleFinder;
use ocr_codes::{Bounds, Settles};
use ocr_ppocr::PpOcr;
use ocr_protocol::How;

use super::Scan;
use super::line;
use super::page::answer::tenths;
use super::recognizer::{Recognizer, Recognizers};

/// Height to which lines are scaled. Tesseract reads letters of 30 to 40 pixels best, and the line model needs 48 with
/// some white.
const LINE: u32 = 44;
/// Largest ratio of width to height. Beyond it, the place is a picture, or the page is crafted to cost much.
const MOST_ASPECT: u32 = 60;
/// Least time for the second pass. It is enough for a page full of doubtful codes on a busy machine.
const LEAST_TIME: Duration = Duration::from_millis(1500);
const MOST_TIME: Duration = Duration::from_secs(5);
/// White frame around a line for Tesseract.
const FRAME: u32 = 12;

/// Draws a part of the page again at a multiple of its resolution. Returns `None` if that is not possible.
pub(super) type Redraw<'a> = &'a dyn Fn(Bounds, f32) -> Option<GrayImage>;

/// Second pass over one page, with a limit on lines and on time.
struct SecondPass<'a> {
    scan: &'a Scan,
    languages: &'a str,
    tesseract: &'a mut Recognizer,
    pp_ocr: Option<&'a mut PpOcr>,
    redraw: Redraw<'a>,
    left: u32,
    until: Instant,
}

/// Finds the codes on a page: see [`ocr_codes::on_page`]. `page` is the text of `scan`, which took `took`.
/// `redraw` takes places of `scan`.
pub(super) fn codes(
    scan: &Scan,
    page: &Page,
    recognizers: &mut Recognizers<'_>,
    redraw: Redraw<'_>,
    took: Duration,
    rules: &RuleFinder,
    how: &How,
) -> (Vec<Code>, Vec<String>) {
    let mut pass = SecondPass {
        scan,
        languages: &how.languages,
        tesseract: recognizers.tesseract,
        pp_ocr: recognizers.pp_ocr.as_deref_mut(),
        redraw,
        left: recognizers.second_pass_lines,
        until: SecondPass::deadline(took),
    };
    ocr_codes::on_page(page, &how.codes, rules, &mut |line, settles| {
        pass.read(line, settles)
    })
}

impl SecondPass<'_> {
    /// A page that took long may take as long again. A simple page gets a minimum.
    fn deadline(first_pass: Duration) -> Instant {
        Instant::now() + first_pass.clamp(LEAST_TIME, MOST_TIME)
    }

    /// Readings of a line, Tesseract's first. The other recognizer takes five times as long, and is skipped if
    /// Tesseract's reading settles the line. Returns `None` if the lines or the time are used up.
    fn read(&mut self, bounds: Bounds, settles: Settles<'_>) -> Option<Vec<Reading>> {
        if self.left == 0 || Instant::now() >= self.until {
            return None;
        }
        self.left -= 1;
        let Some(line) = self.cut(bounds).filter(|line| !line::is_blank(line)) else {
            return Some(Vec::new());
        };
        let mut readings = Vec::new();
        // A recognizer that fails has no reading, but the other one may have one.
        let framed = line::framed(&line, FRAME);
        if let Ok((text, confidence)) = self.tesseract.read_line(&framed, self.languages) {
            let read = reading(Name::Tesseract, text, confidence);
            let settled = settles(&read);
            readings.push(read);
            if settled {
                return Some(readings);
            }
        }
        if let Some(Ok(read)) = self.pp_ocr.as_mut().map(|model| model.read_line(&line)) {
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
