//! Crafted documents: small files that expand to gigabytes or take years, and randomly damaged files, which are the
//! same in every run.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::pdf::Pdf;
use super::streams::{jbig2, stream};

const GIB: u64 = 1 << 30;

/// Zeros, compressed `times` times.
fn zeros(length: u64, times: u32) -> Vec<u8> {
    let block = vec![0; 1 << 20];
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut left = length;
    while left > 0 {
        let part = left.min(block.len() as u64);
        encoder.write_all(&block[..part as usize]).unwrap();
        left -= part;
    }
    let mut data = encoder.finish().unwrap();
    for _ in 1..times {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&data).unwrap();
        data = encoder.finish().unwrap();
    }
    data
}

/// A picture of 1 GiB on a page, deflated twice to a few kilobytes.
pub(crate) fn pdf_with_a_huge_picture() -> Vec<u8> {
    let mut pdf = Pdf::default();
    let image = pdf.add(stream(
        "/Type/XObject/Subtype/Image/Width 32768/Height 32768/ColorSpace/DeviceGray/BitsPerComponent 8\
         /Filter[/FlateDecode/FlateDecode]",
        &zeros(GIB, 2),
    ));
    let resources = format!("/XObject<</I {image} 0 R>>");
    pdf.add_page(&resources, "", "q 595 0 0 842 0 0 cm /I Do Q");
    pdf.build()
}

/// Drawing instructions of 1 GiB, all of them white space, deflated twice.
pub(crate) fn pdf_with_a_huge_content() -> Vec<u8> {
    let mut pdf = Pdf::default();
    let form = pdf.add(stream(
        "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Filter[/FlateDecode/FlateDecode]",
        &zeros(GIB, 2),
    ));
    pdf.add_page(&format!("/XObject<</F {form} 0 R>>"), "", "/F Do");
    pdf.build()
}

/// Forms within forms: `depth` levels of ten each, and a line of text in the innermost one.
pub(crate) fn pdf_of_nested_forms(depth: u32) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let mut inner = pdf.add(stream(
        &format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F {font} 0 R>>>>"
        ),
        b"BT /F 9 Tf 20 740 Td (All work and no play) Tj ET",
    ));
    for _ in 0..depth {
        inner = pdf.add(stream(
            &format!(
                "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</X {inner} 0 R>>>>"
            ),
            "/X Do ".repeat(10).as_bytes(),
        ));
    }
    pdf.add_page(&format!("/XObject<</X {inner} 0 R>>"), "", "/X Do");
    pdf.build()
}

/// Nested transparency groups, each of which is drawn on its own picture of the page.
pub(crate) fn pdf_of_nested_groups(depth: u32) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let state = pdf.add("<</Type/ExtGState/ca .5/CA .5/BM/Multiply>>");
    let group = format!(
        "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Group<</S/Transparency/I true/K true>>\
         /Resources<</ExtGState<</G {state} 0 R>>"
    );
    let mut inner = pdf.add(stream(&format!("{group}>>"), b"/G gs 0 0 595 842 re f"));
    for _ in 0..depth {
        inner = pdf.add(stream(
            &format!("{group}/XObject<</X {inner} 0 R>>>>"),
            b"/G gs /X Do 0 0 300 300 re f",
        ));
    }
    let resources = format!("/ExtGState<</G {state} 0 R>>/XObject<</X {inner} 0 R>>");
    pdf.add_page(&resources, "", "/G gs /X Do");
    pdf.build()
}

/// A page painted with tiles of a thousandth of a point.
pub(crate) fn pdf_of_tiny_tiles() -> Vec<u8> {
    let mut pdf = Pdf::default();
    let pattern = pdf.add(stream(
        "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 10 10]/XStep .001/YStep .001/Resources<<>>",
        b"1 0 0 rg 0 0 5 5 re f",
    ));
    pdf.add_page(
        &format!("/Pattern<</P {pattern} 0 R>>"),
        "",
        "/Pattern cs /P scn 0 0 595 842 re f",
    );
    pdf.build()
}

/// A JBIG2 picture that states this many pixels.
pub(crate) fn pdf_with_jbig2(width: u32, height: u32) -> Vec<u8> {
    // Template 0 and its four adaptive pixels, then next to no arithmetic data.
    let flags = [0, 3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe];
    let data = jbig2(
        width,
        height,
        &flags,
        &[&[0; 16][..], &[0xff, 0xac]].concat(),
    );
    let mut pdf = Pdf::default();
    let image = pdf.add(stream(
        &format!(
            "/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent 1\
             /Filter/JBIG2Decode"
        ),
        &data,
    ));
    let resources = format!("/XObject<</I {image} 0 R>>");
    pdf.add_page(&resources, "", "q 595 0 0 842 0 0 cm /I Do Q");
    pdf.build()
}

/// A picture of a blank sheet: in gray as from a scanner, or as a stencil that paints nothing.
pub(crate) fn pdf_of_a_blank_sheet(stencil: bool) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let space = if stencil {
        "/ImageMask true"
    } else {
        "/ColorSpace/DeviceGray"
    };
    let image = pdf.add(stream(
        &format!("/Type/XObject/Subtype/Image/Width 80/Height 100/BitsPerComponent 1{space}"),
        &[0xff; 1000],
    ));
    let resources = format!("/XObject<</I {image} 0 R>>");
    pdf.add_page(&resources, "", "q 595 0 0 842 0 0 cm /I Do Q");
    pdf.build()
}

/// A page tree that contains itself, and nested arrays.
pub(crate) fn pdf_without_end() -> Vec<u8> {
    let mut pdf = Pdf::default();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = pdf.add(deep);
    let itself = pdf.next();
    pdf.add(format!(
        "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {itself} 0 R>>>>/Length 5>>stream\n/X Do\nendstream"
    ));
    let resources = format!("/XObject<</X {itself} 0 R>>/Font {deep} 0 R");
    pdf.add_page(&resources, &format!("/Parent {itself} 0 R"), "/X Do");
    pdf.build()
}

/// Pages of a few words each.
pub(crate) fn pdf_of_pages(count: usize) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let resources = format!("/Font<</F {font} 0 R>>");
    for page in 1..=count {
        let content = format!("BT /F 14 Tf 72 740 Td (This is page {page}) Tj ET");
        pdf.add_page(&resources, "", &content);
    }
    pdf.build()
}

pub(crate) fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = kind.to_vec();
    chunk.extend(body);
    let crc = crc32(&chunk).to_be_bytes();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length, chunk.as_slice(), &crc].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A PNG with bits per sample, colour type, and chunks after the header.
fn png(width: u32, height: u32, bits: u8, colour: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([bits, colour, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(png_chunk(b"IHDR", &header));
    for (kind, body) in chunks {
        file.extend(png_chunk(kind, body));
    }
    file
}

/// A header that announces this many pixels of 8 bits, followed only by the start of data.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    png(width, height, 8, 0, &[(b"IDAT", b"")])
}

/// A picture of ten pixels a side whose data continues for 1 GiB.
pub(crate) fn png_with_too_much_data() -> Vec<u8> {
    png(10, 10, 8, 0, &[(b"IDAT", &zeros(GIB, 1)), (b"IEND", b"")])
}

/// A picture of ten pixels a side with a colour profile and a comment of 1 GiB each.
pub(crate) fn png_with_huge_extras() -> Vec<u8> {
    let bomb = [b"x\0\0".as_slice(), &zeros(GIB, 1)].concat();
    let pixels = zeros(110, 1);
    png(
        10,
        10,
        8,
        0,
        &[
            (b"iCCP", &bomb),
            (b"zTXt", &bomb),
            (b"IDAT", &pixels),
            (b"IEND", b""),
        ],
    )
}

/// A picture of the largest size allowed by default: 80 megapixels, in the widest samples (16 bits, four channels).
pub(crate) fn png_of_80_megapixels() -> Vec<u8> {
    let (width, height) = (8_000u32, 10_000u32);
    let data = zeros(u64::from(height) * (1 + u64::from(width) * 8), 1);
    png(width, height, 16, 6, &[(b"IDAT", &data), (b"IEND", b"")])
}

/// A TIFF of one page with these entries: tag, type, count, value.
fn tiff(entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    // The next directory is this one again.
    file.extend(8u32.to_le_bytes());
    file
}

/// A page of one strip that states 4 GiB and contains itself.
pub(crate) fn tiff_with_a_huge_strip() -> Vec<u8> {
    tiff(&[
        (256, 4, 1, 8_000),
        (257, 4, 1, 8_000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, u32::MAX),
        (279, 4, 1, u32::MAX),
    ])
}

/// A small page in one tile of a billion pixels a side, deflated, with tags whose counts are billions.
pub(crate) fn tiff_with_a_huge_tile() -> Vec<u8> {
    tiff(&[
        (256, 4, 1, 100),
        (257, 4, 1, 100),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (270, 2, u32::MAX, 8),
        (277, 3, 1, 1),
        (322, 4, 1, 1 << 30),
        (323, 4, 1, 1 << 30),
        (324, 4, u32::MAX, 8),
        (325, 4, u32::MAX, 8),
    ])
}

/// An animation with a canvas of the largest size and a missing frame. Small white pages, which share their pixels.
pub(crate) fn tiff_of_pages(count: u32) -> Vec<u8> {
    let mut file = b"II*\0\x48\0\0\0".to_vec();
    file.extend([0xff; 64]);
    for page in 1..=count {
        let entries: [(u16, u32); 9] = [
            (256, 8),
            (257, 8),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, 8),
            (277, 1),
            (278, 8),
            (279, 64),
        ];
        file.extend(9u16.to_le_bytes());
        for (tag, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(4u16.to_le_bytes());
            file.extend(1u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        let next = u32::try_from(file.len() + 4).unwrap();
        let next = if page < count { next } else { 0 };
        file.extend(next.to_le_bytes());
    }
    file
}

pub(crate) fn webp_animation() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [kind.as_slice(), &length, body].concat()
    };
    let canvas = [2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &canvas));
    body.extend(chunk(b"ANIM", &[0; 6]));
    body.extend(chunk(b"ANMF", &[0; 16]));
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, &body].concat()
}

/// All documents of this module with their names, except for the one of many pages.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a huge picture in a PDF", pdf_with_a_huge_picture()),
        ("a huge content in a PDF", pdf_with_a_huge_content()),
        ("forms within forms", pdf_of_nested_forms(9)),
        ("groups within groups", pdf_of_nested_groups(60)),
        ("tiny tiles", pdf_of_tiny_tiles()),
        // PDFium refuses 1 GiB of bits, but not 256 MiB.
        ("a huge JBIG2 picture", pdf_with_jbig2(32_000, 268_000)),
        ("a large JBIG2 picture", pdf_with_jbig2(32_000, 67_000)),
        ("a PDF without end", pdf_without_end()),
        ("a PNG with too much data", png_with_too_much_data()),
        ("a PNG with huge extras", png_with_huge_extras()),
        ("a PNG header", png_header(60_000, 60_000)),
        ("a huge strip", tiff_with_a_huge_strip()),
        ("a huge tile", tiff_with_a_huge_tile()),
        ("an animation", webp_animation()),
    ]
}

/// Random numbers that are the same in every run (xorshift).
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A document with up to eight kinds of damage.
pub(crate) fn damaged(document: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for _ in 0..=chance.below(8) {
        if bytes.len() < 16 {
            break;
        }
        let at = chance.below(bytes.len());
        let length = (1 + chance.below(64)).min(bytes.len() - at);
        match chance.below(8) {
            0..=2 => bytes[at] ^= 1 << chance.below(8),
            3 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'9'][chance.below(5)],
            4 => bytes[at..at + length].fill([0, 0xff][chance.below(2)]),
            5 => drop(bytes.drain(at..at + length)),
            6 => {
                let part = bytes[at..at + length].to_vec();
                let to = chance.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ if chance.below(4) == 0 => bytes.truncate(at),
            _ => more_digits(&mut bytes, at),
        }
    }
    bytes
}

/// Increases the next number in a text.
fn more_digits(bytes: &mut Vec<u8>, at: usize) {
    let digit = bytes[at..].iter().position(u8::is_ascii_digit);
    if let Some(offset) = digit {
        let mut number = String::new();
        let _ = write!(number, "{}", u32::MAX);
        bytes.splice(at + offset..at + offset, number.into_bytes());
    }
}
