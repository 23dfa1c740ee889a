//! Text layers that are wrong or incomplete.

use ocr_api::answer::Method;

use crate::support::pdf::Pdf;
use crate::support::{Request, Server};

#[test]
fn does_not_take_glyph_numbers_for_characters() {
    let server = Server::start(&["--workers", "1"]);
    let text = "Thegoodsarrivedingoodorderandwereputintothestoreofthehousebyourpeople";
    for document in [
        Pdf::default().glyph_page(text),
        Pdf::default().subset_page(text),
    ] {
        let document = document.build();
        assert_eq!(
            server.answer("", &document).pages[0].method,
            Some(Method::Ocr)
        );
        // Clients get the layer if they request it.
        let layer = server.answer("?mode=text", &document);
        assert_eq!(layer.pages[0].method, Some(Method::Text));
    }
}

#[test]
fn reads_the_values_of_a_form() {
    let server = Server::start(&["--workers", "1"]);
    for appearance in [true, false] {
        let form = Pdf::default().form_page(&["Name of the customer"], "Miller 4711", appearance);
        for mode in ["auto", "ocr"] {
            let page = &server.answer(&format!("?mode={mode}"), &form.build()).pages[0];
            assert!(page.text.contains("Name of the customer"), "{}", page.text);
            assert!(
                page.text.contains("Miller 4711"),
                "{mode} {appearance}: {}",
                page.text
            );
        }
    }
}

#[test]
fn does_not_read_cropped_text() {
    let server = Server::start(&["--workers", "1"]);
    let lines = ["Cut away", "cut as well", "", "This one stays"];
    let document = Pdf::default()
        .text_page_with("/CropBox[0 0 595 690]", &lines)
        .build();
    for mode in ["text", "ocr"] {
        let page = &server.answer(&format!("?mode={mode}"), &document).pages[0];
        assert_eq!(page.text.trim(), "This one stays", "{mode}");
        for word in &page.words {
            assert!(word.bounds[1] >= 0, "{mode} {:?}", word.bounds);
        }
    }
}

#[test]
fn removes_control_characters_of_a_text_layer() {
    let server = Server::start(&["--workers", "1"]);
    // The font declares `1` to `4` as a form feed, ESC, a C1 character and a sign that reverses the text behind it.
    let mut document = Pdf::default();
    let map = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n\
               1 begincodespacerange <00> <ff> endcodespacerange\n\
               2 beginbfrange <20> <30> <0020> <41> <7a> <0041> endbfrange\n\
               4 beginbfchar <31> <000c> <32> <001b> <33> <009b> <34> <202e> endbfchar\n\
               endcmap end end";
    let map = document.add(format!("<</Length {}>>stream\n{map}\nendstream", map.len()));
    let font = document.add(format!(
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode {map} 0 R>>"
    ));
    let lines =
        "The goods arrived in good order and were put into the store of the house by our people";
    let content = format!(
        "BT /F 9 Tf 72 740 Td 14 TL ({lines}) Tj T* (Terms1and2[Kconditions3apply4here) Tj ET"
    );
    document.add_page(&format!("/Font<</F {font} 0 R>>"), "", &content);
    let document = document.build();
    let page = &server.answer("?mode=text", &document).pages[0];
    let wanted = "Terms and [Kconditions applyhere";
    assert!(page.text.contains(wanted), "{:?}", page.text);
    assert!(page.words.iter().any(|word| word.text == "applyhere"));
    let request = Request::post("/v1/ocr?mode=text", document).header("Accept", "text/plain");
    let text = server.send_with_key(request).text();
    assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{text:?}"
    );
}
