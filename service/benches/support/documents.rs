//! Unique documents. With a cached answer, a benchmark would measure nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use image::{GrayImage, imageops};

use super::service::pdf::Pdf;

const LINE: &str = "We write with regard to the goods which were delivered to us on the third";

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A PNG of 300 dpi, with a number in a comment.
pub(crate) fn png(image: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: 11_811,
        yppu: 11_811,
        unit: png::Unit::Meter,
    }));
    encoder
        .add_text_chunk("Comment".into(), next().to_string())
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(image).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A PDF with this many pages of text, and a number in a comment.
pub(crate) fn text_pdf(pages: usize) -> Vec<u8> {
    let mut pdf = Pdf::default();
    for _ in 0..pages {
        pdf = pdf.text_page_of(11.0, &[LINE; 24]);
    }
    let mut bytes = pdf.build();
    bytes.extend(format!("% {}\n", next()).into_bytes());
    bytes
}

/// A line of text cut out of a page: 400 × 50 pixels.
pub(crate) fn crop(page: &GrayImage) -> GrayImage {
    let ink = |y: u32| (0..page.width()).any(|x| page.get_pixel(x, y).0[0] < 128);
    let top = (0..page.height()).find(|y| ink(*y)).unwrap();
    // The left margin is an inch wide.
    imageops::crop_imm(page, 290, top.saturating_sub(8), 400, 50).to_image()
}
