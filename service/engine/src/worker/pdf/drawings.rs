//! Places of possible barcodes on a page with a sound text layer: pictures, and drawings of many small parts. Only
//! these are rendered, so that a page of text alone costs nothing.

use super::{Frame, OBJECTS};
use crate::worker::Scan;
use crate::worker::ffi::pdfium::{Drawn, Page, Points};

/// A part of a page, and the place of its top left corner.
pub(in crate::worker) struct Drawing {
    pub(in crate::worker) scan: Scan,
    pub(in crate::worker) left: i32,
    pub(in crate::worker) top: i32,
}

/// Fewest bars or modules of a barcode drawn as paths.
const FEWEST_PARTS: usize = 20;
/// Fewest segments of a single path that may be a whole barcode.
const FEWEST_SEGMENTS: i32 = 60;
/// Least side of a barcode, in points. In a smaller picture, no scan could show one.
const SMALLEST: f64 = 14.0;
/// Largest width of a bar or side of a module, in points.
const WIDEST_PART: f64 = 9.0;
/// White margin around, in points. A barcode is recognized by its margin.
const MARGIN: f64 = 12.0;
/// Number of places above which all are drawn together.
const MOST: usize = 8;

/// Renders the places that may hold a barcode, at the page's resolution.
pub(super) fn of(page: &Page<'_>, frame: Frame) -> Vec<Drawing> {
    let mut areas = Vec::new();
    let mut parts: Vec<Points> = Vec::new();
    for (drawn, bounds) in page.drawn(OBJECTS) {
        let [left, bottom, right, top] = bounds;
        let (width, height) = (right - left, top - bottom);
        match drawn {
            Drawn::Image if width >= SMALLEST && height >= SMALLEST => areas.push(bounds),
            Drawn::Path(segments) if segments >= FEWEST_SEGMENTS => areas.push(bounds),
            // Ruling lines are long in one direction, too, but few are as short as bars.
            Drawn::Path(_) if width.min(height) <= WIDEST_PART && width.max(height) <= 150.0 => {
                parts.push(bounds);
            }
            Drawn::Image | Drawn::Path(_) => {}
        }
    }
    if parts.len() >= FEWEST_PARTS {
        areas.extend(parts.into_iter().reduce(union));
    }
    let mut boxes: Vec<[i32; 4]> = areas
        .into_iter()
        .filter_map(|area| pixels_of(page, frame, area))
        .collect();
    // Drawing a page repeatedly would cost the full time each time.
    let size =
        |[left, top, right, bottom]: &[i32; 4]| i64::from(right - left) * i64::from(bottom - top);
    let whole = i64::from(frame.width) * i64::from(frame.height);
    if boxes.len() > MOST || boxes.iter().map(size).sum::<i64>() > whole {
        let around = |a: [i32; 4], b: [i32; 4]| {
            [
                a[0].min(b[0]),
                a[1].min(b[1]),
                a[2].max(b[2]),
                a[3].max(b[3]),
            ]
        };
        boxes = boxes.into_iter().reduce(around).into_iter().collect();
    }
    boxes
        .into_iter()
        .filter_map(|area| draw(page, frame, area))
        .collect()
}

fn union(a: Points, b: Points) -> Points {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

/// The area with its margin in pixels, within the page.
fn pixels_of(
    page: &Page<'_>,
    frame: Frame,
    [left, bottom, right, top]: Points,
) -> Option<[i32; 4]> {
    let corner = |x: f64, y: f64| page.to_pixels((x, y), frame.width, frame.height);
    let a = corner(left - MARGIN, bottom - MARGIN);
    let b = corner(right + MARGIN, top + MARGIN);
    let within = |one: i32, other: i32, size: i32| {
        (one.min(other).clamp(0, size), one.max(other).clamp(0, size))
    };
    let (left, right) = within(a.0, b.0, frame.width);
    let (top, bottom) = within(a.1, b.1, frame.height);
    (right > left && bottom > top).then_some([left, top, right, bottom])
}

fn draw(page: &Page<'_>, frame: Frame, [left, top, right, bottom]: [i32; 4]) -> Option<Drawing> {
    let (width, height) = (right - left, bottom - top);
    let pixels = page.render_part((frame.width, frame.height), (left, top), (width, height))?;
    Some(Drawing {
        scan: Scan {
            pixels,
            width: width.unsigned_abs(),
            height: height.unsigned_abs(),
            dpi: Some(frame.dpi),
        },
        left,
        top,
    })
}
