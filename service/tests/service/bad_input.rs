//! Bad input: each kind has a clear error with its remedy, and does not affect other requests.

use std::time::{Duration, Instant};

use ocr_api::answer::PageStatus;
use ocr_api::problem::ProblemKind;

use crate::support::client::{connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::{Reply, Request, Server, hostile, scan};

const LIMIT: usize = 2_000_000;

#[track_caller]
fn expect(reply: &Reply, kind: ProblemKind, hint: &str) {
    let problem = reply.problem();
    assert_eq!(problem.kind, kind, "{}", problem.detail);
    assert!(
        problem.detail.contains(hint),
        "`{hint}` is not in: {}",
        problem.detail
    );
    assert_eq!(problem.request_id.as_deref(), reply.header("x-request-id"));
}

#[test]
fn each_kind_of_bad_document_has_its_own_problem() {
    let server = Server::start(&["--max-upload", &LIMIT.to_string()]);
    let page = scan::page(&["Some text"]);
    let png = scan::png(&page);
    let jpeg = scan::jpeg(&page);
    let webp = scan::encode(
        &image::DynamicImage::from(page.clone()).into_rgb8().into(),
        image::ImageFormat::WebP,
    );
    let tiff = scan::tiff(std::slice::from_ref(&page));
    let pdf = Pdf::default().text_page(&["Some text"]).build();
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();

    expect(&server.ocr("", b""), ProblemKind::EmptyBody, "empty");
    expect(
        &server.ocr("", &half(&png)),
        ProblemKind::Corrupt,
        "cut short",
    );
    expect(
        &server.ocr("", &half(&jpeg)),
        ProblemKind::Corrupt,
        "cut short",
    );
    expect(
        &server.ocr("", &half(&webp)),
        ProblemKind::Corrupt,
        "cut short",
    );
    expect(
        &server.ocr("", &half(&tiff)[..LIMIT.min(tiff.len() / 2)]),
        ProblemKind::Corrupt,
        "cut short",
    );
    expect(
        &server.ocr("", &half(&pdf)),
        ProblemKind::Corrupt,
        "export it again",
    );
    expect(
        &server.ocr("", b"%PDF-1.7 but no more"),
        ProblemKind::Corrupt,
        "damaged",
    );
    let rgba = image::DynamicImage::from(page.clone()).into_rgba8();
    for document in [
        scan::encode(&rgba.into(), image::ImageFormat::Gif),
        scan::encode(&page.clone().into(), image::ImageFormat::Bmp),
        scan::picture("line.jp2"),
        scan::picture("line.j2k"),
        scan::picture("line.heic"),
        scan::picture("grid.heic"),
        scan::picture("line.avif"),
    ] {
        expect(
            &server.ocr("", &document[..LIMIT.min(document.len() / 2)]),
            ProblemKind::Corrupt,
            "cut short",
        );
        let start = &document[..document.len().min(48)];
        expect(&server.ocr("", start), ProblemKind::Corrupt, "cut short");
    }
    expect(
        &server.ocr("", b"\0\0\0\x14ftypisom\0\0\0\0mp41"),
        ProblemKind::Type,
        "a video",
    );
    expect(
        &server.ocr("", include_bytes!("../fixtures/encrypted.pdf")),
        ProblemKind::Encrypted,
        "password",
    );
    expect(
        &server.ocr("", &Pdf::default().build()),
        ProblemKind::NoPages,
        "no pages",
    );

    assert!(!server.log().contains("a worker died"), "{}", server.log());
    assert_eq!(server.answer("", &pdf).pages[0].text, "Some text\n");
}

/// A picture of the fixtures that states another size, which stands in it as two numbers, big endian.
fn stating_more_pixels(name: &str) -> Vec<u8> {
    let size = |width: u32, height: u32| [width.to_be_bytes(), height.to_be_bytes()].concat();
    let mut picture = scan::picture(name);
    let at = picture
        .windows(8)
        .position(|eight| eight == size(482, 148))
        .unwrap();
    picture[at..at + 8].copy_from_slice(&size(60_000, 60_000));
    picture
}

#[test]
fn rejects_an_image_bomb_by_its_header() {
    let server = Server::start(&["--workers", "1"]);
    let started = Instant::now();
    expect(
        &server.ocr("", &hostile::png_header(60_000, 60_000)),
        ProblemKind::PageTooLarge,
        "60000 × 60000",
    );
    const SIDE: [u8; 4] = 60_000u32.to_le_bytes();
    let of_gif = [b"GIF89a".as_slice(), &SIDE[..2], &SIDE[..2], &[0; 99]];
    let of_bmp = [
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".as_slice(),
        &SIDE,
        &SIDE,
        b"\x01\0\x18\0",
        &[0; 99],
    ];
    for document in [
        of_gif.concat(),
        of_bmp.concat(),
        stating_more_pixels("line.jp2"),
        stating_more_pixels("line.j2k"),
        stating_more_pixels("line.heic"),
        stating_more_pixels("line.avif"),
    ] {
        let problem = server.ocr("", &document).problem();
        assert_eq!(
            problem.kind,
            ProblemKind::PageTooLarge,
            "{}",
            problem.detail
        );
    }
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(!server.log().contains("a worker died"), "{}", server.log());
}

#[test]
fn rejects_a_picture_of_more_pixels_than_its_file_states() {
    let server = Server::start(&["--workers", "1", "--max-megapixels", "10"]);
    expect(
        &server.ocr("", &scan::picture("lying.avif")),
        ProblemKind::PageTooLarge,
        "8000 × 6000",
    );
    assert!(!server.log().contains("a worker died"), "{}", server.log());
}

#[test]
fn rejects_wrong_content_types_and_names_the_real_type() {
    let server = Server::start(&["--workers", "1"]);
    let form = |name: &str, content_type: &str, file: &[u8]| {
        server.send_with_key(Request::form("/v1/ocr", "file", name, content_type, file))
    };
    let text = b"Just a letter, no PDF at all.\n";
    let renamed = form("letter.pdf", "application/pdf", text);
    expect(&renamed, ProblemKind::Type, "The document is text");
    expect(
        &renamed,
        ProblemKind::Type,
        "PDF, PNG, JPEG, TIFF, WebP, GIF, BMP, JPEG 2000, HEIC and AVIF.",
    );

    let png = scan::png(&image::GrayImage::from_pixel(40, 40, image::Luma([255])));
    let as_pdf = form("scan.pdf", "application/pdf", &png);
    expect(&as_pdf, ProblemKind::Type, "image/png");
    let raw = Request::post("/v1/ocr", png.clone()).header("Content-Type", "image/jpeg");
    expect(&server.send_with_key(raw), ProblemKind::Type, "image/png");
    // The name does not matter, and a generic content type is accepted.
    let fine = form("scan.pdf", "application/octet-stream", &png);
    assert_eq!(fine.status, 200);

    expect(
        &form("empty.pdf", "application/pdf", b""),
        ProblemKind::EmptyBody,
        "empty",
    );
    let other_field = Request::form("/v1/ocr", "upload", "a.png", "image/png", &png);
    expect(
        &server.send_with_key(other_field),
        ProblemKind::Malformed,
        "a part `upload`",
    );
    let no_boundary = Request::post("/v1/ocr", png).header("Content-Type", "multipart/form-data");
    expect(
        &server.send_with_key(no_boundary),
        ProblemKind::Malformed,
        "boundary",
    );
}

#[test]
fn rejects_uploads_over_the_limit_with_and_without_a_length() {
    let server = Server::start(&["--workers", "1", "--max-upload", "100kB"]);
    let large = [b"%PDF-1.7".as_slice(), &[b' '; 300_000]].concat();
    expect(
        &server.ocr("", &large),
        ProblemKind::TooLarge,
        "100000 bytes",
    );
    let form = Request::form("/v1/ocr", "file", "a.pdf", "application/pdf", &large);
    expect(
        &server.send_with_key(form),
        ProblemKind::TooLarge,
        "100000 bytes",
    );

    let mut chunked = Vec::new();
    for chunk in large.chunks(8000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    let request = Request::post("/v1/ocr", chunked).header("Transfer-Encoding", "chunked");
    expect(
        &server.send_with_key(request),
        ProblemKind::TooLarge,
        "100000 bytes",
    );
}

#[test]
fn rejects_invalid_parameters() {
    let server = Server::start(&["--workers", "1"]);
    let pdf = Pdf::default()
        .text_page(&["one"])
        .text_page(&["two"])
        .build();
    expect(
        &server.ocr("?lang=xyz", &pdf),
        ProblemKind::Malformed,
        "Available: eng",
    );
    expect(
        &server.ocr("?pages=3", &pdf),
        ProblemKind::Malformed,
        "the document has 2",
    );
    expect(
        &server.ocr("?pages=x", &pdf),
        ProblemKind::Malformed,
        "1-3,7",
    );
    expect(
        &server.ocr("?page=1", &pdf),
        ProblemKind::Malformed,
        "`page`",
    );
    expect(
        &server.ocr("?mode=fast", &pdf),
        ProblemKind::Malformed,
        "auto",
    );
    let png = scan::png(&image::GrayImage::from_pixel(40, 40, image::Luma([255])));
    expect(
        &server.ocr("?mode=text", &png),
        ProblemKind::Malformed,
        "image",
    );
    let accept = Request::post("/v1/ocr", pdf).header("Accept", "image/png");
    expect(
        &server.send_with_key(accept),
        ProblemKind::NotAcceptable,
        "text/plain",
    );
    expect(
        &server.send(&Request::get("/v1/ocr")),
        ProblemKind::Method,
        "POST",
    );
    expect(
        &server.send(&Request::get("/v1")),
        ProblemKind::NotFound,
        "/v1/ocr",
    );
}

#[test]
fn a_damaged_page_affects_only_itself() {
    let server = Server::start(&[]);
    let pages = [scan::page(&["First page"]), scan::page(&["Second page"])];
    let mut document = scan::tiff(&pages);
    // The pixels of pages come before their directories, so the second directory is near the file's end. This sets the
    // second page's compression to one that does not exist.
    let directory = last_directory(&document);
    let entry = (0..20)
        .map(|at| directory + 2 + at * 12)
        .find(|at| document[*at..*at + 2] == 259u16.to_le_bytes())
        .unwrap();
    document[entry + 8..entry + 10].copy_from_slice(&9999u16.to_le_bytes());

    let answer = server.answer("", &document);
    assert!(!answer.complete);
    assert_eq!(answer.pages[0].text.trim(), "First page");
    assert_eq!(answer.pages[1].status, PageStatus::Corrupt);
    assert!(
        answer.warnings[0].starts_with("Page 2: "),
        "{:?}",
        answer.warnings
    );
    let strict = server.ocr("?pages=2", &document);
    assert_eq!(strict.status, 415);
}

/// Offset of the last directory of a little-endian TIFF.
fn last_directory(file: &[u8]) -> usize {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let mut at = number(4);
    loop {
        let entries = usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        match number(at + 2 + entries * 12) {
            0 => return at,
            next => at = next,
        }
    }
}

#[test]
fn truncated_bodies_affect_no_other_request() {
    let server = Server::start(&["--workers", "1"]);
    for _ in 0..5 {
        let request = Request::post("/v1/ocr", b"".to_vec())
            .header("Content-Length", "1000")
            .key(&server.key);
        let mut stream = connect(&server.address).unwrap();
        stream.write_all(&request.head()).unwrap();
        stream.write_all(b"%PDF-1.7").unwrap();
        drop(stream);
    }
    let mut garbage = connect(&server.address).unwrap();
    garbage.write_all(b"\x16\x03\x01 not http\r\n\r\n").unwrap();
    let reply = read_reply(&mut *garbage);
    assert!(reply.is_ok_and(|reply| reply.status == 400));
    assert_eq!(server.readiness().0, 200);
}
