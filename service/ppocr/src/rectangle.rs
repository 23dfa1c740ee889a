//! Rectangles at any angle, in pixels of a picture.

/// A point or a direction. The y axis points down.
pub(crate) type Vector = (f32, f32);

/// The place of one line of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rectangle {
    pub(crate) center: Vector,
    /// Unit vector in the direction of reading.
    pub(crate) along: Vector,
    pub(crate) length: f32,
    pub(crate) height: f32,
}

/// Least ratio of the sides from which the longer one is the direction of a line. A short word is about as high as it is
/// wide.
const LONG: f32 = 1.5;

impl Rectangle {
    /// The smallest rectangle around points, found along the sides of their convex hull. Returns `None` if they are on
    /// one line.
    pub(crate) fn around(points: &[Vector]) -> Option<Self> {
        let hull = convex_hull(points);
        let sides = hull.iter().zip(hull.iter().cycle().skip(1));
        let boxed = sides.filter_map(|(a, b)| {
            let along = unit((b.0 - a.0, b.1 - a.1))?;
            let this = Self::along(&hull, along);
            (this.length > 0.0 && this.height > 0.0).then_some(this)
        });
        let area = |this: &Self| this.length * this.height;
        let smallest = boxed.min_by(|a, b| area(a).total_cmp(&area(b)))?;
        Some(smallest.as_read())
    }

    /// The smallest rectangle around points whose lines run in this direction.
    pub(crate) fn along(points: &[Vector], along: Vector) -> Self {
        let down = (-along.1, along.0);
        let range = |axis: Vector| {
            let places = points.iter().map(|point| dot(*point, axis));
            places.fold((f32::MAX, f32::MIN), |(low, high), at| {
                (low.min(at), high.max(at))
            })
        };
        let ((left, right), (top, bottom)) = (range(along), range(down));
        let (u, v) = (f32::midpoint(left, right), f32::midpoint(top, bottom));
        Self {
            center: (along.0 * u + down.0 * v, along.1 * u + down.1 * v),
            along,
            length: right - left,
            height: bottom - top,
        }
    }

    /// The same rectangle with the direction in which its text is probably read: along its longer side, from left to
    /// right or from top to bottom.
    fn as_read(self) -> Self {
        let (wide, tall) = (self, self.quarter());
        let longer = if tall.length > wide.length {
            tall
        } else {
            wide
        };
        let is_level = |this: &Self| this.along.0.abs() >= this.along.1.abs();
        let level = if is_level(&wide) { wide } else { tall };
        let this = if longer.length >= longer.height * LONG {
            longer
        } else {
            level
        };
        let forward = if is_level(&this) {
            this.along.0 >= 0.0
        } else {
            this.along.1 >= 0.0
        };
        if forward { this } else { this.reversed() }
    }

    /// The same rectangle, for text that is rotated clockwise by a right angle.
    pub(crate) fn quarter(self) -> Self {
        Self {
            along: (-self.along.1, self.along.0),
            length: self.height,
            height: self.length,
            ..self
        }
    }

    /// The same rectangle, for text that is upside down.
    pub(crate) fn reversed(self) -> Self {
        Self {
            along: (-self.along.0, -self.along.1),
            ..self
        }
    }

    /// Grows by a distance to each side.
    pub(crate) fn grown(self, distance: f32) -> Self {
        Self {
            length: self.length + 2.0 * distance,
            height: self.height + 2.0 * distance,
            ..self
        }
    }

    /// The same place on a picture that is larger by these factors. Directions stay right if both are nearly equal.
    pub(crate) fn scaled(self, (x, y): Vector) -> Self {
        let mean = f32::midpoint(x, y);
        Self {
            center: (self.center.0 * x, self.center.1 * y),
            length: self.length * mean,
            height: self.height * mean,
            ..self
        }
    }

    pub(crate) fn down(&self) -> Vector {
        (-self.along.1, self.along.0)
    }

    /// A place by its distances from the rectangle's left and upper edges.
    pub(crate) fn at(&self, u: f32, v: f32) -> Vector {
        let (u, v) = (u - self.length / 2.0, v - self.height / 2.0);
        let down = self.down();
        (
            self.center.0 + self.along.0 * u + down.0 * v,
            self.center.1 + self.along.1 * u + down.1 * v,
        )
    }

    /// A part, which is given by its distances from the left and upper edges.
    pub(crate) fn part(&self, (left, right): Vector, (top, bottom): Vector) -> Self {
        Self {
            center: self.at(f32::midpoint(left, right), f32::midpoint(top, bottom)),
            length: right - left,
            height: bottom - top,
            ..*self
        }
    }

    /// Left, top, right and bottom, seen so that `along` is level.
    pub(crate) fn bounds(&self, along: Vector) -> [f32; 4] {
        let down = (-along.1, along.0);
        let (x, y) = (dot(self.center, along), dot(self.center, down));
        let (cosine, sine) = (dot(self.along, along).abs(), dot(self.along, down).abs());
        let across = (self.length * cosine + self.height * sine) / 2.0;
        let upright = (self.length * sine + self.height * cosine) / 2.0;
        [x - across, y - upright, x + across, y + upright]
    }
}

/// The direction of level text.
pub(crate) const LEVEL: Vector = (1.0, 0.0);

fn dot(a: Vector, b: Vector) -> f32 {
    a.0 * b.0 + a.1 * b.1
}

fn unit(v: Vector) -> Option<Vector> {
    let length = v.0.hypot(v.1);
    (length > f32::EPSILON).then(|| (v.0 / length, v.1 / length))
}

/// Corners of the convex hull, in order (Andrew 1979, monotone chains).
fn convex_hull(points: &[Vector]) -> Vec<Vector> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted.dedup();
    let chain = |points: &mut dyn Iterator<Item = Vector>| {
        let mut chain: Vec<Vector> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                let cross = (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0);
                if cross > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut sorted.iter().copied());
    hull.extend(chain(&mut sorted.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners(this: &Rectangle) -> Vec<Vector> {
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
            .map(|(u, v)| this.at(u * this.length, v * this.height))
            .to_vec()
    }

    #[test]
    fn finds_rectangles_at_any_angle() {
        for degrees in [-40, -10, 0, 3, 44, 80, 90] {
            let angle = (degrees as f32).to_radians();
            let wanted = Rectangle {
                center: (50.0, 70.0),
                along: (angle.cos(), angle.sin()),
                length: 60.0,
                height: 12.0,
            };
            let found = Rectangle::around(&corners(&wanted)).unwrap();
            for (a, b) in [
                (found.center.0, wanted.center.0),
                (found.center.1, wanted.center.1),
                (found.along.0, wanted.along.0),
                (found.along.1, wanted.along.1),
                (found.length, 60.0),
                (found.height, 12.0),
            ] {
                assert!((a - b).abs() < 0.01, "{degrees}: {found:?}");
            }
        }
    }

    #[test]
    fn reads_high_and_narrow_text_from_top_to_bottom_and_short_words_level() {
        let around = |width: f32, height: f32| {
            let points = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
            Rectangle::around(&points).unwrap().along
        };
        assert_eq!(around(10.0, 60.0), (0.0, 1.0));
        assert_eq!(around(10.0, 13.0), (1.0, 0.0));
        assert!(Rectangle::around(&[(0.0, 0.0), (3.0, 3.0), (5.0, 5.0)]).is_none());
        assert!(Rectangle::around(&[]).is_none());
    }

    #[test]
    fn parts_of_a_leaning_rectangle_have_upright_bounds() {
        let this = Rectangle {
            center: (0.0, 0.0),
            along: (0.6, 0.8),
            length: 10.0,
            height: 0.0,
        };
        let half = this.part((5.0, 10.0), (0.0, 0.0));
        assert_eq!(half.bounds(LEVEL), [0.0, 0.0, 3.0, 4.0]);
        assert_eq!(half.bounds((0.6, 0.8)), [0.0, 0.0, 5.0, 0.0]);
    }
}
