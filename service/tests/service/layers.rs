//! Text layers that can't be believed, or do not say all.

use ocr_api::answer::Method;

use crate::support::Server;
use crate::support::pdf::Pdf;

#[test]
fn glyph_numbers_are_not_taken_for_characters() {
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
        // Whoever wants it gets it.
        let layer = server.answer("?mode=text", &document);
        assert_eq!(layer.pages[0].method, Some(Method::Text));
    }
}

#[test]
fn the_values_of_a_form_are_read_with_it() {
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
fn what_is_cropped_away_is_not_read() {
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
