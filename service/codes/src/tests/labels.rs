//! Labels before numbers, beside them and above them.

use super::*;

#[test]
fn finds_numbers_across_lines_and_below_a_heading() {
    assert_eq!(
        found(Method::Text, &["to DE89 3704 0044", "0532 0130 00 by"]),
        ["iban DE89370400440532013000"]
    );
    assert_eq!(
        found(
            Method::Text,
            &[
                "Qty EAN Price",
                "1   4006381333931 3.20",
                "2   4006381333948 1.10"
            ]
        )
        .len(),
        2
    );
    let code = &find(
        &[page(Method::Text, &["IBAN: BE68 5390", "0754 7034"])],
        &Selection::default(),
    )[0];
    assert_eq!(code.raw, "BE68 5390 0754 7034");
    assert_eq!(code.bounds, [0, 0, 150, 60]);
}

#[test]
fn recognizes_misread_labels_which_head_only_their_column() {
    assert_eq!(ocr("lBAN DE88 3704 0044 0532 0130 00").len(), 1);
    assert_eq!(ocr("elSSN: 0317-8471"), ["issn 03178471"]);
    assert_eq!(ocr("USt-dNr.: DE136695976"), ["eu_vat DE136695976"]);
    assert_eq!(ocr("Rsf-dNr.: DE136695976"), [""; 0]);
    // With another letter, a label of four letters is another word.
    assert_eq!(ocr("Mean: 4006381333931"), [""; 0]);
    let beneath = |head: &str, line: &str| found(Method::Text, &[head, line]);
    assert_eq!(beneath("EAN", "4006381333931"), ["gtin 4006381333931"]);
    // The label has a number of its own, and the number has a word of its own.
    assert_eq!(beneath("EAN 73513537", "4006381333931").len(), 1);
    assert_eq!(beneath("Charge EAN", "Charge 4006381333931"), [""; 0]);
}

#[test]
fn a_heading_ends_at_the_next_one() {
    // A form with labels above the boxes. The first label heads only its own box.
    let form = [
        "VIN",
        "1M8GDM9AXKP042788",
        "EAN",
        "4006381333931",
        "SSCC",
        "340123451234567895",
        "Customer",
        "4006381333948",
    ];
    assert_eq!(
        found(Method::Text, &form),
        [
            "vin 1M8GDM9AXKP042788",
            "gtin 4006381333931",
            "sscc 340123451234567895"
        ]
    );
    // A sentence heads nothing.
    let sentence = [
        "IMEI and EAN are printed on the back",
        "Ref. 11",
        "490154203237518",
    ];
    assert_eq!(found(Method::Text, &sentence), [""; 0]);
    // The heading of a table continues over all values in its column.
    let table = ["EAN", "4006381333931", "4006381333948", "4006381333955"];
    assert_eq!(found(Method::Text, &table).len(), 3);
}

#[test]
fn a_word_in_another_cell_does_not_belong_to_the_number() {
    let gtins = |line: &str| found(Method::Ocr, &["Item     EAN", line]).len();
    assert_eq!(gtins("Filter   4006381333931"), 1);
    assert_eq!(gtins("Filter | 4006381333931"), 1);
    assert_eq!(gtins("Some Filter 4006381333931"), 0);
}

#[test]
fn finds_vat_numbers_by_their_national_labels() {
    let named = [
        "N° TVA intracommunautaire : FR 40 303 265 045",
        "TVA Intra. FR40303265045",
        "Umsatzsteuer-Identifikationsnummer: DE 136 695 976",
        "Umsatzsteuer-ID DE 136695976",
        "VAT Registration Number: DE 136 695 976",
        "N.I.F. ES B58378431",
        "P.IVA: IT 00743110157",
        "btw-identificatienummer NL 0044 95 445 B01",
        "BTW nº NL 004495445B01",
    ];
    for line in named {
        let codes = ocr(line);
        assert_eq!(codes.len(), 1, "{line}: {codes:?}");
        assert!(codes[0].starts_with("eu_vat"), "{line}: {codes:?}");
    }
}
