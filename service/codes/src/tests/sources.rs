//! Sources that agree or differ.

use super::*;

#[test]
fn names_sources_that_agree() {
    let line = ["IBAN BE68 5390 0754 7034"];
    let codes = find(
        &[page(Method::Text, &line), page(Method::Ocr, &line)],
        &Selection::default(),
    );
    assert_eq!(codes[0].agreement, [Source::Text, Source::Ocr]);
}

/// Codes of a page with a barcode above a line of text at its top.
fn with_barcode(format: &'static str, content: &str, lines: &[&str]) -> Vec<Code> {
    let barcode = Barcode {
        format,
        content: Content::Text(content.to_owned()),
        gs1: false,
        bounds: [0, -50, 200, -5],
    };
    let rules = RuleFinder::default();
    let mut codes = on_page(
        &page(Method::Ocr, lines),
        &Selection::default(),
        &rules,
        &mut |_, _| None,
    )
    .0;
    codes.extend(in_barcodes(&[barcode], 1, &Selection::default(), &rules));
    agree(&mut codes);
    codes
}

#[test]
fn compares_a_barcode_with_the_text() {
    let codes = with_barcode("ean_13", "0042100005264", &["0 42100 00526 4"]);
    assert_eq!(codes.len(), 2);
    assert!(
        codes
            .iter()
            .all(|code| code.agreement == [Source::Barcode, Source::Ocr])
    );
    assert_eq!(differences(&codes), [""; 0]);

    let codes = with_barcode("ean_13", "9783161484100", &["ISBN 3-16-148410-X"]);
    assert!(
        codes.iter().all(|code| code.agreement.len() == 2),
        "{codes:?}"
    );

    let codes = with_barcode("ean_13", "4006381333931", &["EAN 4006381333937"]);
    let sentences = differences(&codes);
    assert_eq!(sentences.len(), 1);
    assert!(sentences[0].contains("4006381333931") && sentences[0].contains("4006381333937"));
    // Another article is not a difference.
    let codes = with_barcode("ean_13", "4006381333931", &["EAN 9002490100070"]);
    assert_eq!(differences(&codes), [""; 0]);
}
