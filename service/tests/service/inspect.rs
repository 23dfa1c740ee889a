//! Inspection of documents before they are read, and previews of pages.

use ocr_api::answer::{Method, PageStatus};
use ocr_api::inspection::{Inspection, TextLayer};
use ocr_api::problem::ProblemKind;

use crate::support::pdf::Pdf;
use crate::support::process::spent_by_workers;
use crate::support::{Reply, Request, Server, ocr_service, scan};

fn inspect(server: &Server, query: &str, document: &[u8]) -> Inspection {
    let reply = post(server, &format!("/v1/inspect{query}"), document);
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

fn post(server: &Server, path: &str, document: &[u8]) -> Reply {
    server.send_with_key(Request::post(path, document))
}

#[test]
fn reports_for_each_page_of_a_pdf_how_it_would_be_read() {
    let server = Server::start(&[]);
    let scanned = scan::page(&["Scanned by hand"]);
    let (jpeg, (width, height)) = (scan::jpeg(&scanned), scanned.dimensions());
    let document = Pdf::default()
        .text_page(&["A text layer"])
        .scan_page(&jpeg, width, height)
        .scan_page_with_text(&jpeg, width, height, &["what a bad OCR once read"], 3)
        .text_page_with("/MediaBox[0 0 300000 300000]", &["vast"])
        .build();
    let inspection = inspect(&server, "", &document);
    assert_eq!(inspection.document.pages, 4);
    let layers: Vec<_> = inspection
        .pages
        .iter()
        .map(|page| page.text_layer)
        .collect();
    let (sound, none, unsound) = (TextLayer::Sound, TextLayer::None, TextLayer::Unsound);
    assert_eq!(layers, [Some(sound), Some(none), Some(unsound), None]);
    assert_eq!(inspection.text_share, 0.25);
    assert_eq!(inspection.estimate.ocr_pages, 2);
    assert!((1.0..5.0).contains(&inspection.estimate.worker_seconds));
    assert_eq!(inspection.pages[3].status, PageStatus::TooLarge);
    assert_eq!(inspection.warnings.len(), 1);

    // Reading uses the same methods and pixels.
    let answer = server.answer("", &document);
    for (seen, read) in inspection.pages.iter().zip(&answer.pages) {
        assert_eq!((seen.page, seen.method), (read.page, read.method));
        assert_eq!(
            (seen.width, seen.height, seen.dpi),
            (read.width, read.height, read.dpi)
        );
    }
    let pixels = inspect(&server, "?mode=ocr&pages=1", &document);
    assert_eq!(pixels.pages.len(), 1);
    assert_eq!(pixels.pages[0].method, Some(Method::Ocr));
}

#[test]
fn measures_images_by_their_headers_without_recognition() {
    let server = Server::start(&["--workers", "1"]);
    let dense = scan::dense_page();
    let turned = scan::with_orientation(&scan::jpeg(&dense), 6);
    let documents = [
        (
            scan::png_with_dpi(&dense, 300),
            (dense.width(), dense.height()),
            Some(300),
        ),
        (turned, (dense.height(), dense.width()), None),
        (
            scan::fax(&dense),
            (dense.width(), dense.height()),
            Some(204),
        ),
    ];
    let ((), spent) = spent_by_workers(
        || server.workers(),
        || {
            for (document, size, dpi) in &documents {
                let page = &inspect(&server, "", document).pages[0];
                assert_eq!((page.width, page.height), (Some(size.0), Some(size.1)));
                assert_eq!((page.dpi, page.method), (*dpi, Some(Method::Ocr)));
            }
        },
    );
    assert!(
        spent.values().sum::<u64>() < 300_000_000,
        "this page takes a second to recognize: {spent:?}"
    );
    let problem = post(&server, "/v1/inspect", b"%PDF-1.7 nothing").problem();
    assert_eq!(problem.kind, ProblemKind::Corrupt);
}

#[test]
fn accepts_either_scope() {
    let server = Server::start(&["--workers", "1"]);
    let output = ocr_service()
        .args([
            "key", "new", "--name", "codes", "--scopes", "codes", "--file",
        ])
        .arg(server.keys_file())
        .output()
        .unwrap();
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let document = Pdf::default().text_page(&["Text"]).build();
    let ask = |path: &str| {
        server
            .send(&Request::post(path, document.clone()).key(&key))
            .status
    };
    crate::support::process::wait_for("the key is in force", || ask("/v1/inspect") == 200);
    assert_eq!(ask("/v1/preview"), 200);
    assert_eq!(ask("/v1/ocr"), 403);
}

#[test]
fn previews_show_the_page_upright_and_in_colour() {
    let server = Server::start(&["--workers", "1"]);
    let document = Pdf::default()
        .text_page(&["One"])
        .text_page_with("/Rotate 90", &["Two", ") Tj 1 0 0 rg (red"])
        .build();
    let reply = post(&server, "/v1/preview?pages=2", &document);
    assert_eq!(reply.header("content-type"), Some("image/png"));
    let image = image::load_from_memory(&reply.body).unwrap().into_rgb8();
    assert_eq!((image.width(), image.height()), (1600, 1131));
    let red = image
        .pixels()
        .filter(|pixel| pixel.0[0] > 200 && pixel.0[1] < 50)
        .count();
    assert!(red > 50, "{red} red pixels");
    let page = scan::page(&["Fax"]);
    let reply = post(&server, "/v1/preview", &scan::fax(&page));
    let image = image::load_from_memory(&reply.body).unwrap();
    assert_eq!(image.height(), 1600);
    assert_eq!(
        post(&server, "/v1/preview?pages=3", &document)
            .problem()
            .kind,
        ProblemKind::Malformed
    );
}
