//! Pictures on PDF pages that can't be read, or not as they are: said of the page, whatever else it has.

use image::GrayImage;
use ocr_api::answer::{Answer, Method};
use ocr_api::issue::IssueCode;

use crate::support::pdf::Pdf;
use crate::support::streams::{self, stream};
use crate::support::{Server, scan};

const LINE: &str = "Delivery note for the garden";
const GRAY: &str = "/ColorSpace/DeviceGray/BitsPerComponent 8";
const BITS: &str = "/ColorSpace/DeviceGray/BitsPerComponent 1";
const STENCIL: &str = "/ImageMask true/BitsPerComponent 1";
const SIZE: (u32, u32) = (640, 200);

/// A page with a picture of these data, and a line of text above it if it has a layer.
fn with_picture(data: &[u8], filter: &str, space: &str, layer: bool) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut pdf = Pdf::default();
    let image = stream(
        &format!(
            "/Type/XObject/Subtype/Image/Width {width}/Height {height}{space}/Filter/{filter}"
        ),
        data,
    );
    let image = pdf.add(image);
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let text = if layer {
        format!("BT /F 14 Tf 72 740 Td ({LINE}) Tj ET")
    } else {
        "0 0 0 rg 60 700 200 3 re f".to_owned()
    };
    let content = format!("{text} q 320 0 0 100 60 400 cm /I Do Q");
    let resources = format!("/XObject<</I {image} 0 R>>/Font<</F {font} 0 R>>");
    pdf.add_page(&resources, "", &content);
    pdf.build()
}

/// A drawn word, and much that makes its data long.
fn picture() -> GrayImage {
    let page = scan::page(&["Signature", "of the gardener"]);
    image::imageops::crop_imm(&page, 280, 300, SIZE.0, SIZE.1).to_image()
}

/// White lines, coded as a fax.
fn jbig2() -> Vec<u8> {
    streams::jbig2(SIZE.0, SIZE.1, &[1], &[0xff; 25])
}

fn has(answer: &Answer, code: IssueCode) -> bool {
    answer
        .issues
        .iter()
        .any(|issue| issue.code == code && issue.page == Some(1))
}

#[test]
fn a_broken_picture_is_said_of_a_page_with_a_text_layer_and_of_one_without() {
    let server = Server::start(&["--workers", "1"]);
    let jpeg = scan::jpeg(&picture());
    let cut = |data: &[u8], percent: usize| data[..data.len() * percent / 100].to_vec();
    let damaged = |from: usize| {
        let mut damaged = jpeg.clone();
        for (at, byte) in damaged[from..].iter_mut().take(400).enumerate() {
            *byte = (at * 151 % 256) as u8;
        }
        damaged
    };
    let none = || b"no picture at all".to_vec();
    let broken = [
        ("a JPEG that is none", none(), "DCTDecode", GRAY),
        ("a JPEG's head", cut(&jpeg, 2), "DCTDecode", GRAY),
        ("half a JPEG", cut(&jpeg, 50), "DCTDecode", GRAY),
        ("most of a JPEG", cut(&jpeg, 95), "DCTDecode", GRAY),
        (
            "a JPEG damaged within",
            damaged(jpeg.len() / 2),
            "DCTDecode",
            GRAY,
        ),
        ("a JPEG with a damaged head", damaged(2), "DCTDecode", GRAY),
        ("a JPX that is none", none(), "JPXDecode", ""),
        ("a JPX that is none, in gray", none(), "JPXDecode", GRAY),
        ("a JBIG2 that is none", none(), "JBIG2Decode", BITS),
        ("no JBIG2", Vec::new(), "JBIG2Decode", BITS),
        ("half a JBIG2", cut(&jbig2(), 80), "JBIG2Decode", BITS),
        (
            "a stencil of no JBIG2",
            b"short".to_vec(),
            "JBIG2Decode",
            STENCIL,
        ),
        (
            "a stencil of half a JBIG2",
            cut(&jbig2(), 80),
            "JBIG2Decode",
            STENCIL,
        ),
        ("an unknown filter", none(), "FooDecode", GRAY),
    ];
    for layer in [true, false] {
        for (name, data, filter, space) in &broken {
            let document = with_picture(data, filter, space, layer);
            let answer = server.answer("", &document);
            assert!(
                has(&answer, IssueCode::Undecodable),
                "{name}, layer {layer}: {:?}",
                answer.issues
            );
            if layer {
                assert!(answer.pages[0].text.contains(LINE), "{name}");
            }
            let refused = server.ocr("?strict=2", &document);
            assert_eq!(refused.status, 422, "{name}, layer {layer}");
        }
        for (name, data, filter, space) in [
            ("a JPEG", jpeg.clone(), "DCTDecode", GRAY),
            ("a JBIG2", jbig2(), "JBIG2Decode", BITS),
            ("a stencil of JBIG2", jbig2(), "JBIG2Decode", STENCIL),
        ] {
            let answer = server.answer("", &with_picture(&data, filter, space, layer));
            assert!(
                !has(&answer, IssueCode::Undecodable),
                "{name}, layer {layer}: {:?}",
                answer.issues
            );
        }
    }
    // Whoever asks for the layer alone wants no pictures.
    let document = with_picture(&cut(&jpeg, 50), "DCTDecode", GRAY, true);
    assert!(server.answer("?mode=text", &document).issues.is_empty());
}

#[test]
fn a_jpeg_that_is_damaged_within_is_not_whole() {
    let server = Server::start(&["--workers", "1"]);
    let mut jpeg = scan::jpeg(&scan::page(&["The first line", "and another one"]));
    assert!(server.answer("", &jpeg).issues.is_empty());
    let middle = jpeg.len() / 2;
    for (at, byte) in jpeg[middle..].iter_mut().take(400).enumerate() {
        *byte = (at * 151 % 256) as u8;
    }
    assert!(has(&server.answer("", &jpeg), IssueCode::Undecodable));
}

#[test]
fn a_page_drawn_much_coarser_than_its_picture_has_low_resolution() {
    let page = scan::page(&["Small print that may be missing", "in large letters"]);
    let (width, height) = page.dimensions();
    let jpeg = scan::jpeg(&page);
    let scanned = Pdf::default().scan_page(&jpeg, width, height).build();
    let mixed = Pdf::default()
        .drawn_page(
            &[LINE],
            "q 595 0 0 600 0 50 cm /I Do Q",
            (&jpeg, width, height),
        )
        .build();
    let usual = Server::start(&["--workers", "1"]);
    for document in [&scanned, &mixed] {
        let answer = usual.answer("", document);
        assert!(answer.issues.is_empty(), "{:?}", answer.issues);
    }
    let small = Server::start(&["--workers", "1", "--max-megapixels", "1"]);
    let answer = small.answer("", &scanned);
    assert!(answer.pages[0].dpi.unwrap() < 150);
    assert!(
        has(&answer, IssueCode::LowResolution),
        "{:?}",
        answer.issues
    );
    assert_eq!(small.ocr("?strict=2", &scanned).status, 422);
    // What a layer has is read all the same, and so is a page without a picture.
    let text = Pdf::default().text_page(&[LINE]).build();
    let answer = small.answer("?strict=2", &text);
    assert_eq!(answer.pages[0].method, Some(Method::Text));

    // Its size says nothing, and its picture has more pixels than are drawn of such a page.
    let tall = 12_000;
    let large = image::imageops::resize(&page, 1000, tall, image::imageops::FilterType::Nearest);
    let mut pdf = Pdf::default();
    let image = pdf.add_image(&scan::jpeg(&large), 1000, tall);
    pdf.add_page_of(
        &format!("/XObject<</I {image} 0 R>>"),
        "/MediaBox[0 0 59 84]",
        "q 59 0 0 84 0 0 cm /I Do Q",
    );
    let answer = usual.answer("", &pdf.build());
    assert!(
        has(&answer, IssueCode::LowResolution),
        "{:?}",
        answer.issues
    );
}
