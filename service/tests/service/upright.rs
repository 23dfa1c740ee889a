//! Pages that are rotated, upside down, leaning or small: all are read, with boxes on the original page.

use image::imageops;
use ocr_api::answer::Page;

use crate::support::prose::{self, Layout, Wear};
use crate::support::{Server, pdf, scan};

const LINES: [&str; 2] = ["Delivery note 7731", "to be signed"];

/// Box of the page's first word with this text.
#[track_caller]
fn place(page: &Page, text: &str) -> [i32; 4] {
    let found = page.words.iter().find(|word| word.text == text);
    found.unwrap_or_else(|| panic!("{}", page.text)).bounds
}

#[test]
fn reads_rotated_pages_with_boxes_at_their_words() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let level = scan::page(&LINES);
    let (width, height) = level.dimensions();
    let upright = &server.answer("", &scan::png(&level)).pages[0];
    assert_eq!(upright.rotation, 0);
    let [left, top, right, bottom] = place(upright, "Delivery");
    let (w, h) = (width as i32, height as i32);
    let cases = [
        // Rotated to the right, which three more quarters undo.
        (
            imageops::rotate90(&level),
            270,
            [h - bottom, left, h - top, right],
        ),
        (
            imageops::rotate180(&level),
            180,
            [w - right, h - bottom, w - left, h - top],
        ),
        (
            imageops::rotate270(&level),
            90,
            [top, w - right, bottom, w - left],
        ),
    ];
    for (turned, rotation, wanted) in cases {
        let page = &server.answer("", &scan::png(&turned)).pages[0];
        assert_eq!(page.rotation, rotation);
        assert_eq!(
            page.text.replace("\n\n", "\n"),
            format!("{}\n{}\n", LINES[0], LINES[1])
        );
        assert_eq!(
            (page.width, page.height),
            (Some(turned.width()), Some(turned.height()))
        );
        let found = place(page, "Delivery");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(
                (found - wanted).abs() <= 6,
                "{rotation}: {found} and not {wanted}"
            );
        }
    }
}

#[test]
fn reads_a_full_rotated_page() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let prose = prose::page(Layout::Letter, 3);
    let scanner = Wear {
        degrees: 1.0,
        blur: 0.6,
        noise: 10,
        quality: 60,
        ..Wear::NONE
    };
    let turns = [
        (imageops::rotate90(&prose.image), 270),
        (imageops::rotate180(&prose.image), 180),
        (imageops::rotate270(&prose.image), 90),
    ];
    for (turned, rotation) in turns {
        let page = &server.answer("", &scanner.jpeg(&turned)).pages[0];
        assert_eq!(page.rotation, rotation);
        assert!(prose::recall(&prose.words, &page.text) > 0.98, "{rotation}");
    }
}

#[test]
fn reads_leaning_pages_with_boxes_at_their_words() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let prose = prose::page(Layout::Letter, 2);
    for degrees in [-6.0, 2.5, 9.0] {
        let leaning = Wear {
            degrees,
            ..Wear::NONE
        };
        let page = &server.answer("", &leaning.jpeg(&prose.image)).pages[0];
        assert_eq!(page.rotation, 0);
        assert!(prose::recall(&prose.words, &page.text) > 0.98, "{degrees}");
    }
    // First letter of the first line, rotated about the page's middle like the page.
    let page = scan::page(&LINES);
    let leaning = Wear {
        degrees: 8.0,
        ..Wear::NONE
    };
    let answer = server.answer("", &leaning.jpeg(&page));
    let [left, top, right, bottom] = place(&answer.pages[0], "Delivery");
    let scale = 2480.0 / pdf::WIDTH;
    let (cx, cy) = (2480.0 / 2.0, f64::from(page.height()) / 2.0);
    let (x, y) = (
        pdf::FIRST_LINE.0 * scale - cx,
        (pdf::HEIGHT - pdf::FIRST_LINE.1) * scale - cy,
    );
    let (sin, cos) = 8.0f64.to_radians().sin_cos();
    let (x, y) = (cx + x * cos - y * sin, cy + x * sin + y * cos);
    assert!(
        (f64::from(left)..f64::from(right)).contains(&(x + 12.0)),
        "{x} {left} {right}"
    );
    assert!(
        (f64::from(top)..f64::from(bottom)).contains(&(y - 12.0)),
        "{y} {top} {bottom}"
    );
    assert!(
        bottom - top < 120,
        "no larger than the word: {top} {bottom}"
    );
}

#[test]
fn reads_small_text_with_boxes_in_the_original_pixels() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let prose = prose::page(Layout::Letter, 3);
    let small = Wear {
        dpi: 72,
        ..Wear::NONE
    };
    let page = &server.answer("", &small.jpeg(&prose.image)).pages[0];
    assert!(
        prose::recall(&prose.words, &page.text) > 0.93,
        "{}",
        page.text
    );
    assert_eq!(page.width, Some(prose.image.width() * 72 / 300));
    // The margins are 70 points.
    let [left, top, ..] = page.words[0].bounds;
    assert!(
        (left - 70).abs() < 5 && (top - 72).abs() < 8,
        "{left} {top}"
    );
}

#[test]
fn ignores_implausible_resolutions() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let page = scan::page(&LINES);
    for dpi in [72, 96] {
        let page = &server.answer("", &scan::png_with_dpi(&page, dpi)).pages[0];
        assert_eq!(page.dpi, None);
        assert!(page.text.starts_with(LINES[0]));
    }
}

#[test]
fn reads_a_few_lines_that_are_upside_down() {
    let server = Server::start(&["--workers", "1"]);
    let lines = [
        "Harbour Office of Northwick",
        "Twelve crates of cable were",
        "delivered on the last Tuesday",
        "of November, by the north quay",
    ];
    let page = scan::page(&lines);
    let few = imageops::crop_imm(&page, 0, 0, page.width() / 2, page.height() / 4).to_image();
    let upright = &server.answer("", &scan::png(&few)).pages[0];
    let turned = imageops::rotate180(&few);
    let read = &server.answer("", &scan::png(&turned)).pages[0];
    assert_eq!((read.rotation, &read.text), (180, &upright.text));
    assert!(read.text.contains("delivered on the last Tuesday"));
}

#[test]
fn reads_a_page_in_shadow() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let even = prose::page(Layout::Letter, 3).image;
    let (width, height) = even.dimensions();
    let even_text = server.answer("", &scan::png(&even)).pages[0].text.clone();
    let shadows: [&dyn Fn(f32, f32) -> f32; 2] = [&|_, y| 0.35 + 0.6 * y, &|x, _| {
        1.0 - 0.6 / (1.0 + ((x - 0.5) * 40.0).exp())
    }];
    for light in shadows {
        let shadowed = image::GrayImage::from_fn(width, height, |x, y| {
            let light = light(x as f32 / width as f32, y as f32 / height as f32);
            image::Luma([(f32::from(even.get_pixel(x, y).0[0]) * light) as u8])
        });
        let read = &server.answer("", &scan::jpeg(&shadowed)).pages[0].text;
        let same = even_text
            .split_whitespace()
            .zip(read.split_whitespace())
            .filter(|(a, b)| a == b)
            .count();
        let words = even_text.split_whitespace().count();
        assert!(same * 100 >= words * 97, "{same} of {words}: {read}");
    }
}
