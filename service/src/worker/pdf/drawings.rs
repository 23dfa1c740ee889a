//! Where on a page with a sound text layer a barcode may be: pictures, and drawings of many small parts. Only these are
//! drawn, so that a page of text alone costs nothing.

use super::{Frame, OBJECTS};
use crate::worker::Scan;
use crate::worker::ffi::pdfium::{Drawn, Page, Points};

/// A part of a page, and where its top left corner is.
pub(in crate::worker) struct Drawing {
    pub(in crate::worker) scan: Scan,
    pub(in crate::worker) left: i32,
    pub(in crate::worker) top: i32,
}

/// Bars or modules that a barcode drawn as paths has at least.
const FEWEST_PARTS: usize = 20;
/// Segments by which a single path may be a whole barcode.
const FEWEST_SEGMENTS: i32 = 60;
/// Points: a smaller picture is no barcode that a scan could show.
const SMALLEST: f64 = 14.0;
/// Points: a bar is no wider, a module no larger.
const WIDEST_PART: f64 = 9.0;
/// White around, in points: a barcode is told by its margin.
const MARGIN: f64 = 12.0;
/// More than these are drawn together.
const MOST: usize = 8;

/// What may hold a barcode, drawn at the page's resolution.
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
    // A page that is drawn over and over would cost as often as much.
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

/// The area with its margin in pixels, as far as it is on the page.
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
