//! Rotation of a page's pixels, and of boxes back to the original page.

use crate::worker::Scan;

/// Quarter turns clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Quarter {
    None,
    Right,
    Half,
    Left,
}

impl Quarter {
    pub(in crate::worker) fn degrees(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Right => 90,
            Self::Half => 180,
            Self::Left => 270,
        }
    }

    /// Both rotations, one after the other.
    pub(in crate::worker) fn and(self, other: Self) -> Self {
        match (self.degrees() + other.degrees()) % 360 {
            90 => Self::Right,
            180 => Self::Half,
            270 => Self::Left,
            _ => Self::None,
        }
    }

    pub(in crate::worker) fn turn(self, scan: &Scan) -> Scan {
        let (width, height) = (scan.width as usize, scan.height as usize);
        let from = &scan.pixels;
        let (columns, rows) = match self {
            Self::None | Self::Half => (width, height),
            Self::Right | Self::Left => (height, width),
        };
        let mut pixels = match self {
            Self::None => from.clone(),
            Self::Half => from.iter().rev().copied().collect(),
            Self::Right | Self::Left => vec![0; from.len()],
        };
        // In tiles, so that both reading and writing stay local in memory.
        const TILE: usize = 64;
        if matches!(self, Self::Right | Self::Left) {
            for top in (0..rows).step_by(TILE) {
                for left in (0..columns).step_by(TILE) {
                    for y in top..rows.min(top + TILE) {
                        for x in left..columns.min(left + TILE) {
                            let at = match self {
                                Self::Left => x * width + (width - 1 - y),
                                _ => (height - 1 - x) * width + y,
                            };
                            pixels[y * columns + x] = from[at];
                        }
                    }
                }
            }
        }
        Scan {
            pixels,
            width: columns as u32,
            height: rows as u32,
            dpi: scan.dpi,
        }
    }

    /// Position of a point of the rotated page on the original page of `width` × `height`.
    fn back(self, (x, y): (f64, f64), width: f64, height: f64) -> (f64, f64) {
        match self {
            Self::None => (x, y),
            Self::Right => (y, height - x),
            Self::Half => (width - x, height - y),
            Self::Left => (width - y, x),
        }
    }
}

/// A rotation by a few degrees about the middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::worker) struct Tilt {
    sin: f64,
    cos: f64,
    /// Half the size before.
    from: (f64, f64),
    /// Half the size after. The paper grows, so that no corner is cut.
    to: (f64, f64),
}

impl Tilt {
    /// Levels lines that run down to the right by `degrees`.
    pub(in crate::worker) fn leveling(width: u32, height: u32, degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (w, h) = (f64::from(width), f64::from(height));
        let grown = |a: f64, b: f64| (a * cos + b * sin.abs()).ceil();
        Self {
            sin,
            cos,
            from: (w / 2.0, h / 2.0),
            to: (grown(w, h) / 2.0, grown(h, w) / 2.0),
        }
    }

    /// The same for a page that was rotated by a quarter before.
    pub(in crate::worker) fn after(self, way: Quarter) -> Self {
        match way {
            Quarter::None | Quarter::Half => self,
            Quarter::Right | Quarter::Left => Self {
                from: (self.from.1, self.from.0),
                to: (self.to.1, self.to.0),
                ..self
            },
        }
    }

    fn size(&self) -> (u32, u32) {
        ((self.to.0 * 2.0) as u32, (self.to.1 * 2.0) as u32)
    }

    fn back(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (dx, dy) = (x - self.to.0, y - self.to.1);
        (
            self.from.0 + dx * self.cos - dy * self.sin,
            self.from.1 + dx * self.sin + dy * self.cos,
        )
    }

    /// Mixes four pixels for each position between them. Everything outside of the page is white.
    pub(in crate::worker) fn turn(&self, scan: &Scan) -> Scan {
        const ONE: i64 = 1 << 16;
        let fixed = |value: f64| (value * ONE as f64).round() as i64;
        let (columns, rows) = self.size();
        let (width, height) = (i64::from(scan.width), i64::from(scan.height));
        let stride = scan.width as usize;
        let mut pixels = Vec::with_capacity(columns as usize * rows as usize);
        let (step_x, step_y) = (fixed(self.cos), fixed(self.sin));
        for row in 0..rows {
            // A pixel's middle is at a half.
            let start = self.back((0.5, f64::from(row) + 0.5));
            let (mut x, mut y) = (fixed(start.0 - 0.5), fixed(start.1 - 0.5));
            for _ in 0..columns {
                let (left, top) = (x >> 16, y >> 16);
                let inside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height;
                pixels.push(if inside {
                    // The weights have 8 bits each, so their product fits.
                    let (right_part, low_part) =
                        (((x >> 8) & 0xff) as u32, ((y >> 8) & 0xff) as u32);
                    let at = top as usize * stride + left as usize;
                    let mix = |at: usize| {
                        u32::from(scan.pixels[at]) * (256 - right_part)
                            + u32::from(scan.pixels[at + 1]) * right_part
                    };
                    let value = mix(at) * (256 - low_part) + mix(at + stride) * low_part;
                    ((value + (1 << 15)) >> 16) as u8
                } else {
                    u8::MAX
                });
                x += step_x;
                y += step_y;
            }
        }
        Scan {
            pixels,
            width: columns,
            height: rows,
            dpi: scan.dpi,
        }
    }
}

/// Changes made to a page, with which boxes are converted back to the original page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::worker) struct Turned {
    pub(in crate::worker) quarter: Quarter,
    pub(in crate::worker) tilt: Option<Tilt>,
    /// Factor by which it was enlarged before.
    pub(in crate::worker) enlarged: u32,
    /// Width of the original page, enlarged.
    pub(in crate::worker) width: u32,
    pub(in crate::worker) height: u32,
}

impl Turned {
    /// True if nothing was changed, so that places are the same on both pages.
    pub(in crate::worker) fn is_as_drawn(&self) -> bool {
        self.quarter == Quarter::None && self.tilt.is_none() && self.enlarged == 1
    }

    /// Width and height of the original page.
    pub(in crate::worker) fn page(&self) -> (u32, u32) {
        (self.width / self.enlarged, self.height / self.enlarged)
    }

    /// Box on the original page that contains this box of the rotated page.
    pub(in crate::worker) fn back(&self, [left, top, right, bottom]: [i32; 4]) -> [i32; 4] {
        let scale = f64::from(self.enlarged);
        if self.is_as_drawn() {
            return [left, top, right, bottom];
        }
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| {
            let point = (f64::from(x), f64::from(y));
            let point = self.tilt.map_or(point, |tilt| tilt.back(point));
            self.quarter.back(point, width, height)
        });
        let edge = |pick: fn(&(f64, f64)) -> f64, fold: fn(f64, f64) -> f64| {
            let values = corners.iter().map(pick);
            values.reduce(fold).unwrap_or_default()
        };
        let on_page = |value: f64, end: f64| (value.clamp(0.0, end) / scale).round() as i32;
        [
            on_page(edge(|p| p.0, f64::min), width),
            on_page(edge(|p| p.1, f64::min), height),
            on_page(edge(|p| p.0, f64::max), width),
            on_page(edge(|p| p.1, f64::max), height),
        ]
    }
}
