//! Image formats and their special cases.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use ocr_api::answer::{DocumentType, PageStatus};
use ocr_api::inspection::Inspection;
use ocr_api::problem::ProblemKind;

use crate::support::{Request, Server, scan};

const LINE: &str = "Delivery note 7731";

#[test]
fn reads_the_same_text_from_every_type_of_image() {
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
        (
            DocumentType::Gif,
            scan::encode(
                &DynamicImage::from(page.clone()).into_rgba8().into(),
                ImageFormat::Gif,
            ),
        ),
        (
            DocumentType::Bmp,
            scan::encode(&page.clone().into(), ImageFormat::Bmp),
        ),
        (
            DocumentType::Bmp,
            scan::encode(
                &DynamicImage::from(page.clone()).into_rgb8().into(),
                ImageFormat::Bmp,
            ),
        ),
        (DocumentType::Jp2, scan::picture("line.jp2")),
        (DocumentType::Jp2, scan::picture("line.j2k")),
        (DocumentType::Heic, scan::picture("line.heic")),
        (DocumentType::Heic, scan::picture("grid.heic")),
        (DocumentType::Heic, scan::picture("ten-bit.heic")),
        (DocumentType::Avif, scan::picture("line.avif")),
    ];
    for (kind, document) in cases {
        let answer = server.answer("", &document);
        assert_eq!(answer.document.kind, kind);
        assert_eq!(answer.pages[0].text.trim(), LINE, "{kind:?}");
        assert!(answer.complete && answer.issues.is_empty(), "{kind:?}");
    }
}

#[test]
fn previews_inspects_and_converts_every_type_of_image() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&[LINE]);
    let documents = [
        scan::encode(
            &DynamicImage::from(page.clone()).into_rgba8().into(),
            ImageFormat::Gif,
        ),
        scan::encode(&page.into(), ImageFormat::Bmp),
        scan::picture("line.jp2"),
        scan::picture("clear.jp2"),
        scan::picture("turned.heic"),
        scan::picture("clear.heic"),
        scan::picture("turned.avif"),
    ];
    for document in documents {
        let read = server.answer("", &document);
        let kind = read.document.kind;
        let size = (read.pages[0].width, read.pages[0].height);
        let inspect = Request::post("/v1/inspect", document.clone());
        let inspection: Inspection =
            serde_json::from_slice(&server.send_with_key(inspect).body).unwrap();
        let measured = &inspection.pages[0];
        assert_eq!((measured.width, measured.height), size, "{kind:?}");
        let preview = server.send_with_key(Request::post("/v1/preview", document.clone()));
        let preview = image::load_from_memory(&preview.body).unwrap();
        let shape = |width: u32, height: u32| f64::from(width) / f64::from(height);
        let of_preview = shape(preview.width(), preview.height());
        let of_page = shape(size.0.unwrap(), size.1.unwrap());
        assert!((of_preview - of_page).abs() < 0.01, "{kind:?}");
        let pdf = Request::post("/v1/ocr", document).header("Accept", "application/pdf");
        let pdf = server.send_with_key(pdf);
        assert_eq!(pdf.status, 200, "{kind:?}: {}", pdf.text());
        let layer = server.answer("?mode=text", &pdf.body);
        assert_eq!(layer.pages[0].text.trim(), LINE, "{kind:?}");
        let pixels = server.answer("?mode=ocr", &pdf.body);
        assert_eq!(pixels.pages[0].text.trim(), LINE, "{kind:?}");
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
    for document in [
        scan::encode(&clear.clone().into(), ImageFormat::Png),
        scan::encode(&clear.into(), ImageFormat::Gif),
        scan::picture("clear.jp2"),
        scan::picture("clear.heic"),
        scan::picture("clear.avif"),
    ] {
        let answer = server.answer("", &document);
        let kind = answer.document.kind;
        assert_eq!(answer.pages[0].text.trim(), LINE, "{kind:?}");
    }
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
    for name in ["turned.heic", "turned.avif"] {
        let answer = server.answer("", &scan::picture(name));
        assert_eq!(answer.pages[0].text.trim(), LINE, "{name}");
        let size = (answer.pages[0].width, answer.pages[0].height);
        assert_eq!(size, (Some(482), Some(148)), "{name}");
        assert_eq!(answer.pages[0].rotation, 0, "{name}");
    }
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
