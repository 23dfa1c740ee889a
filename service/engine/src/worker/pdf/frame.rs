//! Number of pixels in which a page is read.

use ocr_protocol::{Fault, FaultKind};

use super::{OBJECTS, POINTS_PER_INCH, coverage};
use crate::worker::corrupt;
use crate::worker::ffi::pdfium::{Page, Picture};

/// Resolution of scanners, with which Tesseract's models were trained.
const DPI: f64 = 300.0;
/// Least resolution. Below it, the page is too large, and people could not read it either.
const MIN_DPI: f64 = 36.0;
const MAX_SIDE: f64 = 32_767.0;
/// Inches of the longer side of pages of usual size, from a card to a poster. Their pictures need not be analysed.
const USUAL: std::ops::RangeInclusive<f64> = 5.0..=20.0;
/// Pixels of the longer side of an A4 scan.
const SCAN: f64 = 3508.0;
/// Share of a page above which a picture counts as the whole page.
const PICTURE_SHARE: f64 = 0.5;
/// Largest factors by which a picture may be enlarged or reduced.
const LARGER: f64 = 2.0;
const SMALLER: f64 = 2.0;

/// Size of a page in pixels, and its resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) dpi: u32,
}

impl Frame {
    pub(super) fn of(page: &Page<'_>, max_pixels: u64) -> Result<Self, Fault> {
        let (width, height) = page.size();
        let (width, height) = (f64::from(width), f64::from(height));
        let own = if USUAL.contains(&(width.max(height) / POINTS_PER_INCH)) {
            None
        } else {
            let pictures = page.pictures(OBJECTS);
            let longer = width.max(height);
            let covered = coverage::of(page, &pictures);
            Some(own_side(&pictures, longer)).filter(|_| covered > PICTURE_SHARE)
        };
        Self::fit(width, height, own, max_pixels)
    }

    /// Size at 300 dpi, or at less if the page would have too many pixels. `width` and `height` are in points. If the
    /// page is a picture, its size in points means little. It is drawn in about its own number of pixels, of which the
    /// longer side has `own`.
    fn fit(width: f64, height: f64, own: Option<f64>, max_pixels: u64) -> Result<Self, Fault> {
        let (width, height) = (width / POINTS_PER_INCH, height / POINTS_PER_INCH);
        let usable = |side: f64| side.is_finite() && side > 0.0;
        if !usable(width) || !usable(height) {
            return Err(corrupt(
                "The PDF page has no size; export the document again.",
            ));
        }
        let by_area = (max_pixels as f64 / (width * height)).sqrt();
        let by_side = MAX_SIDE / width.max(height);
        let most = by_area.min(by_side);
        let usual = DPI.min(most);
        let longer = width.max(height);
        let by_picture = own
            .filter(|own| own.is_finite() && *own > 0.0)
            .and_then(|own| {
                let side = usual * longer;
                if side > own * LARGER {
                    Some(own.max(SCAN).min(side))
                } else if own > side * SMALLER {
                    Some(own.min(SCAN).max(side))
                } else {
                    None
                }
            });
        let dpi = by_picture.map_or(usual.floor(), |side| (side / longer).min(most));
        if dpi < MIN_DPI && by_picture.is_none() {
            return Err(Fault::new(
                FaultKind::TooLarge,
                format!(
                    "The PDF page is {width:.0} × {height:.0} inches: too large to be read within {} megapixels. \
                     Split it.",
                    max_pixels / 1_000_000
                ),
            ));
        }
        let pixels = |side: f64| ((side * dpi).round() as i32).max(1);
        Ok(Self {
            width: pixels(width),
            height: pixels(height),
            dpi: (dpi.round() as u32).max(1),
        })
    }
}

/// Pixels of a page's longer side, given in points, at the resolution of its finest picture.
fn own_side(pictures: &[Picture], longer: f64) -> f64 {
    let finest = pictures.iter().map(|picture| {
        let [left, bottom, right, top] = picture.bounds;
        let (across, down) = (f64::from(picture.width), f64::from(picture.height));
        // The picture may be rotated by a quarter.
        across.max(down) / (right - left).max(top - bottom).max(f64::MIN_POSITIVE)
    });
    finest.fold(0.0, f64::max) * longer
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 80_000_000;

    #[test]
    fn reads_pages_at_300_dpi_unless_they_are_too_large() {
        let a4 = Frame::fit(595.0, 842.0, None, MOST).unwrap();
        assert_eq!((a4.width, a4.height, a4.dpi), (2479, 3508, 300));
        let plan = Frame::fit(2384.0 * 2.0, 3370.0 * 2.0, None, MOST).unwrap();
        assert!(plan.dpi < 300 && plan.dpi > 100);
        assert!(i64::from(plan.width) * i64::from(plan.height) <= 80_500_000);
        let strip = Frame::fit(72.0, 72.0 * 200.0, None, MOST).unwrap();
        assert!(strip.height <= 32_767);
    }

    #[test]
    fn rejects_pages_that_are_too_large_to_read() {
        let huge = Frame::fit(14_400.0 * 20.0, 14_400.0 * 20.0, None, MOST).unwrap_err();
        assert_eq!(huge.kind, FaultKind::TooLarge);
        for side in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let none = Frame::fit(side, 100.0, None, MOST).unwrap_err();
            assert_eq!(none.kind, FaultKind::Corrupt);
        }
    }

    #[test]
    fn draws_a_picture_in_about_its_own_pixels() {
        for (width, height, own, wanted) in [
            (59.0, 84.0, 3508.0, 3508),
            (14_400.0, 20_360.0, 3508.0, 3508),
            (595.0, 842.0, 3508.0, 3508),
            (595.0, 842.0, 1169.0, 3508),
            (595.0, 842.0, 7016.0, 3508),
            (59.0, 84.0, 400.0, 350),
            (59.0, 84.0, 14_000.0, 3508),
        ] {
            let frame = Frame::fit(width, height, Some(own), MOST).unwrap();
            assert_eq!(frame.height, wanted, "{width} {height} {own}");
        }
        let small = Frame::fit(59.0, 84.0, Some(3508.0), 1_000_000).unwrap();
        assert!(i64::from(small.width) * i64::from(small.height) < 1_010_000);
    }

    #[test]
    fn uses_the_resolution_of_the_finest_picture() {
        let picture = |bounds, width, height| Picture {
            bounds,
            width,
            height,
        };
        let strips = [
            picture([0.0, 0.0, 59.0, 42.0], 2480, 1754),
            picture([0.0, 42.0, 59.0, 84.0], 248, 175),
        ];
        let side = own_side(&strips, 84.0);
        assert!((side - 3530.0).abs() < 30.0, "{side}");
    }
}
