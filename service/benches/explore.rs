#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]
#[allow(dead_code, unused_imports)]
#[path = "../tests/service/support/mod.rs"]
mod support;
use support::{Server, prose::{self, Layout, Wear}, pdf::Pdf};
fn main() {
    let server = Server::start(&["--workers", "1"]);
    for (name, pdf) in [
        ("form ap", Pdf::default().form_page(&["Name:"], "Miller 4711", true)),
        ("form no ap", Pdf::default().form_page(&["Name:"], "Miller 4711", false)),
        ("glyph", Pdf::default().glyph_page("Purchase order from the supplier of the house 55120 and more words")),
        ("subset", Pdf::default().subset_page("Purchase order from the supplier of the house 55120 and more words")),
        ("rot180", Pdf::default().text_page_with("/Rotate 180", &["Upside down"])),
        ("rot270", Pdf::default().text_page_with("/Rotate 270", &["Upside down"])),
        ("unit", Pdf::default().text_page_with("/UserUnit 2", &["Upside down"])),
        ("crop", Pdf::default().text_page_with("/CropBox[0 0 595 700]", &["Cut away", "also", "and this stays", "a", "b", "c"])),
        ("crop rot", Pdf::default().text_page_with("/Rotate 90/CropBox[60 400 400 800]", &["Cropped line"])),
    ] {
        for mode in ["auto", "text", "ocr"] {
        let a = server.answer(&format!("?codes=none&mode={mode}"), &pdf.build());
        let p = &a.pages[0];
        println!("{name} {mode}: {:?} {:?} {:?} {:?} rot {} {:?} words {:?}", p.status, p.method, (p.width, p.height), p.dpi, p.rotation, p.text, p.words.iter().map(|w| (&w.text[..], w.bounds)).take(2).collect::<Vec<_>>());
        }
    }
}
