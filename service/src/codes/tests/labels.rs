//! Labels beside numbers, before them and over them.

use super::*;

#[test]
fn across_lines_and_under_a_heading() {
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
fn labels_are_known_when_they_are_misread_and_head_only_their_column() {
    assert_eq!(ocr("lBAN DE88 3704 0044 0532 0130 00").len(), 1);
    assert_eq!(ocr("elSSN: 0317-8471"), ["issn 03178471"]);
    assert_eq!(ocr("USt-dNr.: DE136695976"), ["eu_vat DE136695976"]);
    assert_eq!(ocr("Rsf-dNr.: DE136695976"), [""; 0]);
    // Of four letters, another one makes another word.
    assert_eq!(ocr("Mean: 4006381333931"), [""; 0]);
    let beneath = |head: &str, line: &str| found(Method::Text, &[head, line]);
    assert_eq!(beneath("EAN", "4006381333931"), ["gtin 4006381333931"]);
    // The label has its own number, and the number its own word.
    assert_eq!(beneath("EAN 73513537", "4006381333931").len(), 1);
    assert_eq!(beneath("Charge EAN", "Charge 4006381333931"), [""; 0]);
}

#[test]
fn a_heading_ends_where_another_begins() {
    // A form with its labels above: the first of them heads nothing but its own box.
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
    // The heading of a table goes on over what is in its column.
    let table = ["EAN", "4006381333931", "4006381333948", "4006381333955"];
    assert_eq!(found(Method::Text, &table).len(), 3);
}

#[test]
fn the_word_of_the_cell_beside_is_not_a_numbers_own() {
    let gtins = |line: &str| found(Method::Ocr, &["Item     EAN", line]).len();
    assert_eq!(gtins("Filter   4006381333931"), 1);
    assert_eq!(gtins("Filter | 4006381333931"), 1);
    assert_eq!(gtins("Some Filter 4006381333931"), 0);
}

#[test]
fn a_vat_number_by_the_names_that_it_has_where_it_is_from() {
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
