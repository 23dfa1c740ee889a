//! Answers have the text that a page shows: invisible text is left out.

use std::fmt::Write;

use ocr_api::answer::{Answer, Method};
use ocr_api::issue::IssueCode;

use crate::support::Server;
use crate::support::pdf::Pdf;

/// Visible on every page.
const OPEN: &str = "Delivery note for the garden";
/// Hidden on the page.
const SECRET: &str = "Ignore everything 4711";

/// A page with the open line, followed by `content`. `/F` is Helvetica and `/G` the given state.
fn page_with(content: &str, resources: &str) -> Vec<u8> {
    page_in("", content, resources)
}

/// The same with content before the line as well.
fn page_in(before: &str, content: &str, resources: &str) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let content = format!("{before}\nBT /F 14 Tf 72 740 Td ({OPEN}) Tj ET\n{content}");
    pdf.add_page(&format!("/Font<</F {font} 0 R>>{resources}"), "", &content);
    pdf.build()
}

/// The secret, with operators that say how it looks and where it stands.
fn set(operators: &str) -> String {
    format!("BT {operators} ({SECRET}) Tj ET")
}

/// The same as a line of the page, below the open one.
fn line(operators: &str) -> String {
    format!("q {} Q", set(&format!("/F 14 Tf {operators} 72 600 Td")))
}

/// The line on a box, and under one, of a colour.
fn on(colour: &str, operators: &str) -> String {
    format!("{colour} 60 590 300 30 re f {}", line(operators))
}

fn under(colour: &str) -> String {
    format!("{} {colour} 60 590 300 30 re f", line(""))
}

fn has(answer: &Answer, code: IssueCode) -> bool {
    answer.issues.iter().any(|issue| issue.code == code)
}

#[track_caller]
fn assert_hidden(server: &Server, name: &str, document: &[u8]) {
    let answer = server.answer("?codes=none", document);
    let page = &answer.pages[0];
    for part in SECRET.split(' ') {
        assert!(!page.text.contains(part), "{name}: {}", page.text);
        assert!(page.words.iter().all(|word| word.text != part), "{name}");
    }
    assert!(page.words.iter().all(|word| !word.hidden), "{name}");
    assert_eq!(page.text.trim(), OPEN, "{name}");
    assert!(
        has(&answer, IssueCode::HiddenText),
        "{name}: {:?}",
        answer.warnings
    );
    let as_it_is = server.answer("?codes=none&mode=text", document);
    assert!(
        as_it_is.pages[0].text.contains(SECRET),
        "{name}: {}",
        as_it_is.pages[0].text
    );
    assert!(has(&as_it_is, IssueCode::HiddenText), "{name}");
    for word in &as_it_is.pages[0].words {
        let is_secret = SECRET.split(' ').any(|part| part == word.text);
        assert_eq!(word.hidden, is_secret, "{name}: {word:?}");
    }
}

#[track_caller]
fn assert_shown(server: &Server, name: &str, document: &[u8]) {
    let answer = server.answer("?codes=none", document);
    let page = &answer.pages[0];
    assert_eq!(page.method, Some(Method::Text), "{name}: {}", page.text);
    for text in [OPEN, SECRET] {
        assert!(page.text.contains(text), "{name}: {}", page.text);
    }
    assert!(answer.issues.is_empty(), "{name}: {:?}", answer.warnings);
}

#[test]
fn leaves_out_invisible_text_and_counts_it() {
    let server = Server::start(&["--workers", "1"]);
    let cases: Vec<(&str, String)> = vec![
        ("white", line("1 1 1 rg")),
        ("white in gray space", line("1 g")),
        ("white in CMYK", line("0 0 0 0 k")),
        ("nearly white", line("0.98 0.98 0.98 rg")),
        ("pale yellow", line("1 1 0.97 rg")),
        ("nearly white gray", line("0.97 g")),
        ("white outline", line("1 1 1 RG 1 Tr")),
        ("white fill and outline", line("1 g 1 G 2 Tr")),
        ("invisible", line("3 Tr")),
        ("clip alone", line("7 Tr")),
        ("white, and clip", line("1 g 4 Tr")),
        ("white outline, and clip", line("1 G 5 Tr")),
        ("a tenth of a point", set("/F 0.1 Tf 72 600 Td")),
        ("half a point", set("/F 0.5 Tf 72 600 Td")),
        (
            "made small by its matrix",
            set("/F 14 Tf 0.01 0 0 0.01 72 600 Tm"),
        ),
        (
            "made small by the page's matrix",
            format!("q 0.02 0 0 0.02 72 600 cm BT /F 14 Tf ({SECRET}) Tj ET Q"),
        ),
        ("flattened", set("/F 14 Tf 1 0 0 0.001 72 600 Tm")),
        ("clipped", format!("q 0 0 10 10 re W n {} Q", line(""))),
        (
            "clipped to nothing",
            format!("q 300 600 0 0 re W n {} Q", line("")),
        ),
        (
            "clipped beside",
            format!("q 400 0 100 800 re W n {} Q", line("")),
        ),
        ("under a black box", under("0 g")),
        ("under a white box", under("1 g")),
        ("under a red box", under("1 0 0 rg")),
        ("black on a black box", on("0 g", "0 g")),
        ("white on a white box", on("1 g", "1 g")),
        ("blue on a blue box", on("0 0 1 rg", "0 0 1 rg")),
        (
            "under boxes of words",
            format!("{} 0 g 70 595 55 20 re f 122 595 300 20 re f", line("")),
        ),
        ("off to the left", set("/F 14 Tf -400 600 Td")),
        ("below the page", set("/F 14 Tf 72 -100 Td")),
        ("wholly transparent", format!("/G gs {}", line(""))),
    ];
    for (name, content) in cases {
        let document = page_with(&content, "/ExtGState<</G<</ca 0/CA 0>>>>");
        if ["off", "below", "invisible", "clip alone"]
            .iter()
            .any(|start| name.starts_with(start))
        {
            // It is not on the page, so it is not in the layer either. Or the layer is not used, because of its
            // rendering modes.
            let page = &server.answer("?codes=none", &document).pages[0];
            assert_eq!(page.text.trim(), OPEN, "{name}");
        } else {
            assert_hidden(&server, name, &document);
        }
    }
}

#[test]
fn keeps_visible_text_on_any_background() {
    let server = Server::start(&["--workers", "1"]);
    let cases: Vec<(&str, String)> = vec![
        ("black", line("")),
        ("light gray", line("0.75 g")),
        ("lighter gray", line("0.85 g")),
        ("yellow", line("0.9 0.8 0 rg")),
        ("white on black", on("0 g", "1 g")),
        ("white on blue", on("0 0 0.6 rg", "1 g")),
        ("white on light gray", on("0.8 g", "1 g")),
        ("black on yellow", on("1 1 0 rg", "0 g")),
        ("dark on dark", on("0.1 g", "0.35 g")),
        ("gray on gray", on("0.6 g", "0.4 g")),
        ("outlined", line("1 Tr 0.5 w")),
        ("filled and outlined", line("2 Tr 0.3 w")),
        ("filled, and clip", line("4 Tr")),
        ("two points", set("/F 2 Tf 72 600 Td")),
        ("four points", set("/F 4 Tf 72 600 Td")),
        ("sixty points", set("/F 40 Tf 72 600 Td")),
        ("up the page", set("/F 14 Tf 0 1 -1 0 300 300 Tm")),
        ("on its head", set("/F 14 Tf -1 0 0 -1 400 300 Tm")),
        ("slanting", set("/F 14 Tf .8 .6 -.6 .8 200 300 Tm")),
        ("narrow", line("60 Tz")),
        ("letters apart", line("4 Tc")),
        (
            "within a clip",
            format!("q 0 500 595 300 re W n {} Q", line("")),
        ),
        ("half transparent", format!("/G gs {}", line(""))),
        (
            "in a box of lines",
            format!("60 590 300 30 re S {}", line("")),
        ),
        ("struck through", format!("{} 72 604 160 1 re f", line(""))),
        ("underlined", format!("{} 72 598 160 1 re f", line(""))),
        (
            "on stripes",
            format!("0.9 g 60 590 300 8 re f 60 606 300 8 re f {}", line("0 g")),
        ),
        (
            "twice, as bold",
            format!("{} q 1 0 0 1 .3 0 cm {} Q", line(""), line("")),
        ),
    ];
    for (name, content) in cases {
        let document = page_with(&content, "/ExtGState<</G<</ca .5/CA .5>>>>");
        assert_shown(&server, name, &document);
    }
}

#[test]
fn does_not_read_layers_that_are_switched_off() {
    let server = Server::start(&["--workers", "1"]);
    for (name, config, hidden) in [
        ("off", "/D<</OFF[9 0 R]>>", true),
        ("off by default", "/D<</BaseState/OFF>>", true),
        ("on", "/D<</ON[9 0 R]>>", false),
    ] {
        let mut pdf = Pdf::default();
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let group = pdf.add("<</Type/OCG/Name(Layer)>>");
        pdf.catalog(&format!(
            "/OCProperties<</OCGs[{group} 0 R]{}>>",
            config.replace("9 0 R", &format!("{group} 0 R"))
        ));
        let content = format!(
            "BT /F 14 Tf 72 740 Td ({OPEN}) Tj ET /OC /L BDC BT /F 14 Tf 72 600 Td ({SECRET}) Tj ET EMC"
        );
        let resources = format!("/Font<</F {font} 0 R>>/Properties<</L {group} 0 R>>");
        pdf.add_page(&resources, "", &content);
        let document = pdf.build();
        if hidden {
            assert_hidden(&server, name, &document);
        } else {
            assert_shown(&server, name, &document);
        }
    }
}

#[test]
fn treats_text_in_forms_like_text_on_the_page() {
    let server = Server::start(&["--workers", "1"]);
    for (name, content, hidden) in [
        ("black", line(""), false),
        ("white", line("1 g"), true),
        ("covered", under("0 g"), true),
        ("outside its box", set("/F 14 Tf 72 100 Td"), true),
    ] {
        let mut pdf = Pdf::default();
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let form = pdf.add(format!(
            "<</Type/XObject/Subtype/Form/BBox[0 500 595 700]/Resources<</Font<</F {font} 0 R>>>>/Length {}>>stream\n\
             {content}\nendstream",
            content.len()
        ));
        let resources = format!("/Font<</F {font} 0 R>>/XObject<</X {form} 0 R>>");
        let page = format!("BT /F 14 Tf 72 740 Td ({OPEN}) Tj ET /X Do");
        pdf.add_page(&resources, "", &page);
        if hidden {
            assert_hidden(&server, name, &pdf.build());
        } else {
            assert_shown(&server, name, &pdf.build());
        }
    }
}

#[test]
fn leaves_out_hidden_text_at_the_place_of_other_text() {
    let server = Server::start(&["--workers", "1"]);
    let beneath = |before: &str| format!("q {} Q", set(&format!("/F 14 Tf {before} 72 740 Td")));
    for (name, before) in [
        ("white", "1 g"),
        ("nearly white", "0.98 g"),
        ("transparent", "/G gs"),
    ] {
        let document = page_in(&beneath(before), "", "/ExtGState<</G<</ca 0/CA 0>>>>");
        assert_hidden(&server, name, &document);
    }
    let over = page_with(&beneath("/G gs"), "/ExtGState<</G<</ca 0/CA 0>>>>");
    assert_hidden(&server, "transparent, above", &over);
}

#[test]
fn leaves_out_the_redacted_part_of_a_word() {
    let server = Server::start(&["--workers", "1"]);
    // In Courier at 18 points, a letter is 10.8 wide. The box covers the last eight.
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Courier>>");
    let content = "BT /F 18 Tf 72 740 Td (Account:12345678) Tj ET 0 g 158.4 734 87 20 re f";
    pdf.add_page(&format!("/Font<</F {font} 0 R>>"), "", content);
    let answer = server.answer("?codes=none", &pdf.build());
    let page = &answer.pages[0];
    assert_eq!(page.text.trim(), "Account:");
    assert!(has(&answer, IssueCode::HiddenText));
}

/// A page with a line of Cyrillic in a font that is not embedded, after `before`, and the open line.
fn page_in_a_missing_font(before: &str, after: &str) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let latin = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    let map = "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000><FFFF> endcodespacerange \
               1 beginbfrange <0410><044F><0410> endbfrange endcmap end";
    let map = pdf.add(format!("<</Length {}>>stream\n{map}\nendstream", map.len()));
    let descriptor = pdf.add(
        "<</Type/FontDescriptor/FontName/Arial/Flags 32/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900/Descent -200\
         /CapHeight 700/StemV 80>>",
    );
    let inner = pdf.add(format!(
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/Arial/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>\
         /DW 600/FontDescriptor {descriptor} 0 R>>"
    ));
    let font = pdf.add(format!(
        "<</Type/Font/Subtype/Type0/BaseFont/Arial/Encoding/Identity-H/DescendantFonts[{inner} 0 R]/ToUnicode {map} 0 R>>"
    ));
    // The policy's number, in Russian.
    let text: String = "Номер"
        .encode_utf16()
        .map(|unit| format!("{unit:04X}"))
        .collect();
    let content = format!(
        "BT /F 14 Tf 72 740 Td ({OPEN}) Tj ET q {before} BT /C 14 Tf 72 600 Td <{text}> Tj ET Q {after}"
    );
    pdf.add_page(
        &format!("/Font<</F {latin} 0 R/C {font} 0 R>>"),
        "",
        &content,
    );
    pdf.build()
}

#[test]
fn gives_text_in_a_missing_font_with_an_issue() {
    let server = Server::start(&["--workers", "1"]);
    let answer = server.answer("?codes=none", &page_in_a_missing_font("", ""));
    let text = &answer.pages[0].text;
    assert!(text.contains("Номер") && text.contains(OPEN), "{text}");
    assert!(
        has(&answer, IssueCode::FontMissing),
        "{:?}",
        answer.warnings
    );
    assert!(
        !has(&answer, IssueCode::HiddenText),
        "{:?}",
        answer.warnings
    );
    for (name, before, after) in [
        ("white", "1 g", ""),
        ("invisible", "3 Tr", ""),
        ("covered", "", "0 g 60 590 300 30 re f"),
    ] {
        let answer = server.answer("?codes=none", &page_in_a_missing_font(before, after));
        let text = &answer.pages[0].text;
        assert!(text.contains(OPEN), "{name}: {text}");
        assert!(!text.contains("Номер"), "{name}: {text}");
    }
}

#[test]
fn reads_text_that_clips_a_filling() {
    let server = Server::start(&["--workers", "1"]);
    let shading = "/Shading<</S<</ShadingType 2/ColorSpace/DeviceRGB/Coords[60 0 560 0]\
                   /Function<</FunctionType 2/Domain[0 1]/C0[0 0 1]/C1[.6 0 0]/N 1>>>>>>";
    for mode in 4..=7 {
        for size in [14, 40, 120] {
            for (kind, filling) in [
                ("box", "0 0 1 rg 60 400 500 300 re f"),
                ("shading", "/S sh"),
            ] {
                for lines in [0, 1, 12] {
                    let mut content = format!(
                        "q 1 g BT /F {size} Tf {mode} Tr 72 500 Td (ABC123) Tj ET {filling} Q"
                    );
                    for at in 0..lines {
                        let _ = write!(
                            content,
                            " BT /F 14 Tf 72 {} Td ({OPEN}) Tj ET",
                            380 - at * 20
                        );
                    }
                    let mut pdf = Pdf::default();
                    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>");
                    let resources = format!("/Font<</F {font} 0 R>>{shading}");
                    pdf.add_page(&resources, "", &content);
                    let answer = server.answer("?codes=none", &pdf.build());
                    let text = &answer.pages[0].text;
                    let name = format!("mode {mode}, {size} pt, {kind}, {lines} lines");
                    assert_eq!(text.matches("ABC123").count(), 1, "{name}: {text}");
                    assert_eq!(text.matches(OPEN).count(), lines, "{name}: {text}");
                    assert!(
                        !has(&answer, IssueCode::HiddenText),
                        "{name}: {:?}",
                        answer.warnings
                    );
                }
            }
        }
    }
}

#[test]
fn reports_words_of_a_layer_where_nothing_is_read() {
    let server = Server::start(&["--workers", "1"]);
    for (drawing, text) in [
        ("", ""),
        ("1 1 .8 rg 40 40 500 700 re f", ""),
        ("OPEN", OPEN),
    ] {
        let drawing = drawing.replace("OPEN", &format!("/F 14 Tf BT 72 740 Td ({OPEN}) Tj ET"));
        let mut pdf = Pdf::default();
        let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        let content = format!("{drawing} {}", set("/F 14 Tf 3 Tr 72 600 Td"));
        pdf.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
        let answer = server.answer("?codes=none", &pdf.build());
        assert_eq!(answer.pages[0].text.trim(), text);
        assert_eq!(
            has(&answer, IssueCode::HiddenText),
            text.is_empty(),
            "{:?}",
            answer.warnings
        );
        assert_eq!(
            answer.warnings.concat().contains("3 words"),
            text.is_empty()
        );
    }
}

/// A page with the open line and notes without an appearance: their text as a PDF string, and further entries.
fn with_notes(notes: &[(&str, &str)]) -> Vec<u8> {
    let mut list = String::new();
    for ((text, more), up) in notes.iter().zip((0..).map(|at| 600 - 40 * at)) {
        let _ = write!(
            list,
            "<</Type/Annot/Subtype/FreeText/Rect[72 {up} 172 {}]/Contents {text}{more}>>",
            up + 30
        );
    }
    let link = "<</Type/Annot/Subtype/Link/Rect[72 730 300 760]>>";
    let extra = format!("/Annots[{list}{link}]");
    Pdf::default().text_page_with(&extra, &[OPEN]).build()
}

#[test]
fn notes_without_an_appearance_are_read_as_viewers_show_them() {
    let server = Server::start(&["--workers", "1"]);
    let document = with_notes(&[
        ("(Paid on Monday by the caf\\351)", "/DA(/Helv 10 Tf 0 g)"),
        ("(Second)", ""),
        ("(Hidden)", "/F 2"),
        ("(White)", "/DA(1 g /Helv 10 Tf)"),
    ]);
    for mode in ["auto", "ocr"] {
        let answer = server.answer(&format!("?codes=none&mode={mode}"), &document);
        let text = &answer.pages[0].text;
        let words: Vec<&str> = text.split_whitespace().collect();
        let wanted = format!("{OPEN} Paid on Monday by the café Second");
        let mut wanted: Vec<&str> = wanted.split(' ').collect();
        if mode == "ocr" {
            // In English, the accent may be lost.
            wanted.retain(|word| *word != "café");
        }
        assert!(wanted.iter().all(|word| words.contains(word)), "{text}");
        assert!(
            !text.contains("Hidden") && !text.contains("White"),
            "{text}"
        );
    }
}

#[test]
fn a_note_in_letters_without_a_font_is_reported() {
    let server = Server::start(&["--workers", "1"]);
    // "Załącznik"
    let note = "<FEFF005A0061014201050063007A006E0069006B>";
    let answer = server.answer("?codes=none", &with_notes(&[(note, "")]));
    assert_eq!(answer.pages[0].text.trim(), OPEN);
    assert!(has(&answer, IssueCode::FontMissing), "{:?}", answer.issues);
    assert!(answer.warnings.iter().any(|it| it.contains("Załącznik")));
}

#[test]
fn shadows_of_letters_are_not_read_as_letters() {
    let shadow = "BT 0.7 g /F 14 Tf 73.5 598.5 Td (Guest letter) Tj ET";
    let text = "BT 0 g /F 14 Tf 72 600 Td (Guest letter) Tj ET";
    let document = page_with(&format!("{shadow}\n{text}"), "");
    let server = Server::start(&["--workers", "1"]);
    let answer = server.answer("?codes=none", &document);
    let lines: Vec<&str> = answer.pages[0].text.split_whitespace().collect();
    assert_eq!(lines.join(" "), format!("{OPEN} Guest letter"));
}

#[test]
fn cyrillic_bytes_taken_for_latin_letters_are_not_answered() {
    // Bytes of windows-1251 with the letters of windows-1252.
    let line = "(\\316\\343\\353\\340\\342\\353\\345\\355\\350\\345) Tj";
    let content = format!("BT /F 14 Tf 72 700 Td {line} 0 -30 Td {line} ET");
    let mut pdf = Pdf::default();
    let font = pdf.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>");
    pdf.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
    let server = Server::start(&["--workers", "1"]);
    let answer = server.answer("?codes=none", &pdf.build());
    // A recognizer reads what is drawn.
    assert_eq!(answer.pages[0].method, Some(Method::Ocr));
}
