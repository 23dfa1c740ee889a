//! PDFs whose pages are pictures.

use image::metadata::Orientation;
use pdf_writer::types::Predictor;
use pdf_writer::writers::ImageXObject;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};

use super::picture::{Data, Picture, Space, turned};

const PICTURE: Name<'static> = Name(b"I");
const POINTS_PER_INCH: f32 = 72.0;
/// Resolution of an image that states none, in pixels per inch.
const DPI: u32 = 300;
/// Longest side in points. PDF viewers show nothing beyond it (ISO 32000-1, annex C).
const MAX_SIDE: f32 = 14_400.0;

/// A PDF under construction.
pub(super) struct Pages {
    pdf: Pdf,
    last: i32,
    tree: Ref,
    pages: Vec<Ref>,
}

impl Pages {
    pub(super) fn new() -> Self {
        let mut pdf = Pdf::new();
        let (catalog, tree) = (Ref::new(1), Ref::new(2));
        pdf.catalog(catalog).pages(tree);
        Self {
            pdf,
            last: 2,
            tree,
            pages: Vec::new(),
        }
    }

    fn next(&mut self) -> Ref {
        self.last += 1;
        Ref::new(self.last)
    }

    /// Adds a page of the picture's size with nothing but the picture on it.
    pub(super) fn push(&mut self, picture: &Picture) {
        let (page, content, image, mask) = (self.next(), self.next(), self.next(), self.next());
        let (width, height) = size(picture);

        let mut writer = self.pdf.page(page);
        writer.media_box(Rect::new(0.0, 0.0, width, height));
        writer.parent(self.tree);
        writer.contents(content);
        writer.resources().x_objects().pair(PICTURE, image);
        writer.finish();
        self.pages.push(page);

        let mut drawing = Content::new();
        drawing.save_state();
        drawing.transform(placed(picture.orientation, width, height));
        drawing.x_object(PICTURE);
        drawing.restore_state();
        self.pdf.stream(content, &drawing.finish());

        let bytes = match &picture.data {
            Data::Jpeg(bytes) | Data::Deflated(bytes) | Data::Filtered(bytes) => bytes,
        };
        let mut writer = self.pdf.image_xobject(image, bytes);
        describe(&mut writer, picture);
        if picture.alpha.is_some() {
            writer.s_mask(mask);
        }
        writer.finish();
        if let Some(alpha) = &picture.alpha {
            let mut writer = self.pdf.image_xobject(mask, alpha);
            writer.filter(Filter::FlateDecode);
            sides(&mut writer, picture);
            writer.color_space().device_gray();
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let count = i32::try_from(self.pages.len()).unwrap_or(i32::MAX);
        self.pdf.pages(self.tree).kids(self.pages).count(count);
        self.pdf.finish()
    }
}

fn sides(writer: &mut ImageXObject<'_>, picture: &Picture) {
    // No decoded image has as many as 2^31 pixels a side.
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    writer.width(side(picture.width));
    writer.height(side(picture.height));
    writer.bits_per_component(i32::from(picture.bits));
}

fn describe(writer: &mut ImageXObject<'_>, picture: &Picture) {
    match picture.data {
        Data::Jpeg(_) => {
            writer.filter(Filter::DctDecode);
        }
        Data::Deflated(_) => {
            writer.filter(Filter::FlateDecode);
        }
        Data::Filtered(_) => {
            writer.filter(Filter::FlateDecode);
            writer
                .decode_parms()
                .predictor(Predictor::PngOptimum)
                .colors(i32::from(picture.space.channels()))
                .bits_per_component(i32::from(picture.bits))
                .columns(i32::try_from(picture.width).unwrap_or(i32::MAX));
        }
    }
    sides(writer, picture);
    let space = writer.color_space();
    match &picture.space {
        Space::Gray => space.device_gray(),
        Space::Rgb => space.device_rgb(),
        Space::Cmyk { inverted } => {
            space.device_cmyk();
            if *inverted {
                writer.decode([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
            }
        }
        Space::Indexed(colors) => {
            let last = (colors.len() / 3).clamp(1, 256) - 1;
            space.indexed(Name(b"DeviceRGB"), last as i32, &colors[..]);
        }
    }
}

/// Size in its upright orientation, in points.
fn size(picture: &Picture) -> (f32, f32) {
    let (width, height) = turned((picture.width, picture.height), picture.orientation);
    let (width, height) = (width as f32, height as f32);
    let scale = POINTS_PER_INCH / picture.dpi.unwrap_or(DPI) as f32;
    let scale = scale.min(MAX_SIDE / width.max(height));
    (width * scale, height * scale)
}

/// Transformation of the unit square, in which pictures are drawn, that fills the page with the picture upright.
fn placed(orientation: Orientation, w: f32, h: f32) -> [f32; 6] {
    match orientation {
        Orientation::NoTransforms => [w, 0.0, 0.0, h, 0.0, 0.0],
        Orientation::FlipHorizontal => [-w, 0.0, 0.0, h, w, 0.0],
        Orientation::FlipVertical => [w, 0.0, 0.0, -h, 0.0, h],
        Orientation::Rotate180 => [-w, 0.0, 0.0, -h, w, h],
        Orientation::Rotate90 => [0.0, -h, w, 0.0, 0.0, h],
        Orientation::Rotate270 => [0.0, h, -w, 0.0, w, 0.0],
        Orientation::Rotate90FlipH => [0.0, -h, -w, 0.0, w, h],
        Orientation::Rotate270FlipH => [0.0, h, w, 0.0, 0.0, 0.0],
    }
}
