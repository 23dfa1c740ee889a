//! Text in fonts that state other characters than they draw is recognized instead.

use std::fmt::Write;

use ocr_api::answer::{Answer, Method};
use ocr_api::issue::IssueCode;

use crate::support::Server;
use crate::support::pdf::Pdf;

const LINES: [&str; 3] = [
    "Invoice 20417 of 13 June",
    "Garden furniture and tools",
    "Total amount 1234.50 EUR",
];

/// A page whose font draws these lines, but states the characters that `map` returns.
fn lying(font: &str, size: f64, lines: &[&str], map: impl Fn(char) -> char) -> Vec<u8> {
    with_fonts(&[(font, size, lines)], |_, c| map(c))
}

/// The same with several fonts, each with its own lines.
fn with_fonts(fonts: &[(&str, f64, &[&str])], map: impl Fn(usize, char) -> char) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let mut content = String::new();
    let mut names = String::new();
    let mut top = 740.0;
    for (at, (font, size, lines)) in fonts.iter().enumerate() {
        let mut cmap = String::from(
            "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def\n\
             1 begincodespacerange <00> <ff> endcodespacerange\n",
        );
        for code in 32u8..127 {
            let to = u32::from(map(at, char::from(code)));
            let _ = writeln!(cmap, "1 beginbfchar <{code:02x}> <{to:04x}> endbfchar");
        }
        cmap.push_str("endcmap end end");
        let cmap = pdf.add(format!(
            "<</Length {}>>stream\n{cmap}\nendstream",
            cmap.len()
        ));
        let number = pdf.add(format!(
            "<</Type/Font/Subtype/Type1/BaseFont/{font}/Encoding/WinAnsiEncoding/ToUnicode {cmap} 0 R>>"
        ));
        let _ = write!(names, "/F{at} {number} 0 R");
        for line in *lines {
            let _ = writeln!(content, "BT /F{at} {size} Tf 72 {top} Td ({line}) Tj ET");
            top -= size * 1.8;
        }
    }
    pdf.add_page(&format!("/Font<<{names}>>"), "", &content);
    pdf.build()
}

fn disagrees(answer: &Answer) -> bool {
    let mut issues = answer.issues.iter();
    issues.any(|issue| issue.code == IssueCode::LayerDisagrees)
}

fn next_digit(c: char) -> char {
    match c {
        '9' => '0',
        '0'..='8' => char::from(c as u8 + 1),
        other => other,
    }
}

fn next_letter(c: char) -> char {
    match c {
        'z' => 'a',
        'Z' => 'A',
        'a'..='y' | 'A'..='Y' => char::from(c as u8 + 1),
        other => other,
    }
}

#[test]
fn recognizes_pages_whose_font_states_other_characters() {
    let server = Server::start(&["--workers", "1"]);
    let shift = |c: char| {
        if c == ' ' {
            ' '
        } else {
            char::from((c as u8 - 33 + 47) % 94 + 33)
        }
    };
    let both = |c| next_digit(next_letter(c));
    let swapped = |c: char| match c {
        '1' => '7',
        '7' => '1',
        '2' => '5',
        '5' => '2',
        '0' => '8',
        '8' => '0',
        '3' => '6',
        '4' => '9',
        other => other,
    };
    let backwards = |c: char| match c {
        'a'..='z' => char::from(b'z' - (c as u8 - b'a')),
        'A'..='Z' => char::from(b'Z' - (c as u8 - b'A')),
        other => other,
    };
    let maps: [(&str, &dyn Fn(char) -> char); 6] = [
        ("digits", &next_digit),
        ("letters", &next_letter),
        ("all", &shift),
        ("letters and digits", &both),
        ("swapped digits", &swapped),
        ("letters backwards", &backwards),
    ];
    for (name, map) in maps {
        for (font, size) in [
            ("Helvetica", 14.0),
            ("Times-Roman", 11.0),
            ("Courier", 9.0),
            ("Helvetica-Bold", 24.0),
        ] {
            let document = lying(font, size, &LINES, map);
            let answer = server.answer("?codes=none", &document);
            let page = &answer.pages[0];
            assert_eq!(
                page.method,
                Some(Method::Ocr),
                "{name} {font}: {}",
                page.text
            );
            assert!(disagrees(&answer), "{name} {font}");
            for part in ["20417", "furniture", "1234.50"] {
                assert!(page.text.contains(part), "{name} {font}: {}", page.text);
            }
            let as_it_is = server.answer("?codes=none&mode=text", &document);
            assert!(
                !as_it_is.pages[0].text.contains("1234.50 EUR"),
                "{name} {font}"
            );
        }
    }
}

#[test]
fn recognizes_the_words_of_one_wrong_font_among_others() {
    let server = Server::start(&["--workers", "1"]);
    let fonts: [(&str, f64, &[&str]); 3] = [
        (
            "Times-Roman",
            12.0,
            &["Dear customer, we thank you for your order"],
        ),
        ("Helvetica", 12.0, &["Amount 1234.50 and 6789.20 due"]),
        ("Courier", 12.0, &["Reference ABCDE and so on"]),
    ];
    for liar in 0..3 {
        let map = |at: usize, c: char| {
            if at == liar {
                next_digit(next_letter(c))
            } else {
                c
            }
        };
        let answer = server.answer("?codes=none", &with_fonts(&fonts, map));
        let page = &answer.pages[0];
        assert!(disagrees(&answer), "{liar}: {}", page.text);
        assert_eq!(page.method, Some(Method::Mixed), "{liar}");
        let lines: Vec<&str> = fonts.iter().map(|font| font.2[0]).collect();
        assert_eq!(page.text, lines.join("\n") + "\n", "{liar}");
        // The words of the other fonts are those of the layer.
        let mut words = page.words.iter();
        for (at, line) in lines.iter().enumerate() {
            let of_line = words.by_ref().take(line.split(' ').count());
            let doubted = of_line.filter(|word| word.confidence < 100.0).count();
            assert_eq!(doubted > 0, at == liar, "{liar}: {line}");
        }
    }
}

#[test]
fn detects_a_few_wrong_words() {
    let server = Server::start(&["--workers", "1"]);
    for text in ["Hello", "Invoice 20417", "Page four of nine"] {
        let shift = |c: char| {
            if c == ' ' {
                ' '
            } else {
                char::from((c as u8 - 33 + 30) % 94 + 33)
            }
        };
        let answer = server.answer("?codes=none", &lying("Helvetica", 14.0, &[text], shift));
        let page = &answer.pages[0];
        assert_eq!(page.text.trim(), text);
        assert!(
            disagrees(&answer) || page.method == Some(Method::Ocr),
            "{text}"
        );
    }
}

#[test]
fn trusts_sound_fonts_of_any_kind() {
    let server = Server::start(&["--workers", "1"]);
    let lines: [&[&str]; 12] = [
        &LINES,
        &["ALL IN CAPITALS 0O 1Il 5S 8B 2Z"],
        &["$ % & # @ + = < >", "(a) [b] {c}"],
        &["....... ------- _______ ======="],
        &["a b c d e f g h i j k l m n o p q r s t u v w x y z"],
        &["0 1 2 3 4 5 6 7 8 9 10 11 12"],
        &["O0O0O0 l1l1l1 IlIlIl"],
        &["www.example.org/a?b=c&d=e#f", "info@example.org"],
        &["3.14159 2,718,281 1/2 10:45 +49-30-123456"],
        &["x", "Q7", "No. 5"],
        &["iiiii lllll mmmmm wwwww"],
        &["Ave. To VAT AWAY fiffifl"],
    ];
    for font in [
        "Helvetica",
        "Helvetica-Oblique",
        "Helvetica-BoldOblique",
        "Times-Roman",
        "Times-Italic",
        "Times-Bold",
        "Courier",
        "Courier-BoldOblique",
    ] {
        for lines in lines {
            for size in [6.0, 11.0, 30.0] {
                let answer = server.answer("?codes=none", &lying(font, size, lines, |c| c));
                let page = &answer.pages[0];
                assert_eq!(
                    page.method,
                    Some(Method::Text),
                    "{font} {size} {lines:?}: {}",
                    page.text
                );
                assert!(
                    answer.issues.is_empty(),
                    "{font} {size} {lines:?}: {:?}",
                    answer.warnings
                );
            }
        }
    }
    for font in ["Symbol", "ZapfDingbats"] {
        let answer = server.answer("?codes=none", &lying(font, 14.0, &LINES, |c| c));
        assert_eq!(answer.pages.len(), 1, "{font}");
    }
}

#[test]
fn trusts_fonts_whose_text_is_hard_to_recognize() {
    let server = Server::start(&["--workers", "1"]);
    for (name, before) in [
        ("letters apart", "6 Tc"),
        ("narrow", "40 Tz"),
        ("wide", "220 Tz"),
        ("outlined", "1 Tr"),
        ("pale", "0.85 g"),
        ("raised", "7 Ts"),
        ("slanting", "1 0 .4 1 72 400 Tm"),
        ("up the page", "0 1 -1 0 300 300 Tm"),
        ("mirrored", "-1 0 0 1 500 300 Tm"),
        ("tall", "1 0 0 3 72 400 Tm"),
    ] {
        let mut pdf = Pdf::default();
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let content = format!("BT /F 12 Tf 72 740 Td {before} (Invoice 20417 garden) Tj ET");
        pdf.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        let answer = server.answer("?codes=none", &pdf.build());
        assert!(!disagrees(&answer), "{name}: {}", answer.pages[0].text);
    }
}
