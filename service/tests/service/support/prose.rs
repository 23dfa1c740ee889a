//! Pages of text with known words, and the wear that scanners add.

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

use super::pdf::{HEIGHT, Pdf};
use super::scan;

/// Common words, some with capitals, digits and punctuation, as in letters.
const WORDS: &str = "the of and to in is that it was for on are as with his they at be this from have or by one had \
    not but what all were when we there can an your which their said if do will each about how up out them then she \
    many some so these would other into has more her two like him see time could no make than first been its who now \
    people my made over did down only way find use may water long little very after words called just where most know \
    delivery invoice payment, account, customer; agreement. contract, insurance: office, Monday, January, Berlin, \
    London. Company Street, Number 17 2024, 350 48,20 1,250.00 goods order article quality material regarding \
    department received shipped enclosed sincerely therefore however, available. quantity weight height between";

/// Numbers that look random and are the same each time (a linear congruential generator).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// Layout of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Paragraphs from margin to margin.
    Letter,
    /// Two columns of paragraphs.
    Columns,
    /// An address, a table of articles with prices, a closing paragraph.
    Invoice,
}

/// A page drawn at 300 dpi, and its words in reading order.
pub(crate) struct Prose {
    pub(crate) image: GrayImage,
    pub(crate) words: Vec<String>,
}

pub(crate) fn page(layout: Layout, seed: u64) -> Prose {
    let mut dice = Dice::new(seed);
    let font = ["Helvetica", "Times-Roman", "Helvetica", "Courier"][dice.below(4)];
    let size = [9.5, 10.0, 11.0, 12.0][dice.below(4)];
    let mut lines: Vec<(f64, f64, String)> = Vec::new();
    let (top, bottom) = (HEIGHT - 80.0, 70.0);
    match layout {
        Layout::Letter => column(
            &mut dice,
            &mut lines,
            (70.0, 525.0),
            (top, bottom),
            size,
            font,
        ),
        Layout::Columns => {
            column(
                &mut dice,
                &mut lines,
                (60.0, 285.0),
                (top, bottom),
                size,
                font,
            );
            column(
                &mut dice,
                &mut lines,
                (315.0, 540.0),
                (top, bottom),
                size,
                font,
            );
        }
        Layout::Invoice => {
            column(
                &mut dice,
                &mut lines,
                (70.0, 250.0),
                (top, top - 70.0),
                size,
                font,
            );
            let mut y = top - 110.0;
            while y > 260.0 {
                let name = format!("{} {}", plain(&mut dice), plain(&mut dice));
                lines.push((70.0, y, name));
                lines.push((300.0, y, format!("{}", 1 + dice.below(90))));
                lines.push((
                    380.0,
                    y,
                    format!("{}.{:02}", 10 + dice.below(900), dice.below(100)),
                ));
                lines.push((
                    470.0,
                    y,
                    format!("{}.{:02}", 10 + dice.below(9000), dice.below(100)),
                ));
                y -= size * 1.7;
            }
            column(
                &mut dice,
                &mut lines,
                (70.0, 525.0),
                (230.0, bottom),
                size,
                font,
            );
        }
    }
    let words = lines
        .iter()
        .flat_map(|(_, _, text)| text.split(' '))
        .map(str::to_owned)
        .collect();
    let pdf = Pdf::default().placed_page(font, size, &lines).build();
    Prose {
        image: scan::draw(&pdf),
        words,
    }
}

fn plain(dice: &mut Dice) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    words[dice.below(words.len())]
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned()
}

/// Paragraphs between two margins, from `top` down to `bottom`.
fn column(
    dice: &mut Dice,
    lines: &mut Vec<(f64, f64, String)>,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
    size: f64,
    font: &str,
) {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    // Mean width of a letter. Some lines end before the margin, as in any ragged paragraph.
    let letter = size
        * if font == "Courier" {
            0.6
        } else if font == "Helvetica" {
            0.53
        } else {
            0.47
        };
    let fits = ((right - left) / letter) as usize;
    let mut y = top;
    while y > bottom {
        let mut left_in_paragraph = 3 + dice.below(6);
        while left_in_paragraph > 0 && y > bottom {
            let mut line = String::new();
            let short = if left_in_paragraph == 1 {
                1 + dice.below(fits)
            } else {
                fits
            };
            loop {
                let word = words[dice.below(words.len())];
                if !line.is_empty() && line.len() + 1 + word.len() > short {
                    break;
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push((left, y, line));
            y -= size * 1.3;
            left_in_paragraph -= 1;
        }
        y -= size;
    }
}

/// Wear of a scan: rotated by some degrees, other resolution, blur, noise, JPEG.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wear {
    /// Degrees clockwise.
    pub(crate) degrees: f64,
    pub(crate) dpi: u32,
    pub(crate) blur: f32,
    /// Most gray levels by which a pixel is off.
    pub(crate) noise: u8,
    pub(crate) quality: u8,
}

impl Wear {
    pub(crate) const NONE: Self = Self {
        degrees: 0.0,
        dpi: 300,
        blur: 0.0,
        noise: 0,
        quality: 90,
    };

    /// A JPEG file of the worn page.
    pub(crate) fn jpeg(&self, page: &GrayImage) -> Vec<u8> {
        scan::jpeg_of(&self.apply(page), self.quality)
    }

    pub(crate) fn apply(&self, page: &GrayImage) -> GrayImage {
        let mut image = skewed(page, self.degrees);
        if self.dpi != 300 {
            let side = |pixels: u32| pixels * self.dpi / 300;
            image = imageops::resize(
                &image,
                side(image.width()),
                side(image.height()),
                FilterType::Triangle,
            );
        }
        if self.blur > 0.0 {
            image = imageops::fast_blur(&image, self.blur);
        }
        if self.noise > 0 {
            let mut dice = Dice::new(7);
            let span = usize::from(self.noise) * 2 + 1;
            for pixel in image.pixels_mut() {
                let shift = dice.below(span) as i32 - i32::from(self.noise);
                // Paper is not white, ink not black.
                let value = 20 + i32::from(pixel.0[0]) * 215 / 255 + shift;
                pixel.0[0] = value.clamp(0, 255) as u8;
            }
        }
        image
    }
}

/// Rotates a page clockwise about its middle, on paper of the same size.
pub(crate) fn skewed(page: &GrayImage, degrees: f64) -> GrayImage {
    if degrees == 0.0 {
        return page.clone();
    }
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (cx, cy) = (
        f64::from(page.width()) / 2.0,
        f64::from(page.height()) / 2.0,
    );
    let at = |x: f64, y: f64| -> f64 {
        if x < 0.0 || y < 0.0 || x >= f64::from(page.width()) || y >= f64::from(page.height()) {
            return 255.0;
        }
        f64::from(page.get_pixel(x as u32, y as u32).0[0])
    };
    GrayImage::from_fn(page.width(), page.height(), |x, y| {
        let (dx, dy) = (f64::from(x) - cx, f64::from(y) - cy);
        let (sx, sy) = (cx + dx * cos + dy * sin, cy - dx * sin + dy * cos);
        let (fx, fy) = (sx - sx.floor(), sy - sy.floor());
        let (x0, y0) = (sx.floor(), sy.floor());
        let above = at(x0, y0) * (1.0 - fx) + at(x0 + 1.0, y0) * fx;
        let below = at(x0, y0 + 1.0) * (1.0 - fx) + at(x0 + 1.0, y0 + 1.0) * fx;
        Luma([(above * (1.0 - fy) + below * fy).round() as u8])
    })
}

/// Share of `words` that `text` has in the same order, by the longest common subsequence. So a wrong reading order
/// counts.
pub(crate) fn recall(words: &[String], text: &str) -> f64 {
    let read: Vec<&str> = text.split_whitespace().collect();
    let mut row = vec![0usize; read.len() + 1];
    for word in words {
        let mut diagonal = 0;
        for (at, other) in read.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if word == other {
                diagonal + 1
            } else {
                above.max(row[at])
            };
            diagonal = above;
        }
    }
    row[read.len()] as f64 / words.len() as f64
}
