//! A line of text cut out of a page to be read by itself: level, at a good size, without its neighbours.

use image::{GrayImage, Luma, imageops};

const WHITE: Luma<u8> = Luma([255]);
/// Number of slopes that are tried to either side, and their difference: up to 3.4°.
const STEPS: i32 = 12;
const STEP: f32 = 0.005;
/// Width of the strips in which slopes are tried. The steepest line falls by half a pixel in one.
const STRIP: u32 = 8;
/// Least ink of a row that belongs to the text, as a share of the ink in the fullest row.
const INK: f32 = 0.06;
/// Tolerance for uneven paper, out of 255. Pixels nearly as light as the paper have no ink.
const UNEVEN: u8 = 40;
/// Pixels of which at least one is writing, if there is any: a word at the end of a long strip.
const LEAST_INKED: usize = 100;

/// Levels a line and removes everything above and below it. `part` has one line in its middle, sloping or not, and
/// parts of its neighbours.
pub(super) fn straighten(part: &GrayImage) -> GrayImage {
    let paper = paper(part);
    let ink = Ink::of(part, paper);
    let slope = (-STEPS..=STEPS)
        .map(|step| step as f32 * STEP)
        .map(|slope| (sharpness(&ink.of_rows(slope)), slope))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(0.0, |(_, slope)| slope);
    let rows = ink.of_rows(slope);
    let (top, bottom) = text_rows(&rows);
    let height = bottom - top;
    // Recognizers need to see the end of a line.
    let margin = (height / 5).max(3);
    let (width, tall) = (part.width(), height + 2 * margin);
    let back = i64::from(top) - i64::from(margin);
    GrayImage::from_fn(width, tall, |x, y| {
        let from = i64::from(y) + back + i64::from(shift(x, width, slope));
        u32::try_from(from)
            .ok()
            .filter(|y| *y < part.height())
            .map_or(Luma([paper]), |y| *part.get_pixel(x, y))
    })
}

/// True if there is nothing to read: hardly any pixel is darker than the paper.
pub(super) fn is_blank(line: &GrayImage) -> bool {
    let dark = paper(line).saturating_sub(UNEVEN);
    let inked = line.pixels().filter(|pixel| pixel.0[0] < dark).count();
    inked * LEAST_INKED < line.len()
}

/// Enlarges a part of a page so that a line of `height` pixels becomes `wanted` pixels high.
pub(super) fn enlarge(part: &GrayImage, height: u32, wanted: u32) -> GrayImage {
    let factor = (wanted as f32 / height.max(1) as f32).clamp(0.25, 4.0);
    let side = |pixels: u32| ((pixels as f32 * factor).round() as u32).max(1);
    let (width, tall) = (side(part.width()), side(part.height()));
    imageops::resize(part, width, tall, imageops::CatmullRom)
}

/// Adds a white frame, which Tesseract needs.
pub(super) fn framed(line: &GrayImage, frame: u32) -> GrayImage {
    let (width, height) = (line.width() + 2 * frame, line.height() + 2 * frame);
    let paper = Luma([paper(line)]);
    let mut framed = GrayImage::from_pixel(width, height, paper);
    imageops::replace(&mut framed, line, i64::from(frame), i64::from(frame));
    framed
}

/// Vertical distance of a column from the middle, on a line of this slope.
fn shift(x: u32, width: u32, slope: f32) -> i32 {
    ((x as f32 - width as f32 / 2.0) * slope).round() as i32
}

/// The most frequent gray.
fn paper(part: &GrayImage) -> u8 {
    let mut counts = [0u32; 256];
    for pixel in part.pixels() {
        counts[usize::from(pixel.0[0])] += 1;
    }
    let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
    most.and_then(|(gray, _)| u8::try_from(gray).ok())
        .unwrap_or(WHITE.0[0])
}

/// Amount of ink in each row of each strip of columns.
struct Ink {
    width: u32,
    height: usize,
    strips: Vec<f32>,
}

impl Ink {
    fn of(part: &GrayImage, paper: u8) -> Self {
        let (width, height) = (part.width(), part.height() as usize);
        let floor = paper.saturating_sub(UNEVEN);
        let mut strips = vec![0.0f32; height * width.div_ceil(STRIP) as usize];
        for (x, y, pixel) in part.enumerate_pixels() {
            let ink = floor.saturating_sub(pixel.0[0]);
            strips[(x / STRIP) as usize * height + y as usize] += f32::from(ink);
        }
        Self {
            width,
            height,
            strips,
        }
    }

    /// All strips together, as if the line were level.
    fn of_rows(&self, slope: f32) -> Vec<f32> {
        let mut rows = vec![0.0f32; self.height];
        for (at, strip) in (0..).zip(self.strips.chunks(self.height.max(1))) {
            let middle = (at * STRIP + STRIP / 2).min(self.width);
            let shift = shift(middle, self.width, slope) as isize;
            for (y, row) in (0isize..).zip(&mut rows) {
                let from = usize::try_from(y + shift).ok();
                *row += from.and_then(|y| strip.get(y)).unwrap_or(&0.0);
            }
        }
        rows
    }
}

/// Measures how level text is: level text has rows full of ink next to rows without.
fn sharpness(rows: &[f32]) -> f32 {
    rows.windows(2).map(|two| (two[1] - two[0]).powi(2)).sum()
}

/// Rows of the line in the middle: from the row with the most ink, up and down until there is no ink.
fn text_rows(rows: &[f32]) -> (u32, u32) {
    let count = rows.len();
    let middle = count / 3..(count - count / 3).max(count / 3 + 1).min(count);
    let most = middle.max_by(|a, b| rows[*a].total_cmp(&rows[*b]));
    let Some(most) = most else {
        return (0, count as u32);
    };
    let least = rows[most] * INK;
    let top = (0..most).rev().find(|y| rows[*y] < least);
    let bottom = (most..count).find(|y| rows[*y] < least);
    (
        top.map_or(0, |y| y + 1) as u32,
        bottom.unwrap_or(count) as u32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black strokes on white, 20 rows high, on a line that falls by `slope`, with a piece of the line above.
    fn sloping(slope: f32) -> GrayImage {
        GrayImage::from_fn(400, 60, |x, y| {
            let y = y as i32 - shift(x, 400, slope);
            let stroke = x % 10 < 4 && (20..40).contains(&y);
            let above = x % 7 < 3 && y < 12;
            Luma([if stroke || above { 0 } else { 250 }])
        })
    }

    #[test]
    fn levels_a_line_and_removes_its_neighbour() {
        for slope in [-0.03, 0.0, 0.02, 0.035] {
            let line = straighten(&sloping(slope));
            assert!(
                (26..=31).contains(&line.height()),
                "{slope}: {}",
                line.height()
            );
            let ink = Ink::of(&line, 250).of_rows(0.0);
            let full = ink
                .iter()
                .filter(|row| **row > ink[line.height() as usize / 2] * 0.9);
            assert!(full.count() >= 16, "{slope}");
            assert!(ink[0] + ink[1] < 1.0, "{slope}");
        }
    }

    #[test]
    fn detects_a_word_at_the_end_of_a_strip_but_no_noise() {
        let strip = |ink: &dyn Fn(u32, u32) -> u8| {
            GrayImage::from_fn(450, 60, |x, y| Luma([240 - ink(x, y)]))
        };
        assert!(is_blank(&strip(&|x, y| (x * 31 + y * 17) as u8 % 30)));
        let word = |x, y| u8::from(x > 420 && x % 5 < 2 && (20..50).contains(&y)) * 90;
        assert!(!is_blank(&strip(&word)));
    }

    #[test]
    fn accepts_empty_pictures() {
        for (width, height) in [(1, 1), (3, 200), (200, 2)] {
            let line = straighten(&GrayImage::from_pixel(width, height, WHITE));
            assert_eq!(line.width(), width);
            assert!(enlarge(&line, 0, 40).height() > 0);
        }
    }
}
