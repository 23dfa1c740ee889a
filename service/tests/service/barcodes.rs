//! Barcodes drawn by the library's own writer, on pages from scanners and from programs.

use std::fmt::Write as _;

use image::{GrayImage, Luma, imageops};
use ocr_api::answer::{CodesAnswer, Method, PageStatus};
use ocr_api::code::{Code, Source};
use zxingcpp::BarcodeFormat;

use crate::support::pdf::Pdf;
use crate::support::{Request, Server, scan};

/// Symbology, its input, and its name and value in the answer.
const SYMBOLS: [(BarcodeFormat, &str, &str, &str); 12] = [
    (
        BarcodeFormat::QRCode,
        "https://example.org/x",
        "qr_code",
        "https://example.org/x",
    ),
    (
        BarcodeFormat::DataMatrix,
        "Grüße 12",
        "data_matrix",
        "Grüße 12",
    ),
    (
        BarcodeFormat::PDF417,
        "PDF-417 here",
        "pdf_417",
        "PDF-417 here",
    ),
    (
        BarcodeFormat::Aztec,
        "an Aztec code",
        "aztec",
        "an Aztec code",
    ),
    (
        BarcodeFormat::Code128,
        "RE-2026-0815",
        "code_128",
        "RE-2026-0815",
    ),
    (BarcodeFormat::Code39, "CODE-39", "code_39", "CODE-39"),
    (BarcodeFormat::Code93, "CODE 93", "code_93", "CODE 93"),
    (
        BarcodeFormat::EAN13,
        "4006381333931",
        "ean_13",
        "4006381333931",
    ),
    (BarcodeFormat::EAN8, "73513537", "ean_8", "73513537"),
    (BarcodeFormat::UPCA, "042100005264", "upc_a", "042100005264"),
    (
        BarcodeFormat::ITF,
        "14006381333938",
        "itf",
        "14006381333938",
    ),
    (BarcodeFormat::Codabar, "A123456B", "codabar", "A123456B"),
];

fn symbol(format: BarcodeFormat, text: &str, scale: i32) -> GrayImage {
    let options = zxingcpp::write().scale(scale).add_quiet_zones(true);
    let drawn = zxingcpp::create(format).from_str(text).unwrap();
    let drawn = drawn.to_image_with(&options).unwrap();
    let (width, height) = (drawn.width() as u32, drawn.height() as u32);
    GrayImage::from_vec(width, height, drawn.data()).unwrap()
}

fn paper() -> GrayImage {
    GrayImage::from_pixel(2480, 3508, Luma([255]))
}

/// All symbols on one page, each in a cell of 1200 × 550 pixels.
fn sheet(scale: i32) -> GrayImage {
    let mut page = paper();
    for (at, (format, text, ..)) in (0i64..).zip(SYMBOLS) {
        let symbol = symbol(format, text, scale);
        imageops::overlay(&mut page, &symbol, 60 + at % 2 * 1200, 60 + at / 2 * 550);
    }
    page
}

fn codes(server: &Server, query: &str, document: &[u8]) -> CodesAnswer {
    let reply = server.send_with_key(Request::post(&format!("/v1/codes{query}"), document));
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

fn values(codes: &[Code]) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = codes
        .iter()
        .map(|code| (code.format.clone().unwrap(), code.value.clone()))
        .collect();
    values.sort();
    values
}

fn all_symbols() -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = SYMBOLS
        .iter()
        .map(|(.., name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    all.sort();
    all
}

#[test]
fn reads_every_symbology_upright_rotated_slanted_and_small() {
    let server = Server::start(&["--workers", "1"]);
    let page = sheet(4);
    let answer = codes(&server, "?codes=barcode", &scan::png(&page));
    assert_eq!(values(&answer.codes), all_symbols());
    assert_eq!(answer.pages[0].method, Some(Method::Barcode));
    for code in &answer.codes {
        assert_eq!(
            (code.source, code.kind.as_str()),
            (Source::Barcode, "barcode")
        );
        let cell = SYMBOLS
            .iter()
            .position(|symbol| symbol.2 == code.format.as_deref().unwrap());
        let cell = i32::try_from(cell.unwrap()).unwrap();
        let [left, top, right, bottom] = code.bounds;
        let (x, y) = (60 + cell % 2 * 1200, 60 + cell / 2 * 550);
        assert!(
            left >= x && top >= y && right <= x + 1200 && bottom <= y + 550,
            "{code:?}"
        );
        assert!(right > left && bottom > top);
    }

    let turned = [
        imageops::rotate90(&page),
        imageops::rotate180(&page),
        sheet(2),
    ];
    for (number, page) in turned.iter().enumerate() {
        let answer = codes(&server, "?codes=barcode", &scan::png(page));
        assert_eq!(values(&answer.codes), all_symbols(), "{number}");
    }
    let answer = codes(&server, "?codes=barcode", &scan::jpeg(&slanted(&page)));
    assert_eq!(values(&answer.codes), all_symbols());
}

#[test]
fn reads_barcodes_light_on_dark() {
    let server = Server::start(&["--workers", "1"]);
    let mut page = paper();
    let cells = [
        (BarcodeFormat::QRCode, "https://example.org/x", "qr_code"),
        (BarcodeFormat::DataMatrix, "LOT 4711", "data_matrix"),
        (BarcodeFormat::Code128, "RE-2026-0815", "code_128"),
    ];
    let mut wanted = Vec::new();
    for (at, (format, text, name)) in (0i64..).zip(cells) {
        let mut symbol = symbol(format, text, 4);
        imageops::invert(&mut symbol);
        let (x, y) = (301 + at * 55, 203 + at * 900);
        imageops::overlay(&mut page, &GrayImage::new(1500, 600), x - 150, y - 100);
        imageops::overlay(&mut page, &symbol, x, y);
        wanted.push((name.to_owned(), text.to_owned()));
    }
    wanted.sort();
    let answer = codes(&server, "?codes=barcode", &scan::png(&page));
    assert_eq!(values(&answer.codes), wanted);
    let qr = answer
        .codes
        .iter()
        .find(|code| code.value.starts_with("https"));
    let [left, top, right, bottom] = qr.unwrap().bounds;
    assert!(left > 301 && top > 203 && right < 600 && bottom < 500);
    // A page that is completely dark.
    imageops::invert(&mut page);
    let answer = codes(&server, "?codes=barcode", &scan::png(&page));
    assert_eq!(values(&answer.codes), wanted);
    let mut dark = sheet(4);
    imageops::invert(&mut dark);
    let answer = codes(&server, "?codes=barcode", &scan::png(&dark));
    assert!(answer.codes.len() >= 8, "{:?}", values(&answer.codes));
}

/// Rotates the page by two degrees, like a sheet that was scanned askew.
fn slanted(page: &GrayImage) -> GrayImage {
    let (sin, cos) = 2f32.to_radians().sin_cos();
    let (middle_x, middle_y) = (page.width() as f32 / 2.0, page.height() as f32 / 2.0);
    GrayImage::from_fn(page.width(), page.height(), |x, y| {
        let (x, y) = (x as f32 - middle_x, y as f32 - middle_y);
        let (x, y) = (x * cos - y * sin + middle_x, x * sin + y * cos + middle_y);
        imageops::interpolate_bilinear(page, x, y).unwrap_or(Luma([255]))
    })
}

#[test]
fn compares_barcodes_with_the_text_of_the_page() {
    let server = Server::start(&["--workers", "1"]);
    let lines = [
        "Article EAN 4006381333931",
        "IBAN DE89 3704 0044 0532 0130 00",
    ];
    let epc = "BCD\n002\n1\nSCT\n\nName\nDE89370400440532013000\nEUR12.30";
    let qr = symbol(BarcodeFormat::QRCode, epc, 4);
    let picture = format!("q 150 0 0 150 72 300 cm /I Do Q\n{}", bars("4006381333931"));
    let document = Pdf::default()
        .drawn_page(
            &lines,
            &picture,
            (&scan::jpeg(&qr), qr.width(), qr.height()),
        )
        .build();
    let answer = server.answer("", &document);
    assert_eq!(answer.pages[0].method, Some(Method::Text));
    let found: Vec<(&str, &str, Source)> = answer
        .codes
        .iter()
        .map(|code| (code.kind.as_str(), code.value.as_str(), code.source))
        .collect();
    let (gtin, iban) = ("4006381333931", "DE89370400440532013000");
    for wanted in [
        ("gtin", gtin, Source::Text),
        ("gtin", gtin, Source::Barcode),
        ("iban", iban, Source::Text),
        ("iban", iban, Source::Barcode),
        ("amount", "12.30 EUR", Source::Barcode),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
    for code in answer.codes.iter().filter(|code| code.kind != "amount") {
        assert_eq!(code.agreement, [Source::Barcode, Source::Text], "{code:?}");
    }
    // At 300 dpi, the QR code is 72 points from the left and 392 from the top.
    let qr = answer
        .codes
        .iter()
        .find(|code| code.format.as_deref() == Some("qr_code"));
    let [left, top, right, bottom] = qr.unwrap().bounds;
    assert!(
        left >= 300 && top >= 1630 && right <= 930 && bottom <= 2260,
        "{qr:?}"
    );
}

/// An EAN-13 as programs draw it: one filled rectangle per bar.
fn bars(number: &str) -> String {
    let image = symbol(BarcodeFormat::EAN13, number, 1);
    let row = image.height() / 3;
    let mut content = String::new();
    for x in (0..image.width()).filter(|x| image.get_pixel(*x, row).0[0] < 128) {
        let _ = writeln!(content, "{} 120 1.01 60 re f", 300 + x);
    }
    content
}

#[test]
fn reports_texts_that_differ_from_a_barcode() {
    let server = Server::start(&["--workers", "1"]);
    let document = Pdf::default()
        .drawn_page(
            &["EAN 4006381333924"],
            &bars("4006381333931"),
            (&scan::jpeg(&paper()), 2480, 3508),
        )
        .build();
    let answer = server.answer("?codes=gtin", &document);
    assert_eq!(answer.codes.len(), 2);
    let warning = answer
        .warnings
        .iter()
        .find(|warning| warning.contains("4006381333924"));
    assert!(
        warning.unwrap().contains("4006381333931"),
        "{:?}",
        answer.warnings
    );
}

#[test]
fn v1_codes_recognizes_a_page_only_if_its_barcodes_are_not_enough() {
    let server = Server::start(&["--workers", "1"]);
    let mut page = scan::page(&["IBAN DE89 3704 0044 0532 0130 00"]);
    let ean = symbol(BarcodeFormat::EAN13, "4006381333931", 4);
    imageops::overlay(&mut page, &ean, 300, 2000);
    let page = scan::png(&page);
    let kinds = |answer: &CodesAnswer| -> Vec<String> {
        answer.codes.iter().map(|code| code.kind.clone()).collect()
    };
    let answer = codes(&server, "?codes=gtin", &page);
    assert_eq!(
        (answer.pages[0].method, kinds(&answer)),
        (Some(Method::Barcode), vec!["gtin".to_owned()])
    );
    for query in [
        "?codes=gtin,iban",
        "?codes=iban",
        "",
        "?codes=gtin&mode=ocr",
    ] {
        let answer = codes(&server, query, &page);
        assert_eq!(answer.pages[0].method, Some(Method::Ocr), "{query}");
        assert_eq!(
            kinds(&answer).contains(&"iban".to_owned()),
            !query.contains("mode"),
            "{query}"
        );
    }
    assert_eq!(
        server.answer("?codes=gtin", &page).pages[0].method,
        Some(Method::Ocr)
    );
    let blank = codes(&server, "?codes=barcode", &scan::png(&paper()));
    assert_eq!(
        (blank.pages[0].status, blank.codes.len()),
        (PageStatus::Empty, 0)
    );
}

#[test]
fn reports_binary_content_as_hex_digits() {
    let server = Server::start(&["--workers", "1"]);
    let mut page = paper();
    let drawn = zxingcpp::create(BarcodeFormat::QRCode)
        .from_slice([0u8, 0xff, 0xfe, 1, 2, 3])
        .unwrap();
    let drawn = drawn
        .to_image_with(&zxingcpp::write().scale(6).add_quiet_zones(true))
        .unwrap();
    let drawn =
        GrayImage::from_vec(drawn.width() as u32, drawn.height() as u32, drawn.data()).unwrap();
    imageops::overlay(&mut page, &drawn, 300, 300);
    let answer = codes(&server, "?codes=barcode", &scan::png(&page));
    assert_eq!(answer.codes[0].value, "0x00fffe010203");
}

#[test]
fn reads_element_strings_of_gs1_barcodes() {
    let server = Server::start(&["--workers", "1"]);
    let mut page = paper();
    let creator = zxingcpp::create(BarcodeFormat::DataMatrix).options("gs1");
    let drawn = creator
        .from_str("[01]04006381333931[17]261231[10]AB-1")
        .unwrap();
    let drawn = drawn
        .to_image_with(&zxingcpp::write().scale(6).add_quiet_zones(true))
        .unwrap();
    let drawn =
        GrayImage::from_vec(drawn.width() as u32, drawn.height() as u32, drawn.data()).unwrap();
    imageops::overlay(&mut page, &drawn, 300, 300);
    let answer = codes(&server, "?codes=gtin,date,batch", &scan::png(&page));
    let found: Vec<(&str, &str)> = answer
        .codes
        .iter()
        .map(|code| (code.kind.as_str(), code.value.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("gtin", "4006381333931"),
            ("date", "2026-12-31"),
            ("batch", "AB-1")
        ]
    );
    assert_eq!(answer.pages[0].method, Some(Method::Barcode));
}

#[test]
fn answers_a_huge_page_of_noise() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "60s"]);
    let mut state = 88_172_645_463_325_252u64;
    let noise = GrayImage::from_fn(8000, 8000, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Luma([(state >> 11) as u8])
    });
    let answer = codes(&server, "?codes=barcode", &scan::jpeg(&noise));
    assert!(answer.complete && answer.codes.is_empty(), "{answer:?}");
}
