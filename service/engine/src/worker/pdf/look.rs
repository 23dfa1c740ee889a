//! Small drawings of a page with its text and without it. The difference shows which text is visible. The rest is ink
//! that the text layer does not have.

use std::ops::Range;

use crate::worker::ffi::pdfium::{Page, Points};

/// Resolution in pixels per inch. Letters of 6 pt are four pixels high.
const DPI: f64 = 100.0;
/// Least pixels of the longer side. A small page is drawn larger, because its letters may be small, too.
const LEAST_SIDE: f64 = 800.0;
/// Most pixels of a page: those of A3.
const MOST_PIXELS: f64 = 2_000_000.0;
const POINTS_PER_INCH: f64 = 72.0;
/// Fractions of a pixel in which places on a page are measured.
const FINER: i32 = 32;

/// A drawing of a page or of a part of it, in gray.
pub(super) struct Look {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels per point.
    pub(super) scale: f64,
    /// Pixels with text: one byte each, rows without padding.
    pub(super) with: Vec<u8>,
    /// Pixels without text. `None` if there is nothing else and all is white.
    without: Option<Vec<u8>>,
    placement: Placement,
}

impl Look {
    /// Draws a whole page, with all text and without the text objects for which `left_out` is true. Returns `None` if it
    /// has no size, or if PDFium fails.
    pub(super) fn at(page: &Page<'_>, left_out: impl Fn(usize) -> bool) -> Option<Self> {
        let (width, height) = size(page)?;
        let usual = (DPI / POINTS_PER_INCH).max(LEAST_SIDE / width.max(height));
        let scale = usual.min((MOST_PIXELS / (width * height)).sqrt());
        Self::draw(
            page,
            scale,
            [0, 0, pixels(width * scale), pixels(height * scale)],
            left_out,
        )
    }

    /// Draws the surroundings of places at `scale`, or at the scale that `most_pixels` allows. One drawing has all
    /// text, and one leaves out the text objects for which `left_out` is true.
    pub(super) fn around(
        page: &Page<'_>,
        places: impl Iterator<Item = Points>,
        scale: f64,
        most_pixels: f64,
        left_out: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let (scale, part) = part(page, places.reduce(around)?, 2.0, scale, most_pixels)?;
        Self::draw(page, scale, part, left_out)
    }

    /// Draws the page at one place at `scale`, with all text.
    pub(super) fn close(
        page: &Page<'_>,
        place: Points,
        scale: f64,
        most_pixels: f64,
    ) -> Option<Self> {
        let (scale, part) = part(page, place, 0.0, scale, most_pixels)?;
        Self::draw_as_it_is(page, scale, part)
    }

    /// Draws a part of the page. Left, top, right and bottom are in pixels of the whole page at that scale.
    fn draw_as_it_is(
        page: &Page<'_>,
        scale: f64,
        [left, top, right, bottom]: [i32; 4],
    ) -> Option<Self> {
        let (width, height) = size(page)?;
        let whole = (pixels(width * scale), pixels(height * scale));
        let part = (right - left, bottom - top);
        let mut placement = Placement::of(page, scale)?;
        placement.origin.0 -= f64::from(left);
        placement.origin.1 -= f64::from(top);
        Some(Self {
            width: usize::try_from(part.0).ok()?,
            height: usize::try_from(part.1).ok()?,
            scale,
            with: page.render_part(whole, (left, top), part)?,
            without: None,
            placement,
        })
    }

    /// The same, and a drawing without the text objects for which `left_out` is true.
    fn draw(
        page: &Page<'_>,
        scale: f64,
        part: [i32; 4],
        left_out: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let (width, height) = size(page)?;
        let look = Self::draw_as_it_is(page, scale, part)?;
        let whole = (pixels(width * scale), pixels(height * scale));
        let [left, top, right, bottom] = part;
        let any = page.draw_text(|object| !left_out(object));
        let without =
            any.then(|| page.render_part(whole, (left, top), (right - left, bottom - top)));
        page.draw_text(|_| true);
        let without = match without {
            Some(drawn) => Some(drawn?),
            None => None,
        };
        Some(Self {
            without: without.filter(|pixels| pixels.iter().any(|pixel| *pixel != u8::MAX)),
            ..look
        })
    }

    /// A place on the page in pixels: left, top, right, bottom.
    pub(super) fn place(&self, points: Points) -> [f64; 4] {
        self.placement.place(points)
    }

    /// The same in whole pixels that are on the page. A place smaller than a pixel still has one.
    pub(super) fn pixels(&self, points: Points) -> [usize; 4] {
        let [left, top, right, bottom] = self.place(points);
        let (across, down) = (
            range(left, right, self.width),
            range(top, bottom, self.height),
        );
        [across.start, down.start, across.end, down.end]
    }

    /// Pixels of everything besides text. `None` if there is nothing.
    pub(super) fn without_text(&self) -> Option<&[u8]> {
        self.without.as_deref()
    }

    /// Difference that text makes to each row of pixels at a place.
    pub(super) fn differences(
        &self,
        [left, top, right, bottom]: [f64; 4],
    ) -> impl Iterator<Item = u8> + '_ {
        let (columns, rows) = (
            range(left, right, self.width),
            range(top, bottom, self.height),
        );
        rows.flat_map(move |row| {
            let part = row * self.width + columns.start..row * self.width + columns.end;
            let without = self.without.as_ref().map(|pixels| &pixels[part.clone()]);
            let with = self.with[part].iter().enumerate();
            with.map(move |(at, with)| with.abs_diff(without.map_or(u8::MAX, |row| row[at])))
        })
    }
}

/// A place with this many points around it, in pixels of the whole page at the scale that `most_pixels` allows.
fn part(
    page: &Page<'_>,
    place: Points,
    margin: f64,
    scale: f64,
    most_pixels: f64,
) -> Option<(f64, [i32; 4])> {
    let (width, height) = size(page)?;
    let [left, top, right, bottom] = Placement::of(page, 1.0)?.place(place);
    let (left, right) = (
        (left - margin).clamp(0.0, width),
        (right + margin).clamp(0.0, width),
    );
    let (top, bottom) = (
        (top - margin).clamp(0.0, height),
        (bottom + margin).clamp(0.0, height),
    );
    let area = ((right - left) * (bottom - top)).max(1.0);
    let side = f64::from(i16::MAX) / width.max(height);
    let scale = scale.min((most_pixels / area).sqrt()).min(side);
    let scaled = |points: f64| (points * scale) as i32;
    let part = [
        scaled(left),
        scaled(top),
        scaled(right) + 1,
        scaled(bottom) + 1,
    ];
    Some((scale, part))
}

fn size(page: &Page<'_>) -> Option<(f64, f64)> {
    let (width, height) = page.size();
    let usable = |side: f32| side.is_finite() && side > 0.0;
    (usable(width) && usable(height)).then_some((width.into(), height.into()))
}

fn range(from: f64, to: f64, end: usize) -> Range<usize> {
    let from = (from.max(0.0) as usize).min(end.saturating_sub(1));
    from..(to.max(0.0).ceil() as usize).clamp(from + 1, end.max(1))
}

fn pixels(side: f64) -> i32 {
    (side.round() as i32).max(1)
}

fn around(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

/// Conversion of points of a page to pixels, including rotation and cropping.
#[derive(Debug, Clone, Copy)]
struct Placement {
    origin: (f64, f64),
    /// Pixels right and down for one point to the right on the page.
    right: (f64, f64),
    up: (f64, f64),
}

impl Placement {
    fn of(page: &Page<'_>, scale: f64) -> Option<Self> {
        const FAR: f64 = 1000.0;
        let (width, height) = size(page)?;
        let finer = |side: f64| (side * scale * f64::from(FINER)).round().clamp(1.0, 1e9) as i32;
        let (across, down) = (finer(width), finer(height));
        let at = |point| {
            let (x, y) = page.to_pixels(point, across, down);
            (
                f64::from(x) / f64::from(FINER),
                f64::from(y) / f64::from(FINER),
            )
        };
        let origin = at((0.0, 0.0));
        let (right, up) = (at((FAR, 0.0)), at((0.0, FAR)));
        let step = |end: (f64, f64)| ((end.0 - origin.0) / FAR, (end.1 - origin.1) / FAR);
        Some(Self {
            origin,
            right: step(right),
            up: step(up),
        })
    }

    fn place(&self, [left, bottom, right, top]: Points) -> [f64; 4] {
        let at = |x: f64, y: f64| {
            (
                self.origin.0 + x * self.right.0 + y * self.up.0,
                self.origin.1 + x * self.right.1 + y * self.up.1,
            )
        };
        let (a, b) = (at(left, bottom), at(right, top));
        [a.0.min(b.0), a.1.min(b.1), a.0.max(b.0), a.1.max(b.1)]
    }
}
