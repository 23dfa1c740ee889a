//! What is to be known of a page beside what is read on it.

use ocr_api::issue::{Issue, IssueCode};

use super::OBJECTS;
use super::frame::Frame;
use crate::worker::ffi::pdfium::{Page, Picture};

/// Pixels an inch with which small print is read.
const ENOUGH: u32 = 150;
/// Times as many pixels that a picture may have on each side as it was drawn in: where less than that is drawn an inch, and
/// where the page states a size that can't be meant, so that inches say nothing.
const FINER: f64 = 2.0;
const MUCH_FINER: f64 = 3.0;
/// Points of the longer side of a page that can be meant.
const USUAL: std::ops::RangeInclusive<f64> = 360.0..=1440.0;
/// Most characters of a note in an issue.
const NOTE: usize = 200;
/// The share of a page's longer side below which a picture is a logo.
const LOGO: f64 = 0.2;

pub(super) fn disagrees() -> Issue {
    Issue::new(
        IssueCode::LayerDisagrees,
        "its text layer has other characters than the page shows, so the page was recognized instead.",
    )
}

pub(super) fn disagrees_in_part() -> Issue {
    Issue::new(
        IssueCode::LayerDisagrees,
        "in some of its fonts, its text layer has other characters than the page shows, so those words were recognized \
         instead.",
    )
}

/// A page on which nothing is read, although its text layer, which can't be used, has words. It is dropped from pages with
/// words.
pub(super) fn left_out(words: usize) -> Issue {
    let of_layer = match words {
        1 => "a word of its text layer is".to_owned(),
        more => format!("{more} words of its text layer are"),
    };
    let detail = format!(
        "nothing was read on it, and {of_layer} left out: invisible, or in a font that is missing or broken. Look at the page \
         in another viewer."
    );
    Issue::new(IssueCode::HiddenText, detail)
}

/// A note that a viewer shows from its fields, in letters that PDFium does not have.
pub(super) fn note(text: &str) -> Issue {
    let start: String = text.chars().take(NOTE).collect();
    let detail = format!("a note on it was not read, for which the service has no font: {start:?}");
    Issue::new(IssueCode::FontMissing, detail)
}

pub(super) fn undecodable() -> Issue {
    Issue::new(
        IssueCode::Undecodable,
        "a picture on it can't be decoded, or not to its end, and was not read: it is damaged, or made to need more memory \
         than allowed. Export the document anew.",
    )
}

/// Where the page, or the part of it that was recognized, was drawn in much less pixels an inch than its pictures have.
pub(super) fn coarse(page: &Page<'_>, frame: Frame, dpi: u32) -> Option<Issue> {
    let (width, height) = page.size();
    let longer = f64::from(width.max(height));
    let usual = USUAL.contains(&longer);
    if usual && dpi >= ENOUGH {
        return None;
    }
    // Pixels that the page's longer side would have at the resolution of what was recognized.
    let side = f64::from(frame.width.max(frame.height)) * f64::from(dpi) / f64::from(frame.dpi);
    let finer = times_finer(&page.pictures(OBJECTS), longer, side);
    let least = if dpi < ENOUGH { FINER } else { MUCH_FINER };
    (finer >= least).then(|| {
        Issue::new(
            IssueCode::LowResolution,
            format!(
                "a picture on it has {finer:.1} times as many pixels on each side as it was read in, so that small print may be \
                 missing; send the picture itself, or parts of the page."
            ),
        )
    })
}

/// By how much the finest of the pictures that are not small is finer than a page with so many pixels on its longer side, which
/// is in points.
fn times_finer(pictures: &[Picture], longer: f64, side: f64) -> f64 {
    let times = pictures.iter().filter_map(|picture| {
        let [left, bottom, right, top] = picture.bounds;
        // It may be turned on its side.
        let extent = (right - left).max(top - bottom);
        let own = f64::from(picture.width.max(picture.height));
        (extent > LOGO * longer).then(|| own / (extent / longer * side))
    });
    times.filter(|times| times.is_finite()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_picture_counts_and_logos_do_not() {
        let picture = |right: f64, width| Picture {
            bounds: [0.0, 0.0, right, right],
            width,
            height: 10,
        };
        let times = |pictures: &[Picture]| times_finer(pictures, 100.0, 1000.0);
        assert_eq!(times(&[picture(100.0, 1000)]), 1.0);
        assert_eq!(times(&[picture(50.0, 1000), picture(100.0, 1500)]), 2.0);
        assert_eq!(times(&[picture(10.0, 5000)]), 0.0);
        assert_eq!(times(&[picture(f64::NAN, 5000), picture(0.0, 9)]), 0.0);
    }
}
