//! Barcode search in pixels, by zxing-cpp.

use ocr_codes::{Barcode, Content};
use zxingcpp::{BarcodeFormat, ContentType, ImageFormat, ImageView, TextMode};

use super::upright::Coarse;
use super::{Fault, FaultKind, Scan, dark};

/// Most pixels that are searched; larger pages are scaled down. Noise looks like the corner of a QR code everywhere,
/// and took 0.1 s per megapixel.
const MOST_PIXELS: u64 = 20_000_000;

/// White that is left around ink, in pixels: ten modules of a large barcode.
const QUIET: u32 = 100;
/// Unit in which margins are cut: a multiple of the library's blocks of 8, and of 9, because it scales a picture to a
/// third twice.
const BLOCK: u32 = 72;

const FORMATS: [BarcodeFormat; 10] = [
    BarcodeFormat::QRCode,
    BarcodeFormat::DataMatrix,
    BarcodeFormat::PDF417,
    BarcodeFormat::Aztec,
    BarcodeFormat::Code128,
    BarcodeFormat::Code39,
    BarcodeFormat::Code93,
    BarcodeFormat::EANUPC,
    BarcodeFormat::ITF,
    BarcodeFormat::Codabar,
];

/// Formats that are also searched for light on dark. The others have a few bars without a check, and would be found in
/// pictures.
const ON_DARK: [BarcodeFormat; 6] = [
    BarcodeFormat::QRCode,
    BarcodeFormat::DataMatrix,
    BarcodeFormat::PDF417,
    BarcodeFormat::Aztec,
    BarcodeFormat::Code128,
    BarcodeFormat::EANUPC,
];

/// Finds the barcodes of an image, sorted by place. `left` and `top` are the image's place on its page.
fn read(scan: &Scan, coarse: &Coarse, left: i32, top: i32) -> Result<Vec<Barcode>, Fault> {
    let mut found = search(scan, coarse, left, top, &FORMATS)?;
    let here = found.iter().map(|barcode| {
        let [l, t, r, b] = barcode.bounds;
        [l - left, t - top, r - left, b - top]
    });
    let here: Vec<[i32; 4]> = here.collect();
    for (part, x, y) in dark::parts(scan, &here) {
        let coarse = Coarse::of(&part);
        found.extend(search(&part, &coarse, left + x, top + y, &ON_DARK)?);
    }
    found.sort_by_key(|barcode| (barcode.bounds[1], barcode.bounds[0]));
    Ok(found)
}

fn search(
    scan: &Scan,
    coarse: &Coarse,
    left: i32,
    top: i32,
    formats: &[BarcodeFormat],
) -> Result<Vec<Barcode>, Fault> {
    let pixels = u64::from(scan.width) * u64::from(scan.height);
    let factor = (1..).find(|factor| pixels / (factor * factor) <= MOST_PIXELS);
    let factor = factor
        .and_then(|factor| u32::try_from(factor).ok())
        .unwrap_or(1);
    let smaller = (factor > 1).then(|| shrink(scan, factor));
    let scan = smaller.as_ref().unwrap_or(scan);
    let fault = |error: zxingcpp::Error| {
        Fault::new(
            FaultKind::Engine,
            format!("reading barcodes failed: {error}"),
        )
    };
    let [cut_left, cut_top, cut_width, cut_height] = within_margins(scan, coarse, factor);
    let view = ImageView::from_slice(&scan.pixels, scan.width, scan.height, ImageFormat::Lum)
        .map_err(fault)?
        .cropped(cut_left, cut_top, cut_width, cut_height);
    let scale = i32::try_from(factor).unwrap_or(1);
    let (left, top) = (left + cut_left * scale, top + cut_top * scale);
    let reader = zxingcpp::read()
        .formats(formats)
        // Inverting the whole page would cost a third more. Instead, only dark parts are searched inverted, and they
        // are inverted before.
        .try_invert(false)
        .text_mode(TextMode::Plain);
    let found = reader
        .from(view)
        .map_err(fault)?
        .iter()
        .filter(|barcode| barcode.is_valid())
        .map(|barcode| {
            let corners = barcode.position();
            let corners = [
                corners.top_left,
                corners.top_right,
                corners.bottom_right,
                corners.bottom_left,
            ];
            let edge = |of: fn(&zxingcpp::PointI) -> i32, pick: fn(i32, i32) -> i32| {
                corners.iter().map(of).reduce(pick).unwrap_or_default() * scale
            };
            let (format, content) = upc(name(barcode.format()), content(barcode));
            Barcode {
                format,
                content,
                gs1: barcode.content_type() == ContentType::GS1,
                bounds: [
                    left + edge(|at| at.x, i32::min),
                    top + edge(|at| at.y, i32::min),
                    left + edge(|at| at.x, i32::max) + scale,
                    top + edge(|at| at.y, i32::max) + scale,
                ],
            }
        })
        .collect();
    Ok(found)
}

/// Left, top, width and height of a scan without its empty margins, which need not be searched. The white around a
/// barcode is kept. So are the positions at which the library divides a picture into blocks and scales it down.
/// `coarse` belongs to the scan before it was scaled down by `factor`.
fn within_margins(scan: &Scan, coarse: &Coarse, factor: u32) -> [i32; 4] {
    let all = [0, 0, scan.width, scan.height];
    let bounds = coarse.faint().bounds();
    let [left, top, right, bottom] = bounds.map_or(all, |bounds| bounds.map(|edge| edge / factor));
    let from = |edge: u32| edge.saturating_sub(QUIET) / BLOCK * BLOCK;
    let to = |edge: u32, end: u32| (edge + QUIET).next_multiple_of(BLOCK).min(end);
    let (left, top) = (from(left), from(top));
    let (right, bottom) = (to(right, scan.width), to(bottom, scan.height));
    [left, top, right - left, bottom - top].map(u32::cast_signed)
}

/// UPC-A is reported as EAN-13 with a leading 0, with which no real EAN-13 begins.
fn upc(format: &'static str, content: Content) -> (&'static str, Content) {
    match content {
        Content::Text(text) if format == "ean_13" && text.len() == 13 && text.starts_with('0') => {
            ("upc_a", Content::Text(text[1..].to_owned()))
        }
        content => (format, content),
    }
}

fn content(barcode: &zxingcpp::Barcode) -> Content {
    let bytes = barcode.bytes();
    if barcode.content_type() == ContentType::Binary {
        return Content::Bytes(bytes);
    }
    // The library's text ends at a NUL, and the library guesses an encoding if the barcode names none. UTF-8 is the
    // better guess.
    match String::from_utf8(bytes) {
        Ok(text) if !barcode.has_eci() => Content::Text(text),
        Ok(_) => Content::Text(barcode.text()),
        Err(error) => match barcode.text() {
            text if text.is_empty() || text.contains(char::REPLACEMENT_CHARACTER) => {
                Content::Bytes(error.into_bytes())
            }
            text => Content::Text(text),
        },
    }
}

fn name(format: BarcodeFormat) -> &'static str {
    match format {
        BarcodeFormat::QRCode | BarcodeFormat::QRCodeModel1 | BarcodeFormat::QRCodeModel2 => {
            "qr_code"
        }
        BarcodeFormat::MicroQRCode => "micro_qr_code",
        BarcodeFormat::RMQRCode => "rmqr_code",
        BarcodeFormat::DataMatrix => "data_matrix",
        BarcodeFormat::PDF417 | BarcodeFormat::CompactPDF417 => "pdf_417",
        BarcodeFormat::MicroPDF417 => "micro_pdf_417",
        BarcodeFormat::Aztec | BarcodeFormat::AztecCode | BarcodeFormat::AztecRune => "aztec",
        BarcodeFormat::Code128 => "code_128",
        BarcodeFormat::Code39 | BarcodeFormat::PZN => "code_39",
        BarcodeFormat::Code93 => "code_93",
        BarcodeFormat::EAN13 | BarcodeFormat::ISBN => "ean_13",
        BarcodeFormat::EAN8 => "ean_8",
        BarcodeFormat::UPCA => "upc_a",
        BarcodeFormat::UPCE => "upc_e",
        BarcodeFormat::ITF => "itf",
        BarcodeFormat::Codabar => "codabar",
        _ => "other",
    }
}

/// Averages `factor` × `factor` pixels to one. The rest at the right and the bottom is margin.
fn shrink(scan: &Scan, factor: u32) -> Scan {
    let (width, height) = (scan.width / factor, scan.height / factor);
    let stride = scan.width as usize;
    let step = factor as usize;
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height as usize {
        for x in 0..width as usize {
            let rows = (0..step).map(|row| (y * step + row) * stride + x * step);
            let sum: u32 = rows
                .map(|at| {
                    scan.pixels[at..at + step]
                        .iter()
                        .map(|p| u32::from(*p))
                        .sum::<u32>()
                })
                .sum();
            pixels.push((sum / (factor * factor)) as u8);
        }
    }
    Scan {
        pixels,
        width,
        height,
        dpi: scan.dpi.map(|dpi| dpi / factor),
    }
}

/// Finds all barcodes on a page. Boxes refer to the page as a viewer shows it.
pub(super) fn of(content: &super::Content) -> Result<Vec<Barcode>, Fault> {
    match content {
        super::Content::Scan(scan, coarse) => read(scan, coarse, 0, 0),
        super::Content::Layer(_, drawings, _) => {
            let mut found: Vec<Barcode> = Vec::new();
            for part in drawings {
                let coarse = Coarse::of(&part.scan);
                let more = read(&part.scan, &coarse, part.left, part.top)?;
                // Parts may overlap.
                let new = |one: &Barcode| !found.iter().any(|other| is_same(one, other));
                let more: Vec<Barcode> = more.into_iter().filter(new).collect();
                found.extend(more);
            }
            Ok(found)
        }
    }
}

fn is_same(a: &Barcode, b: &Barcode) -> bool {
    let apart = (0..2)
        .any(|axis| a.bounds[axis] >= b.bounds[axis + 2] || b.bounds[axis] >= a.bounds[axis + 2]);
    !apart && a.format == b.format && a.content == b.content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(inked: impl Fn(u32, u32) -> bool) -> Scan {
        let (width, height) = (2480, 3508);
        let pixels = (0..width * height).map(|at| match inked(at % width, at / width) {
            true => 40,
            false => 250,
        });
        Scan {
            pixels: pixels.collect(),
            width,
            height,
            dpi: Some(300),
        }
    }

    fn searched(scan: &Scan) -> [i32; 4] {
        within_margins(scan, &Coarse::of(scan), 1)
    }

    #[test]
    fn cuts_margins_up_to_the_white_around_ink() {
        let page = scan(|x, y| (1000..1200).contains(&x) && (2000..2100).contains(&y));
        let [left, top, width, height] = searched(&page);
        assert_eq!([left % 72, top % 72], [0, 0]);
        assert!((828..=900).contains(&left) && (1300..=1372).contains(&(left + width)));
        assert!((1828..=1900).contains(&top) && (2200..=2272).contains(&(top + height)));
    }

    #[test]
    fn counts_fine_stripes_of_low_contrast_as_ink() {
        // Stripes of 2 pixels, 50 darker than the paper, next to text.
        let mut page = scan(|x, y| (300..500).contains(&x) && (300..340).contains(&y));
        for y in 3000..3100 {
            for x in (2000..2300).step_by(4) {
                let at = (y * page.width + x) as usize;
                page.pixels[at..at + 2].fill(200);
            }
        }
        let [left, top, width, height] = searched(&page);
        assert!(left <= 200 && top <= 200 && left + width >= 2390 && top + height >= 3190);
    }

    #[test]
    fn searches_a_page_without_ink_whole() {
        assert_eq!(searched(&scan(|_, _| false)), [0, 0, 2480, 3508]);
        assert_eq!(searched(&scan(|_, _| true)), [0, 0, 2480, 3508]);
    }
}
