//! Reading of one page by several workers. The owner cuts it into bands, lends all but the first to idle workers, and
//! joins their results.

mod cut;

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use ocr_api::answer::Word;
use ocr_protocol::{Band, BandRead, Collected, Reply};

use super::ffi::tesseract::RawWord;
use super::recognized::Recognized;
use super::recognizer::Reading;
use super::upright::{Ink, Upright};
use super::{Scan, receive_message, send};
use cut::Cut;

/// Least ink of a band, in coarse cells: some eight lines. Less is not worth the hand-over.
const LEAST_INK: usize = 10_000;
/// Most bands. With more, cuts cost more quality than they gain time.
const MAX_BANDS: u32 = 4;
/// White rows above and below a cut, because Tesseract needs a margin.
const MARGIN: u32 = 16;
/// Cost of the search for barcodes, relative to reading the page.
const SEARCH: f64 = 0.08;
/// White rows that separate paragraphs, in coarse cells. A line of small type is some twelve high.
const PARAGRAPH: usize = 10;

/// A band: its place on the page, and whether a paragraph ends above it.
pub(super) struct Part {
    pub(super) scan: Scan,
    top: i32,
    after_paragraph: bool,
}

/// Connection to the service for the help of other workers.
pub(super) struct Helpers<'a> {
    pub(super) socket: &'a mut UnixStream,
}

impl Helpers<'_> {
    /// Cuts a page into as many parts as there are idle workers, and this one. The result is empty if no worker is idle
    /// or the page can't be cut. The first part is smaller if its reader has to search the page for barcodes as well.
    pub(super) fn cut(&mut self, page: &Upright<'_>, search: bool) -> io::Result<Vec<Part>> {
        let worth = page.inked / LEAST_INK;
        let worth = u32::try_from(worth).unwrap_or(MAX_BANDS).min(MAX_BANDS);
        if worth < 2 {
            return Ok(Vec::new());
        }
        send(self.socket, &Reply::CountIdle(worth - 1))?;
        let idle: u32 = receive_message(self.socket)?;
        if idle == 0 {
            return Ok(Vec::new());
        }
        let ink = Ink::of(&page.scan);
        let slope = page.slope.to_radians().tan();
        let search = if search { SEARCH } else { 0.0 };
        let cuts = cut::cuts(&ink, slope, idle + 1, search);
        if cuts.is_empty() {
            return Ok(Vec::new());
        }
        Ok(parts(&page.scan, &ink, slope, &cuts))
    }

    pub(super) fn lend(&mut self, parts: &[Part], reading: Reading<'_>) -> io::Result<()> {
        let band = |part: &Part| Band {
            width: part.scan.width,
            height: part.scan.height,
            dpi: part.scan.dpi,
            languages: reading.languages.to_owned(),
            engine: reading.engine,
            side: reading.side,
        };
        send(self.socket, &Reply::Lend(parts.iter().map(band).collect()))?;
        parts
            .iter()
            .try_for_each(|part| self.socket.write_all(&part.scan.pixels))
    }

    /// Results of the workers that read the lent parts.
    pub(super) fn collect(&mut self) -> io::Result<Collected> {
        send(self.socket, &Reply::Collect)?;
        receive_message(self.socket)
    }
}

fn parts(scan: &Scan, ink: &Ink, slope: f64, cuts: &[Cut]) -> Vec<Part> {
    let scale = f64::from(ink.scale);
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    for at in 0..=cuts.len() {
        let above = at.checked_sub(1).map(|at| cuts[at]);
        let (scan, top) = band(
            scan,
            slope,
            above.map(|cut| cut.row * scale),
            cuts.get(at).map(|cut| cut.row * scale),
        );
        parts.push(Part {
            scan,
            top,
            after_paragraph: above.is_some_and(|cut| cut.gap >= PARAGRAPH),
        });
    }
    parts
}

/// The pixels between two leaning lines, on white, and the row of the page that is its first row. `None` stands for the
/// page's end.
fn band(scan: &Scan, slope: f64, above: Option<f64>, below: Option<f64>) -> (Scan, i32) {
    let width = scan.width as usize;
    let (left, right) = (0.0, slope * f64::from(scan.width));
    let height = f64::from(scan.height);
    let first = above.map_or(0.0, |row| (row + f64::min(left, right)).clamp(0.0, height)) as usize;
    let last = below.map_or(height, |row| {
        (row + f64::max(left, right)).ceil().clamp(0.0, height)
    }) as usize;
    let last = last.max(first);
    let margin = |cut: Option<f64>| if cut.is_some() { MARGIN as usize } else { 0 };
    let (over, under) = (margin(above), margin(below));
    let rows = over + (last - first) + under;
    let mut pixels = vec![u8::MAX; rows * width];
    for row in first..last {
        let y = row as f64;
        let inside = |column: usize| {
            let shift = column as f64 * slope;
            above.is_none_or(|above| y >= above + shift)
                && below.is_none_or(|below| y < below + shift)
        };
        let from = &scan.pixels[row * width..(row + 1) * width];
        let to = (row - first + over) * width;
        let to = &mut pixels[to..to + width];
        if inside(0) && inside(width - 1) {
            to.copy_from_slice(from);
        } else {
            for (column, (to, from)) in to.iter_mut().zip(from).enumerate() {
                if inside(column) {
                    *to = *from;
                }
            }
        }
    }
    let scan = Scan {
        pixels,
        width: scan.width,
        height: rows as u32,
        dpi: scan.dpi,
    };
    (scan, first as i32 - over as i32)
}

/// Joins the results of a page's parts into one text with its words in place.
pub(super) fn join(read: Vec<(&Part, Recognized)>) -> Recognized {
    let mut joined = Recognized::default();
    for (part, read) in read {
        let text = read.text.trim_matches('\n');
        if !joined.text.is_empty() && !text.is_empty() {
            joined
                .text
                .push_str(if part.after_paragraph { "\n\n" } else { "\n" });
        }
        joined.text.push_str(text);
        // The first part stands for all.
        joined.rotated = joined.rotated.or(read.rotated);
        joined.unread.extend(
            read.unread
                .into_iter()
                .map(|[left, top, right, bottom]| [left, top + part.top, right, bottom + part.top]),
        );
        joined.words.extend(read.words.into_iter().map(|mut word| {
            word.bounds[1] += part.top;
            word.bounds[3] += part.top;
            word
        }));
    }
    joined
}

/// The answer to a lent band.
pub(super) fn answer(read: Recognized) -> BandRead {
    let word = |word: RawWord| Word {
        text: word.text,
        confidence: word.confidence,
        bounds: word.bounds,
        hidden: false,
    };
    BandRead {
        text: read.text,
        words: read.words.into_iter().map(word).collect(),
    }
}

/// The owner's view of that answer.
pub(super) fn answered(read: BandRead) -> Recognized {
    let word = |word: Word| RawWord {
        text: word.text,
        confidence: word.confidence,
        bounds: word.bounds,
    };
    Recognized {
        text: read.text,
        words: read.words.into_iter().map(word).collect(),
        rotated: None,
        unread: Vec::new(),
    }
}
