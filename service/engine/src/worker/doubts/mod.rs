//! Reasons to doubt that a page was recognized correctly.

mod ground;
mod script;
mod unread;

use ocr_api::issue::{Issue, IssueCode};
use ocr_image::Scan;

use super::ffi::tesseract::RawWord;
use super::recognized::Recognized;
pub(super) use script::Scripts;
pub(super) use unread::UnreadInk;

/// Mean confidence below which much of a page is misread.
const LOW: f32 = 60.0;
/// Length of a sequence of words which, with a lower confidence than this, is a misread part of the page.
pub(super) const STRETCH: usize = 12;
const STRETCH_LOW: f32 = 40.0;
/// Number of words on a page of which a third with a lower confidence than this is a misread part as well, wherever
/// they are.
const SCATTERED: usize = 20;
const SCATTERED_LOW: f32 = 60.0;
/// Number of words on a page of which a tenth is enough.
const MANY: usize = 100;
/// Least share of words of so many letters that are read with so much confidence if they are in a script that is read. Of 17
/// texts in other scripts, the largest share is 0.15; of maps and drawings with Latin letters, 0.45 and more.
const WELL_SHARE: f32 = 0.25;
const LONG_WORD: usize = 3;
const READ_WELL: f32 = 85.0;
/// Least certainty of a text's direction with which its script is named. Of the same texts, those that are named right have
/// at least 3.1; runes, a drawing's letters and Amharic, which the detector does not know, have 2.2 at most.
const NAMED: f32 = 3.0;
/// Share of the text on a page that may be pictures or noise.
const UNREAD: f32 = 0.25;
/// Languages in whose scripts PP-OCR reads.
const READ_BY_PP_OCR: &str = "eng+chi_sim+jpn";
/// Confidence below which PP-OCR may have read another script.
const UNCERTAIN: f32 = 50.0;
/// Fewest letters that make a text Greek.
const FEWEST_GREEK: usize = 20;
/// Share of a page's text in another script from which on it is a part of the page, and from which on it is most of it.
const PART: f32 = 0.25;
const MOST: f32 = 0.5;
/// Share from which on what was read of a page is no text. A poor scan of Latin letters may be taken for Cyrillic.
const ALL: f32 = 0.75;
/// Letters of a Greek text for each one that is read as Greek.
const GREEK_LETTERS: f32 = 1.6;
const GREEK: &str = "Greek";
const UNKNOWN: &str = "";
/// Heights in pixels of the original page below which the letters of most words are too small: without a stated
/// resolution, and with one below the lowest that scanners use.
const SMALL_WORD: i32 = 10;
const SMALL_AT_LOW_DPI: i32 = 20;
const LOW_DPI: u32 = 150;
/// Factor from which on an enlarged page has letters of only a few pixels. The boxes of their words are too high.
const ENLARGED: u32 = 3;
/// Fewest words from which the size of a page's text is derived.
const SIZED_WORDS: usize = 10;
/// Most pixels in which a script is searched for.
const SAMPLE: u32 = 2_000_000;

/// A page as it was read: upright, with its words.
pub(super) struct AsRead<'a> {
    pub(super) scan: &'a Scan,
    pub(super) words: &'a [RawWord],
    pub(super) languages: &'a str,
    /// Pixels of it for one pixel of the page.
    pub(super) enlarged: u32,
    /// Ink outside of words that looks like text.
    pub(super) unread: UnreadInk,
    /// Share of the found text that the recognizer could not read.
    pub(super) unread_lines: f32,
    /// True if it is a part of a page beside the text of its layer.
    pub(super) is_part: bool,
}

/// A script that PP-OCR does not read.
#[derive(Debug)]
pub(super) struct Foreign {
    /// Name in Tesseract's terms.
    script: String,
    is_certain: bool,
    /// Share of the page's text that is written in it.
    share: f32,
}

impl Foreign {
    /// The script of a page of which PP-OCR read little, if it is not one of those that PP-OCR reads.
    pub(super) fn of(scan: &Scan, recognized: &Recognized, scripts: &mut Scripts) -> Option<Self> {
        if let Some(share) = greek(&recognized.words) {
            return Some(Self {
                script: GREEK.to_owned(),
                is_certain: true,
                // Many Greek letters look like Latin ones, and were read as such.
                share: (share * GREEK_LETTERS).min(1.0),
            });
        }
        let (uncertain, share) = uncertain(recognized);
        if share < PART {
            return None;
        }
        let is_most = share >= MOST;
        let Some((script, certainty)) = scripts.of(&around(scan, uncertain.into_iter())?) else {
            return is_most.then(|| Self {
                script: UNKNOWN.to_owned(),
                is_certain: false,
                share,
            });
        };
        let is_certain = certainty >= NAMED;
        let is_foreign = !script::is_read_by(&script, READ_BY_PP_OCR) && (is_most || is_certain);
        is_foreign.then_some(Self {
            script,
            is_certain,
            share,
        })
    }

    /// False if the page has too few letters to determine their script.
    pub(super) fn is_known(&self) -> bool {
        self.script != UNKNOWN
    }

    /// True if most of the page is written in it.
    pub(super) fn is_most(&self) -> bool {
        self.share >= MOST
    }

    /// True if next to nothing of the page is written in another script.
    pub(super) fn is_all(&self) -> bool {
        self.is_certain && self.share >= ALL
    }

    pub(super) fn is_written_in(&self, language: &str) -> bool {
        script::is_written_in(language, &self.script)
    }

    pub(super) fn issue(&self) -> Issue {
        let written = if self.is_certain {
            format!(
                "{}, which none of the installed languages uses",
                script::name(&self.script)
            )
        } else {
            "a script that none of the installed languages uses".to_owned()
        };
        let part = if self.is_most() { "it" } else { "a part of it" };
        let example = script::example(&self.script).filter(|_| self.is_certain);
        let example = example.map_or(String::new(), |name| format!(", such as `{name}`"));
        Issue::new(
            IssueCode::UnreadScript,
            format!(
                "{part} seems to be written in {written}; ask the operator to add one that does{example}, to `service.languages`."
            ),
        )
    }
}

/// Share of Greek letters, if there are more than formulas have. PP-OCR knows Greek letters, but no accents.
fn greek(words: &[RawWord]) -> Option<f32> {
    let letters = || words.iter().flat_map(|word| word.text.chars());
    let greek = letters().filter(|c| ('\u{370}'..'\u{400}').contains(c));
    let (greek, all) = (
        greek.count(),
        letters().filter(|c| c.is_alphabetic()).count(),
    );
    (greek >= FEWEST_GREEK).then(|| greek as f32 / all as f32)
}

/// Places of text of which PP-OCR was not certain, and their share of the length of all text that it found.
fn uncertain(recognized: &Recognized) -> (Vec<[i32; 4]>, f32) {
    let words = recognized.words.iter();
    let uncertain = words.clone().filter(|word| word.confidence < UNCERTAIN);
    let mut places: Vec<[i32; 4]> = uncertain.map(|word| word.bounds).collect();
    places.extend(&recognized.unread);
    let length = |places: &mut dyn Iterator<Item = [i32; 4]>| -> i32 {
        places.map(|[left, _, right, _]| right - left).sum()
    };
    let all = words
        .map(|word| word.bounds)
        .chain(recognized.unread.iter().copied());
    let share = length(&mut places.iter().copied()) as f32 / length(&mut { all }).max(1) as f32;
    (places, share)
}

/// Issues about the reading of a page.
pub(super) fn of(page: &AsRead<'_>, scripts: &mut Scripts) -> Vec<Issue> {
    let mut issues = Vec::new();
    let spoken: Vec<&RawWord> = page
        .words
        .iter()
        .filter(|word| word.text.chars().any(char::is_alphanumeric))
        .collect();
    let mean = mean(page.words.iter());
    let stretch = lowest_stretch(&spoken).or_else(|| {
        let low = spoken.iter().filter(|word| word.confidence < SCATTERED_LOW);
        let least = match spoken.len() {
            MANY.. => spoken.len() / 10,
            SCATTERED.. => spoken.len().div_ceil(3),
            _ => return None,
        };
        (low.count() >= least).then_some(spoken.as_slice())
    });
    let doubtful = match (mean, stretch) {
        (Some(mean), _) if mean < LOW => {
            let detail = if page.is_part {
                // What is not sure of a part is not answered, so the mean says nothing of the words that are.
                "what it shows beside its text layer was read with little confidence, and may be missing; look at the page."
                    .to_owned()
            } else {
                format!(
                    "its words were read with a mean confidence of {mean:.0} out of 100; check the page, or scan it again."
                )
            };
            issues.push(Issue::new(IssueCode::LowConfidence, detail));
            Some(spoken.as_slice())
        }
        (_, None) if page.unread_lines >= UNREAD => {
            issues.push(Issue::new(
                IssueCode::LowConfidence,
                "a part of it could not be read; check the page, or scan it again.",
            ));
            None
        }
        (_, Some(stretch)) => {
            issues.push(Issue::new(
                IssueCode::LowConfidence,
                "a part of it was read with little confidence; check the page.",
            ));
            Some(stretch)
        }
        _ => None,
    };
    if let Some(words) = doubtful
        && let Some(script) = foreign_script(page, words, scripts)
    {
        issues.push(Issue::new(
            IssueCode::UnreadScript,
            format!(
                "it seems to be written in {script} none of the languages in `lang` uses; request one that does, if \
                 it is installed."
            ),
        ));
    }
    let is_unread = if page.is_part {
        page.unread.looks_like_nothing_but_text()
    } else {
        page.unread.looks_like_text(!spoken.is_empty())
    };
    if is_unread {
        issues.push(Issue::new(
            IssueCode::InkWithoutText,
            "a part of it looks like text and was not read; check the page, or scan it straight and at 300 dpi.",
        ));
    }
    issues.extend(low_resolution(page, &spoken));
    issues
}

fn mean<'w>(words: impl ExactSizeIterator<Item = &'w RawWord>) -> Option<f32> {
    let count = words.len();
    let sum: f32 = words.map(|word| word.confidence).sum();
    (count > 0).then(|| sum / count as f32)
}

/// The sequence of words with the least confidence, if that is low.
fn lowest_stretch<'s, 'w>(words: &'s [&'w RawWord]) -> Option<&'s [&'w RawWord]> {
    let of = |stretch: &&[&RawWord]| -> f32 { stretch.iter().map(|word| word.confidence).sum() };
    words
        .windows(STRETCH)
        .min_by(|a, b| of(a).total_cmp(&of(b)))
        .filter(|stretch| of(stretch) < STRETCH_LOW * STRETCH as f32)
}

/// The script of these words and a relative pronoun, if none of the page's languages uses it.
fn foreign_script(page: &AsRead<'_>, words: &[&RawWord], scripts: &mut Scripts) -> Option<String> {
    if is_read(words) {
        return None;
    }
    let part = around(page.scan, words.iter().map(|word| word.bounds))?;
    let (script, certainty) = scripts.of(&part)?;
    if script::is_read_by(&script, page.languages) {
        return None;
    }
    Some(if certainty < NAMED {
        "a script that".to_owned()
    } else {
        format!("{}, which", script::name(&script))
    })
}

/// The part of a page that encloses places, or as much of it as is needed.
fn around(scan: &Scan, places: impl Iterator<Item = [i32; 4]>) -> Option<Scan> {
    let [left, top, right, bottom] = places.reduce(|a, b| {
        [
            a[0].min(b[0]),
            a[1].min(b[1]),
            a[2].max(b[2]),
            a[3].max(b[3]),
        ]
    })?;
    let side = |at: i32| u32::try_from(at).unwrap_or(0);
    let (left, top) = (side(left), side(top));
    let (width, height) = (
        side(right).checked_sub(left)?,
        side(bottom).checked_sub(top)?,
    );
    let height = height.min(SAMPLE / width.max(1));
    Some(scan.part(left, top, width, height))
}

/// True if a part of the words is read well. In another script, next to none is.
fn is_read(words: &[&RawWord]) -> bool {
    let letters = |word: &RawWord| word.text.chars().filter(|c| c.is_alphabetic()).count();
    let long = words.iter().filter(|word| letters(word) >= LONG_WORD);
    let well = long.clone().filter(|word| word.confidence >= READ_WELL);
    well.count() as f32 >= long.count().max(1) as f32 * WELL_SHARE
}

fn low_resolution(page: &AsRead<'_>, words: &[&RawWord]) -> Option<Issue> {
    let mut heights: Vec<i32> = words
        .iter()
        .filter(|word| word.text.chars().filter(|c| c.is_alphanumeric()).count() >= 3)
        .map(|word| word.bounds[3] - word.bounds[1])
        .collect();
    if heights.len() < SIZED_WORDS {
        return None;
    }
    let at = heights.len() / 2;
    let (_, height, _) = heights.select_nth_unstable(at);
    let height = *height / i32::try_from(page.enlarged.max(1)).unwrap_or(1);
    let dpi = page.scan.dpi.map(|dpi| dpi / page.enlarged.max(1));
    let least = match dpi {
        Some(dpi) if dpi < LOW_DPI => SMALL_AT_LOW_DPI,
        _ => SMALL_WORD,
    };
    let resolution = dpi.map_or(String::new(), |dpi| format!(" at {dpi} dpi"));
    let size = if height < least {
        format!("its words are {height} pixels high{resolution}, which is too few")
    } else if page.enlarged >= ENLARGED {
        format!("its letters are less than 7 pixels high{resolution}, which is too few")
    } else {
        return None;
    };
    Some(Issue::new(
        IssueCode::LowResolution,
        format!("{size} to be read reliably; scan it at 300 dpi."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(confidences: &[f32], height: i32) -> Vec<RawWord> {
        let word = |(at, confidence): (usize, &f32)| RawWord {
            text: "word".to_owned(),
            confidence: *confidence,
            bounds: [at as i32 * 100, 0, at as i32 * 100 + 80, height],
        };
        confidences.iter().enumerate().map(word).collect()
    }

    fn codes(words: &[RawWord], dpi: Option<u32>) -> Vec<IssueCode> {
        issues(words, dpi, false)
            .iter()
            .map(|issue| issue.code)
            .collect()
    }

    fn issues(words: &[RawWord], dpi: Option<u32>, is_part: bool) -> Vec<Issue> {
        let scan = Scan {
            pixels: vec![255; 300 * 100],
            width: 300,
            height: 100,
            dpi,
        };
        let page = AsRead {
            scan: &scan,
            words,
            languages: "eng",
            enlarged: 1,
            unread: UnreadInk::default(),
            unread_lines: 0.0,
            is_part,
        };
        of(&page, &mut Scripts::default())
    }

    #[test]
    fn a_page_read_with_confidence_has_no_issue() {
        assert!(codes(&words(&[93.0; 40], 40), Some(300)).is_empty());
        assert!(codes(&[], Some(300)).is_empty());
        // Some words are misread on any page.
        let mut mixed = vec![95.0; 40];
        mixed[10..16].fill(10.0);
        assert!(codes(&words(&mixed, 40), None).is_empty());
    }

    #[test]
    fn reports_low_confidence_of_a_page_and_of_its_parts() {
        assert_eq!(
            codes(&words(&[50.0; 5], 40), None),
            [IssueCode::LowConfidence]
        );
        let mut half = vec![96.0; 100];
        half[60..80].fill(25.0);
        assert_eq!(codes(&words(&half, 40), None), [IssueCode::LowConfidence]);
        let mut blurred = vec![96.0; 110];
        for at in (0..110).step_by(9) {
            blurred[at] = 40.0;
        }
        assert_eq!(
            codes(&words(&blurred, 40), None),
            [IssueCode::LowConfidence]
        );
    }

    #[test]
    fn reports_low_confidence_beside_a_text_layer_as_that_of_the_part() {
        let words = words(&[50.0; 15], 40);
        let of_page = issues(&words, None, false);
        let of_part = issues(&words, None, true);
        assert!(of_page[0].detail.contains("mean confidence of 50"));
        assert_eq!(of_part[0].code, IssueCode::LowConfidence);
        assert!(of_part[0].detail.contains("beside its text layer"));
        assert!(!of_part[0].detail.contains("mean confidence"));
    }

    #[test]
    fn words_that_are_read_well_are_in_a_script_that_is_read() {
        for (well, of, expected) in [(10, 22, true), (5, 9, true), (5, 38, false), (0, 0, false)] {
            let mut confidences = vec![40.0; of];
            confidences[..well].fill(92.0);
            let words = words(&confidences, 40);
            let words: Vec<&RawWord> = words.iter().collect();
            assert_eq!(is_read(&words), expected, "{well} of {of}");
        }
    }

    #[test]
    fn reports_small_words() {
        for (height, dpi, reported) in [
            (40, Some(300), false),
            (14, None, false),
            (9, None, true),
            (18, Some(100), true),
            (30, Some(72), false),
        ] {
            let codes = codes(&words(&[95.0; 20], height), dpi);
            assert_eq!(
                codes == [IssueCode::LowResolution],
                reported,
                "{height} {dpi:?}"
            );
        }
    }
}
