//! Image formats and their special cases.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use ocr_api::answer::{DocumentType, PageStatus};
use ocr_api::problem::ProblemKind;

use crate::support::{Server, scan};

const LINE: &str = "Delivery note 7731";

#[test]
fn reads_the_same_text_from_png_jpeg_tiff_and_webp() {
    let server = Server::start(&[]);
    let page = scan::page(&[LINE]);
    let cases = [
        (DocumentType::Png, scan::png(&page)),
        (DocumentType::Jpeg, scan::jpeg(&page)),
        (DocumentType::Tiff, scan::tiff(std::slice::from_ref(&page))),
        (
            DocumentType::Webp,
            // Lossless WebP has no gray.
            scan::encode(
                &DynamicImage::from(page.clone()).into_rgb8().into(),
                ImageFormat::WebP,
            ),
        ),
    ];
    for (kind, document) in cases {
        let answer = server.answer("", &document);
        assert_eq!(answer.document.kind, kind);
        assert_eq!(answer.pages[0].text.trim(), LINE, "{kind:?}");
    }
}

#[test]
fn reads_every_page_of_a_tiff_in_order() {
    let server = Server::start(&[]);
    let names = ["Page one alpha", "Page two beta", "Page three gamma"];
    let pages: Vec<_> = names.iter().map(|name| scan::page(&[name])).collect();
    let document = scan::tiff(&pages);
    let answer = server.answer("", &document);
    assert!(answer.complete);
    assert_eq!(answer.document.pages, 3);
    let texts: Vec<&str> = answer.pages.iter().map(|page| page.text.trim()).collect();
    assert_eq!(texts, names);

    let answer = server.answer("?pages=3,2", &document);
    let numbers: Vec<u32> = answer.pages.iter().map(|page| page.page).collect();
    assert_eq!(numbers, [2, 3]);
    assert_eq!(answer.document.pages, 3);
    assert_eq!(answer.pages[1].text.trim(), names[2]);
}

#[test]
fn reads_faxes_and_colour_maps_with_their_resolution() {
    let server = Server::start(&["--workers", "1"]);
    let answer = server.answer("", &scan::fax(&scan::page(&[LINE])));
    assert_eq!(answer.pages[0].text.trim(), LINE);
    assert_eq!(answer.pages[0].dpi, Some(204));

    let answer = server.answer("", &scan::two_colours(&scan::page(&[LINE])));
    assert_eq!(answer.pages[0].text.trim(), LINE);
}

#[test]
fn reads_each_compression_and_bit_order_of_faxes() {
    let server = Server::start(&["--workers", "1"]);
    for fax in scan::FAXES {
        let page = &server.answer("", fax).pages[0];
        assert_eq!(page.text.trim(), LINE);
        assert_eq!((page.width, page.height), (Some(482), Some(148)));
        assert_eq!(page.dpi, Some(204));
    }
}

#[test]
fn rejects_a_truncated_fax() {
    let server = Server::start(&["--workers", "1"]);
    // Its directory states 200 rows instead of 148, all in one strip.
    let mut cut = scan::FAXES[0].to_vec();
    for tag in [257u16, 278] {
        let [low, high] = tag.to_le_bytes();
        let entry = [low, high, 3, 0, 1, 0, 0, 0, 148];
        let at = cut.windows(9).position(|nine| nine == entry).unwrap();
        cut[at + 8] = 200;
    }
    let problem = server.ocr("", &cut).problem();
    assert_eq!(problem.kind, ProblemKind::Corrupt, "{problem:?}");
    assert!(problem.detail.contains("fewer rows"), "{problem:?}");
}

#[test]
fn reports_the_stated_resolution_and_invents_none() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::text_page();
    let stated = &server.answer("", &scan::png_with_dpi(&page, 300)).pages[0];
    assert_eq!(stated.dpi, Some(300));
    assert_eq!(stated.words.len(), 360);
    assert_eq!(server.answer("", &scan::png(&page)).pages[0].dpi, None);
}

#[test]
fn reads_black_text_on_a_transparent_ground() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&[LINE]);
    let clear = RgbaImage::from_fn(page.width(), page.height(), |x, y| {
        Rgba([0, 0, 0, 255 - page.get_pixel(x, y).0[0]])
    });
    let answer = server.answer("", &scan::encode(&clear.into(), ImageFormat::Png));
    assert_eq!(answer.pages[0].text.trim(), LINE);
}

#[test]
fn reads_a_photograph_in_its_stated_orientation() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&[LINE]);
    // Stored rotated to the left, with the note to rotate it to the right (EXIF orientation 6).
    let stored = image::imageops::rotate270(&page);
    let answer = server.answer("", &scan::with_orientation(&scan::jpeg(&stored), 6));
    assert_eq!(answer.pages[0].text.trim(), LINE);
    assert_eq!(answer.pages[0].width, Some(page.width()));
}

#[test]
fn reads_colours_and_sixteen_bits() {
    let server = Server::start(&["--workers", "1"]);
    let page = DynamicImage::from(scan::page(&[LINE]));
    for image in [
        DynamicImage::from(page.to_rgb8()),
        DynamicImage::from(page.to_luma16()),
        DynamicImage::from(page.to_rgba16()),
    ] {
        let color = image.color();
        let answer = server.answer("", &scan::encode(&image, ImageFormat::Png));
        assert_eq!(answer.pages[0].text.trim(), LINE, "{color:?}");
    }
}

#[test]
fn answers_an_image_of_a_few_pixels_as_empty() {
    let server = Server::start(&["--workers", "1"]);
    for side in [1, 2, 3, 9] {
        let tiny = image::GrayImage::from_pixel(side, side, image::Luma([0]));
        let answer = server.answer("", &scan::png(&tiny));
        assert_eq!(answer.pages[0].status, PageStatus::Empty, "{side} pixels");
    }
}
