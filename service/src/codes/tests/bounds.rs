//! Pages that are made to take long.

use super::*;

#[test]
fn a_page_made_to_be_slow_is_not() {
    let line = "EAN 4006381333931 EAN DE89 3704 1234567 ".repeat(4_000);
    let page = page(Method::Ocr, &[line.trim()]);
    let started = std::time::Instant::now();
    let codes = find(&[page], &Selection::default());
    assert_eq!(codes.len(), 4_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_page_of_endless_words_is_searched_as_far_as_is_told() {
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
