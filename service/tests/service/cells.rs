//! Forms with a cell for each letter: the content of boxes and combs is read as words with correct places.

use image::{GrayImage, Luma, imageops};

use crate::support::pdf::Pdf;
use crate::support::prose::skewed;
use crate::support::{Server, scan};

const IBAN: &str = "DE89370400440532013000";
const NAME: &str = "ERIKA MUSTER";
/// In points: 5 mm from cell to cell, 7 mm high.
const CELL: f64 = 14.17;
const HEIGHT: f64 = 19.84;
const LEFT: f64 = 72.0;
/// Lower ends of both rows.
const FEET: [f64; 2] = [600.0, 540.0];
const DOT: f64 = 300.0 / 72.0;

#[derive(Debug, Clone, Copy)]
enum Style {
    Boxes,
    Apart,
    Comb,
}

/// A4 at 300 dpi: an IBAN and a name, one letter per cell.
fn form(style: Style) -> GrayImage {
    let mut texts = vec![
        (
            LEFT,
            700.0,
            "Please fill in this form in capital letters".to_owned(),
        ),
        (LEFT, FEET[0] + HEIGHT + 8.0, "IBAN".to_owned()),
        (LEFT, FEET[1] + HEIGHT + 8.0, "Name".to_owned()),
    ];
    for (foot, text) in FEET.into_iter().zip([IBAN, NAME]) {
        texts.extend((0u8..).zip(text.chars()).map(|(at, letter)| {
            let x = LEFT + f64::from(at) * CELL + 3.0;
            (x, foot + 5.5, letter.to_string())
        }));
    }
    let mut page = scan::draw(
        &Pdf::default()
            .placed_page("Helvetica", 12.0, &texts)
            .build(),
    );
    let tall = page.height();
    let dots = |points: f64| (points * DOT) as u32;
    let mut line = |left: f64, foot: f64, right: f64, head: f64| {
        for x in dots(left)..=dots(right) + 2 {
            for y in tall - dots(head)..=tall - dots(foot) + 2 {
                page.put_pixel(x, y, Luma([40]));
            }
        }
    };
    for (foot, text) in FEET.into_iter().zip([IBAN, NAME]) {
        let head = foot + HEIGHT;
        let right = LEFT + text.len() as f64 * CELL;
        for at in 0..=text.len() {
            let x = LEFT + at as f64 * CELL;
            match style {
                Style::Boxes => line(x, foot, x, head),
                Style::Comb => line(x, foot, x, foot + HEIGHT * 0.4),
                Style::Apart if at < text.len() => {
                    let (left, right) = (x + 1.1, x + CELL - 1.1);
                    line(left, foot, left, head);
                    line(right, foot, right, head);
                    line(left, foot, right, foot);
                    line(left, head, right, head);
                }
                Style::Apart => {}
            }
        }
        if !matches!(style, Style::Apart) {
            line(LEFT, foot, right, foot);
        }
        if matches!(style, Style::Boxes) {
            line(LEFT, head, right, head);
        }
    }
    page
}

/// Place of the IBAN, in pixels.
fn place(page: &GrayImage) -> [i32; 4] {
    let tall = f64::from(page.height());
    let right = LEFT + IBAN.len() as f64 * CELL;
    [
        LEFT * DOT,
        tall - (FEET[0] + HEIGHT) * DOT,
        right * DOT,
        tall - FEET[0] * DOT,
    ]
    .map(|at| at as i32)
}

#[test]
fn reads_text_in_cells_with_correct_places() {
    let server = Server::start(&["--workers", "1"]);
    for style in [Style::Boxes, Style::Apart, Style::Comb] {
        let form = form(style);
        let place = place(&form);
        let turned = |[left, top, right, bottom]: [i32; 4]| {
            let (width, height) = (form.width() as i32, form.height() as i32);
            [width - right, height - bottom, width - left, height - top]
        };
        for (page, place, slack) in [
            (form.clone(), place, 0),
            (skewed(&form, 0.6), place, 20),
            (imageops::rotate180(&form), turned(place), 0),
        ] {
            let answer = server.answer("", &scan::png_with_dpi(&page, 300));
            let text = &answer.pages[0].text;
            assert!(text.contains("ERIKA MUSTER"), "{style:?}: {text}");
            let [code] = &answer.codes[..] else {
                panic!("{style:?}: {:?} in {text}", answer.codes);
            };
            assert_eq!((code.kind.as_str(), code.value.as_str()), ("iban", IBAN));
            assert!(code.check.as_ref().unwrap().ok);
            let [left, top, right, bottom] = code.bounds;
            assert!(
                left >= place[0] - slack
                    && top >= place[1] - slack
                    && right <= place[2] + slack
                    && bottom <= place[3] + slack,
                "{style:?}: {:?} is not within {place:?}",
                code.bounds
            );
            assert!(
                right - left > (place[2] - place[0]) * 9 / 10,
                "{style:?}: {:?} of {place:?}",
                code.bounds
            );
        }
    }
}
