//! Comparison of characters by their shape with those of the fonts that PDFium contains. Most fonts resemble one of
//! them, so no recognizer is needed to check which characters they state.

use std::fmt::Write as _;

use image::{GrayImage, imageops};

use super::PdfReader;
use super::agreement::readings::alike;
use super::look::Look;

/// Pixels along each side of a shape.
const SIDE: u32 = 12;
/// Brightness below which a pixel is ink.
const INK: u8 = 128;
/// Weight of a difference in proportions, relative to one in pixels.
const PROPORTIONS: f32 = 0.3;
/// Tolerance by which the stated character's shape may be further than the nearest one, as a factor and as a distance.
const SLACK: f32 = 1.15;
const LEAST_SLACK: f32 = 0.01;
/// Distance above which shapes are not alike.
const FAR: f32 = 0.3;

const FONTS: [&str; 12] = [
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-Oblique",
    "Helvetica-BoldOblique",
    "Times-Roman",
    "Times-Bold",
    "Times-Italic",
    "Times-BoldItalic",
    "Courier",
    "Courier-Bold",
    "Courier-Oblique",
    "Courier-BoldOblique",
];
const CHARACTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// In points.
const SIZE: f64 = 24.0;
const ROW: f64 = 40.0;
const WIDTH: f64 = 2600.0;
/// Pixels per point.
const SCALE: f64 = 1.4;
const MOST_PIXELS: f64 = 4_000_000.0;

/// Ink of a character, stretched to a square.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pixels: Vec<u8>,
    /// Logarithm of the ratio of its width to its height.
    proportions: f32,
}

impl Shape {
    /// Shape of the ink in a part of a picture, dark on light: left, top, right, bottom. Returns `None` if there is no
    /// ink.
    pub(super) fn of(picture: &GrayImage, [left, top, right, bottom]: [u32; 4]) -> Option<Self> {
        let (right, bottom) = (right.min(picture.width()), bottom.min(picture.height()));
        let [mut from_x, mut from_y, mut to_x, mut to_y] = [right, bottom, left, top];
        for y in top..bottom {
            for x in left..right {
                if picture.get_pixel(x, y).0[0] < INK {
                    (from_x, to_x) = (from_x.min(x), to_x.max(x + 1));
                    (from_y, to_y) = (from_y.min(y), to_y.max(y + 1));
                }
            }
        }
        if from_x >= to_x || from_y >= to_y {
            return None;
        }
        let (width, height) = (to_x - from_x, to_y - from_y);
        let ink = imageops::crop_imm(picture, from_x, from_y, width, height);
        Some(Self {
            pixels: imageops::resize(&*ink, SIDE, SIDE, imageops::Triangle).into_raw(),
            proportions: (width as f32 / height as f32).ln(),
        })
    }

    /// Distance, from 0 for equal shapes to about 1.
    fn distance(&self, other: &Self) -> f32 {
        let pixels = self.pixels.iter().zip(&other.pixels);
        let sum: u32 = pixels.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let proportions = (self.proportions - other.proportions).abs();
        sum as f32 / (255 * SIDE * SIDE) as f32 + proportions * PROPORTIONS
    }
}

/// Shapes of letters and digits in several fonts.
#[derive(Debug, Default)]
pub(in crate::worker) struct Shapes(Vec<(char, Shape)>);

impl Shapes {
    /// Draws the shapes. There are none if PDFium fails.
    pub(in crate::worker) fn draw(pdf: PdfReader) -> Self {
        Self(Self::drawn(pdf).unwrap_or_default())
    }

    fn drawn(pdf: PdfReader) -> Option<Vec<(char, Shape)>> {
        let opened = pdf.open(document().into_bytes()).ok()?;
        let page = opened.page(0).ok()?;
        let whole = [0.0, 0.0, WIDTH, ROW * FONTS.len() as f64];
        let look = Look::close(&page, whole, SCALE, MOST_PIXELS)?;
        let (glyphs, _) = page.glyphs();
        let places: Vec<(char, [u32; 4])> = glyphs
            .iter()
            .filter_map(|glyph| {
                let c = glyph.char.filter(char::is_ascii_alphanumeric)?;
                Some((c, outward(look.place(glyph.bounds))))
            })
            .collect();
        let picture = GrayImage::from_raw(look.width as u32, look.height as u32, look.with)?;
        let shapes = places
            .into_iter()
            .filter_map(|(c, place)| Some((c, Shape::of(&picture, place)?)));
        Some(shapes.collect())
    }

    /// True if a shape may be this character, or one that looks like it: no other character is much nearer. Returns
    /// `None` for characters without shapes.
    pub(super) fn may_be(&self, shape: &Shape, c: char) -> Option<bool> {
        let (mut own, mut nearest) = (f32::INFINITY, f32::INFINITY);
        for (other, known) in &self.0 {
            let distance = shape.distance(known);
            nearest = nearest.min(distance);
            if alike(*other, c) {
                own = own.min(distance);
            }
        }
        own.is_finite()
            .then_some(own < FAR && own <= nearest * SLACK + LEAST_SLACK)
    }
}

/// Pixels that a place touches.
pub(super) fn outward([left, top, right, bottom]: [f64; 4]) -> [u32; 4] {
    [left.floor(), top.floor(), right.ceil(), bottom.ceil()].map(|at| at.max(0.0) as u32)
}

/// A PDF with one row of the characters in each font.
fn document() -> String {
    let (mut fonts, mut rows) = (String::new(), String::new());
    for (number, font) in FONTS.iter().enumerate() {
        let up = ROW * number as f64 + 12.0;
        // Writing to a string can't fail.
        let _ = write!(
            fonts,
            "/F{number}<</Type/Font/Subtype/Type1/BaseFont/{font}/Encoding/WinAnsiEncoding>>"
        );
        let _ = writeln!(
            rows,
            "BT/F{number} {SIZE} Tf 14 Tc 10 {up} Td({CHARACTERS})Tj ET"
        );
    }
    let height = ROW * FONTS.len() as f64;
    let length = rows.len();
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 {WIDTH} {height}]/Contents 4 0 R/Resources<</Font<<{fonts}>>>>>>endobj\n\
         4 0 obj<</Length {length}>>stream\n{rows}endstream endobj\ntrailer<</Root 1 0 R>>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn picture(rows: &[&str]) -> GrayImage {
        let width = rows[0].len() as u32;
        GrayImage::from_fn(width, rows.len() as u32, |x, y| {
            let ink = rows[y as usize].as_bytes()[x as usize] == b'#';
            Luma([if ink { 0 } else { 255 }])
        })
    }

    fn shape(rows: &[&str]) -> Shape {
        Shape::of(&picture(rows), [0, 0, 99, 99]).unwrap()
    }

    const CROSS: [&str; 6] = ["..##..", "..##..", "######", "######", "..##..", "..##.."];
    const BOX: [&str; 6] = ["######", "#....#", "#....#", "#....#", "#....#", "######"];

    #[test]
    fn shapes_are_independent_of_their_place() {
        let apart = [".........", "..##.....", "..##.....", "........."];
        assert_eq!(shape(&apart), shape(&["##", "##"]));
        assert_eq!(Shape::of(&picture(&["...", "..."]), [0, 0, 3, 2]), None);
        assert_eq!(Shape::of(&picture(&["###"]), [2, 0, 1, 1]), None);
    }

    #[test]
    fn a_shape_is_the_nearest_character_and_no_other() {
        let shapes = Shapes(vec![('t', shape(&CROSS)), ('o', shape(&BOX))]);
        assert_eq!(shapes.may_be(&shape(&CROSS), 't'), Some(true));
        assert_eq!(shapes.may_be(&shape(&CROSS), 'o'), Some(false));
        assert_eq!(shapes.may_be(&shape(&CROSS), 'x'), None);
        let flat = shape(&["##########################"]);
        assert_eq!(shapes.may_be(&flat, 't'), Some(false));
    }
}
