//! Content of a page beside its text layer is recognized and inserted at its place.

use std::fmt::Write;

use ocr_api::answer::{Method, Page, PageStatus};
use ocr_api::inspection::Inspection;

use crate::support::pdf::{HEIGHT, Pdf, WIDTH};
use crate::support::{Request, Server, scan};

/// Text of the layer.
const OPEN: &str = "Delivery note for the garden";
/// Text of the picture.
const SCANNED: [&str; 2] = ["Scanned by hand", "on a Tuesday"];

struct Picture {
    jpeg: Vec<u8>,
    width: u32,
    height: u32,
}

impl Picture {
    fn of(image: &image::GrayImage) -> Self {
        Self {
            jpeg: scan::jpeg(image),
            width: image.width(),
            height: image.height(),
        }
    }

    fn as_it_is(&self) -> (&[u8], u32, u32) {
        (&self.jpeg, self.width, self.height)
    }
}

/// A scan with the lines in its upper part.
fn scanned() -> Picture {
    Picture::of(&scan::page(&SCANNED))
}

#[track_caller]
fn assert_all_read(server: &Server, name: &str, document: &[u8], wanted: &[&str]) -> Page {
    let answer = server.answer("?codes=none", document);
    let page = answer.pages.into_iter().next().unwrap();
    for text in wanted {
        assert!(
            page.text.contains(text),
            "{name} lacks {text}: {}",
            page.text
        );
    }
    assert_eq!(page.status, PageStatus::Ok, "{name}");
    page
}

fn wanted() -> [&'static str; 3] {
    [OPEN, SCANNED[0], SCANNED[1]]
}

#[test]
fn reads_pictures_that_hide_text_instead_of_the_text() {
    let server = Server::start(&["--workers", "1"]);
    let ten = ["The quick brown fox jumps over the lazy dog again"; 10];
    let cover = format!("q {WIDTH} 0 0 {HEIGHT} 0 0 cm /I Do Q");
    let document = Pdf::default()
        .drawn_page(&ten, &cover, scanned().as_it_is())
        .build();
    let page = assert_all_read(&server, "full", &document, &SCANNED);
    assert!(!page.text.contains("quick"), "{}", page.text);
    assert_eq!(page.method, Some(Method::Ocr));
}

#[test]
fn reads_a_scan_under_lines_of_text() {
    let server = Server::start(&["--workers", "1"]);
    let picture = Picture::of(&scan::page(&[
        "", "", "", "", "", "", "", "", "", "", "", "", "", SCANNED[0], SCANNED[1],
    ]));
    let (jpeg, width, height) = picture.as_it_is();
    for count in [1, 5, 10] {
        let lines = vec!["The quick brown fox jumps over the lazy dog"; count];
        let document = Pdf::default()
            .scan_page_with_text(jpeg, width, height, &lines, 0)
            .build();
        let name = format!("{count} lines");
        assert_all_read(
            &server,
            &name,
            &document,
            &["quick brown fox", SCANNED[0], SCANNED[1]],
        );
    }
}

#[test]
fn reads_pictures_of_any_size_in_place() {
    let server = Server::start(&["--workers", "1"]);
    let picture = scanned();
    for share in [0.12, 0.2, 0.3, 0.4, 0.48] {
        let side = f64::sqrt(share);
        let drawing = format!("q {} 0 0 {} 20 20 cm /I Do Q", WIDTH * side, HEIGHT * side);
        let document = Pdf::default()
            .drawn_page(&[OPEN], &drawing, picture.as_it_is())
            .build();
        let page = assert_all_read(&server, &format!("{share}"), &document, &wanted());
        assert_eq!(page.method, Some(Method::Mixed));
        let at = |text| page.text.find(text).unwrap();
        assert!(
            at(OPEN) < at("Scanned") && at("Scanned") < at("Tuesday"),
            "{}",
            page.text
        );
        // Boxes refer to the page, at the place of the picture.
        let word = page
            .words
            .iter()
            .find(|word| word.text == "Scanned")
            .unwrap();
        let scale = 300.0 / 72.0;
        let left = (20.0 + 72.0 * side) * scale;
        assert!(
            (f64::from(word.bounds[0]) - left).abs() < 15.0,
            "{share} {word:?}"
        );
        assert!(word.confidence < 100.0 && page.words[0].confidence >= 100.0);
    }
}

#[test]
fn reads_a_scan_in_strips_with_a_header() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&SCANNED);
    for count in [2, 4, 9, 30] {
        let mut pdf = Pdf::default();
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let mut content = String::new();
        let mut names = String::new();
        let rows = page.height() / count;
        for at in 0..count {
            let strip =
                image::imageops::crop_imm(&page, 0, at * rows, page.width(), rows).to_image();
            let number = pdf.add_image(&scan::jpeg(&strip), strip.width(), strip.height());
            let tall = HEIGHT / f64::from(count);
            let bottom = HEIGHT - tall * f64::from(at + 1);
            let _ = writeln!(content, "q {WIDTH} 0 0 {tall} 0 {bottom} cm /I{at} Do Q");
            let _ = write!(names, "/I{at} {number} 0 R");
        }
        let _ = write!(content, "BT /F 9 Tf 72 820 Td ({OPEN}) Tj ET");
        let resources = format!("/Font<</F {font} 0 R>>/XObject<<{names}>>");
        pdf.add_page(&resources, "", &content);
        assert_all_read(&server, &format!("{count} strips"), &pdf.build(), &wanted());
    }
}

#[test]
fn reads_a_scan_as_a_pattern_or_within_forms() {
    let server = Server::start(&["--workers", "1"]);
    let picture = scanned();
    let image = |pdf: &mut Pdf| pdf.add_image(&picture.jpeg, picture.width, picture.height);
    let draw = format!("q {WIDTH} 0 0 {HEIGHT} 0 0 cm /I Do Q");
    let mut documents = Vec::new();

    let mut pattern = Pdf::default();
    let number = image(&mut pattern);
    let tile = pattern.add(format!(
        "<</Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 {WIDTH} {HEIGHT}]/XStep {WIDTH}/YStep {HEIGHT}\
         /Resources<</XObject<</I {number} 0 R>>>>/Length {}>>stream\n{draw}\nendstream",
        draw.len()
    ));
    let font = pattern.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    pattern.add_page(
        &format!("/Font<</F {font} 0 R>>/Pattern<</P {tile} 0 R>>"),
        "",
        &format!(
            "/Pattern cs /P scn 0 0 {WIDTH} {HEIGHT} re f 0 g BT /F 9 Tf 72 820 Td ({OPEN}) Tj ET"
        ),
    );
    documents.push(("pattern", pattern));

    for depth in [1, 3] {
        let mut pdf = Pdf::default();
        let mut inner = ("I", image(&mut pdf));
        for _ in 0..depth {
            let content = if inner.0 == "I" {
                draw.as_str()
            } else {
                "/X Do"
            };
            let form = pdf.add(format!(
                "<</Type/XObject/Subtype/Form/BBox[0 0 {WIDTH} {HEIGHT}]/Resources<</XObject<</{} {} 0 R>>>>\
                 /Length {}>>stream\n{content}\nendstream",
                inner.0,
                inner.1,
                content.len()
            ));
            inner = ("X", form);
        }
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        pdf.add_page(
            &format!("/Font<</F {font} 0 R>>/XObject<</X {} 0 R>>", inner.1),
            "",
            &format!("/X Do BT /F 9 Tf 72 820 Td ({OPEN}) Tj ET"),
        );
        documents.push(("form", pdf));
    }
    for (name, pdf) in documents {
        assert_all_read(&server, name, &pdf.build(), &wanted());
    }
}

#[test]
fn decorations_of_a_text_page_are_not_recognized() {
    let server = Server::start(&["--workers", "1"]);
    let noise = image::GrayImage::from_fn(400, 400, |x, y| {
        let value =
            (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).wrapping_mul(x + 7)) >> 9;
        image::Luma([value as u8])
    });
    let smooth = image::GrayImage::from_fn(400, 400, |x, y| image::Luma([((x + y) / 4) as u8]));
    let (noise, smooth) = (Picture::of(&noise), Picture::of(&smooth));
    let picture = "q 300 0 0 300 100 200 cm /I Do Q";
    let mut bars = String::new();
    for at in 0..12 {
        let _ = write!(
            bars,
            "{} 300 20 {} re f ",
            80 + at * 35,
            40 + (at * 53) % 200
        );
    }
    let mut table = String::new();
    for at in 0..12 {
        let _ = write!(
            table,
            "72 {} 400 .7 re f {} 300 .7 240 re f ",
            300 + at * 20,
            72 + at * 33
        );
    }
    let cases = [
        ("noise", picture.to_owned(), &noise),
        ("a gradient", picture.to_owned(), &smooth),
        ("bars of a chart", bars, &smooth),
        ("the lines of a table", table, &smooth),
        ("a rule", "72 700 400 1 re f".to_owned(), &smooth),
        ("a frame", "2 w 40 40 515 760 re S".to_owned(), &smooth),
        (
            "a filled box",
            ".8 g 72 400 300 100 re f".to_owned(),
            &smooth,
        ),
        (
            "a curve",
            "100 300 m 200 500 300 100 400 400 c S".to_owned(),
            &smooth,
        ),
    ];
    for (name, drawing, image) in cases {
        let document = Pdf::default()
            .drawn_page(&[OPEN], &drawing, image.as_it_is())
            .build();
        let answer = server.answer("?codes=none", &document);
        let page = &answer.pages[0];
        assert_eq!(page.text.trim(), OPEN, "{name}");
        assert_eq!(page.method, Some(Method::Text), "{name}");
        assert!(answer.issues.is_empty(), "{name}: {:?}", answer.warnings);
    }
}

#[test]
fn text_drawn_as_outlines_is_read() {
    let server = Server::start(&["--workers", "1"]);
    // T, H and E of strokes, 14 points high.
    let letters = "2 w 80 300 m 80 320 l 72 320 m 88 320 l 96 300 m 96 320 l 110 300 m 110 320 l 96 310 m 110 310 l \
                   118 300 m 118 320 l 118 320 m 132 320 l 118 310 m 130 310 l 118 301 m 132 301 l S";
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let content = format!("BT /F 14 Tf 72 740 Td ({OPEN}) Tj ET {letters}");
    pdf.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
    assert_all_read(&server, "outlines", &pdf.build(), &[OPEN, "THE"]);
}

#[test]
fn inspection_reports_mixed_pages() {
    let server = Server::start(&["--workers", "1"]);
    let drawing = format!("q {} 0 0 {} 20 20 cm /I Do Q", WIDTH / 2.0, HEIGHT / 2.0);
    let document = Pdf::default()
        .drawn_page(&[OPEN], &drawing, scanned().as_it_is())
        .text_page(&[OPEN])
        .build();
    let reply = server.send_with_key(Request::post("/v1/inspect", document));
    let inspection: Inspection = serde_json::from_slice(&reply.body).unwrap();
    let methods: Vec<_> = inspection.pages.iter().map(|page| page.method).collect();
    assert_eq!(methods, [Some(Method::Mixed), Some(Method::Text)]);
}

#[test]
fn lays_recognized_words_over_a_mixed_page() {
    let server = Server::start(&["--workers", "1"]);
    let drawing = format!("q {} 0 0 {} 20 20 cm /I Do Q", WIDTH / 2.0, HEIGHT / 2.0);
    let document = Pdf::default()
        .drawn_page(&[OPEN], &drawing, scanned().as_it_is())
        .build();
    let request = Request::post("/v1/ocr", document).header("accept", "application/pdf");
    let searchable = server.send_with_key(request);
    assert_eq!(searchable.status, 200, "{searchable:?}");
    let layer = server.answer("?mode=text&codes=none", &searchable.body);
    let text = &layer.pages[0].text;
    assert_eq!(text.matches("garden").count(), 1, "{text}");
    assert!(
        text.contains("Scanned") && text.contains("Tuesday"),
        "{text}"
    );
}

#[test]
fn reads_scans_of_any_page_size() {
    let server = Server::start(&["--workers", "1"]);
    let picture = scanned();
    for (width, height, unit) in [
        (59.5, 84.2, ""),
        (59.5, 84.2, "/UserUnit 10"),
        (30.0, 42.0, ""),
        (200.0, 283.0, ""),
        (2976.0, 4210.0, ""),
        (10_175.0, 14_400.0, ""),
        (143.0, 202.4, "/UserUnit 100"),
    ] {
        let mut pdf = Pdf::default();
        let number = pdf.add_image(&picture.jpeg, picture.width, picture.height);
        let content = format!("q {width} 0 0 {height} 0 0 cm /I Do Q");
        let extra = format!("/MediaBox[0 0 {width} {height}]{unit}");
        pdf.add_page_of(&format!("/XObject<</I {number} 0 R>>"), &extra, &content);
        let name = format!("{width} × {height} {unit}");
        let page = assert_all_read(&server, &name, &pdf.build(), &SCANNED);
        let (wide, tall) = (page.width.unwrap(), page.height.unwrap());
        assert!(
            tall >= 800 && u64::from(wide) * u64::from(tall) <= 80_500_000,
            "{name}: {tall}"
        );
    }
}
