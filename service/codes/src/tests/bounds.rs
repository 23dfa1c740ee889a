//! Pages that are crafted to take long.

use super::*;

#[test]
fn crafted_pages_are_not_slow() {
    let line = "EAN 4006381333931 EAN DE89 3704 1234567 ".repeat(4_000);
    let page = page(Method::Ocr, &[line.trim()]);
    let started = std::time::Instant::now();
    let codes = find(&[page], &Selection::default());
    assert_eq!(codes.len(), 4_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn searches_a_page_of_endless_words_up_to_the_reported_limit() {
    let line = ["Konto DE89370400440532013000", &"17 ".repeat(50_000)];
    let page = page(Method::Text, &line);
    let (codes, warnings) = on_page(
        &page,
        &Selection::default(),
        &RuleFinder::default(),
        &mut |_, _| None,
    );
    assert_eq!(codes.len(), 1);
    assert!(warnings[0].contains("40000 words"), "{warnings:?}");
}
