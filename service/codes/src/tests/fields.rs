//! Fields that are known only by their labels.

use super::*;

/// The fields in the lines, as `type value [label]`.
fn fields(lines: &[&str]) -> Vec<String> {
    find(&[page(Method::Text, lines)], &Selection::default())
        .into_iter()
        .filter_map(|code| Some(format!("{} {} [{}]", code.kind, code.value, code.label?)))
        .collect()
}

#[test]
fn finds_numbers_dates_and_amounts_by_their_labels() {
    for (line, wanted) in [
        (
            "Invoice No.: INV-2026/0815",
            "invoice_number INV-2026/0815 [Invoice No]",
        ),
        ("Invoice # 20417", "invoice_number 20417 [Invoice]"),
        (
            "Rechnungsnr. RE 2026-0815",
            "invoice_number RE2026-0815 [Rechnungsnr]",
        ),
        ("Facture N° F-1234", "invoice_number F-1234 [Facture N]"),
        (
            "Numero fattura: 12/2026",
            "invoice_number 12/2026 [Numero fattura]",
        ),
        (
            "PO Number: 4500012345",
            "order_number 4500012345 [PO Number]",
        ),
        (
            "Ihre Bestellnummer lautet 88-12",
            "order_number 88-12 [Bestellnummer]",
        ),
        ("Order 4711-A", "order_number 4711-A [Order]"),
        ("Date: 2026-01-31", "date 2026-01-31 [Date]"),
        (
            "Rechnungsdatum: 31.1.2026",
            "date 2026-01-31 [Rechnungsdatum]",
        ),
        (
            "Invoice date January 31, 2026",
            "date 2026-01-31 [Invoice date]",
        ),
        (
            "Invoice date 31January 2026",
            "date 2026-01-31 [Invoice date]",
        ),
        ("Datum: 31. Januar 2026", "date 2026-01-31 [Datum]"),
        ("Fecha: 3 de marzo de 2026", "date 2026-03-03 [Fecha]"),
        ("Due Date: 31 Jan 2026", "date 2026-01-31 [Due Date]"),
        ("Date: 01/31/2026", "date 2026-01-31 [Date]"),
        ("Factuurdatum 03-04-2026", "date 2026-04-03 [Factuurdatum]"),
        (
            "Due date: Monday, 16 March 2026",
            "date 2026-03-16 [Due date]",
        ),
        ("Belegdatum: 20260316", "date 2026-03-16 [Belegdatum]"),
        ("Total: $1,234.50", "amount 1234.50 USD [Total]"),
        (
            "Gesamtbetrag 1.234,50 €",
            "amount 1234.50 EUR [Gesamtbetrag]",
        ),
        ("Amount due (EUR): 99.00", "amount 99.00 EUR [Amount due]"),
        (
            "Rechnungsbetrag inkl. 19 % MwSt. EUR 119,00",
            "amount 119.00 EUR [Rechnungsbetrag]",
        ),
        ("Total TTC : 1 234,50 EUR", "amount 1234.50 EUR [Total TTC]"),
        ("Zahlbetrag CHF 1'234.50", "amount 1234.50 CHF [Zahlbetrag]"),
        ("Grand total 500 GBP", "amount 500.00 GBP [Grand total]"),
    ] {
        assert_eq!(fields(&[line]), [wanted], "{line}");
    }
}

#[test]
fn a_label_without_a_value_is_no_field() {
    for line in [
        "Invoice date",
        "our invoice of 30 days",
        "Order form 2026",
        "Invoice 2026",
        "Total 12",
        "Total VAT: 19.00",
        "Subtotal: 12.00 EUR",
        "Sub-total: 12.00 EUR",
        "Total 19 %",
        "Date: 31.02.2026",
        "Date: 12.2026.1",
        "up to date 2026-01-31",
        "Invoice no. of pages: see 1",
        "Total 1.23.45 EUR",
        "Total 1852993 EUR",
        "Date: 20261301",
    ] {
        assert_eq!(fields(&[line]), [""; 0], "{line}");
    }
}

#[test]
fn finds_fields_below_their_heading_but_not_in_tables() {
    assert_eq!(
        fields(&["Invoice No     Date", "20417          2026-01-31"]),
        [
            "invoice_number 20417 [Invoice No]",
            "date 2026-01-31 [Date]"
        ]
    );
    let table = [
        "Date         Amount",
        "2026-01-31   12.00 EUR",
        "2026-02-01   13.00 EUR",
    ];
    assert_eq!(fields(&table), [""; 0]);
}

#[test]
fn reports_ambiguous_dates_without_guessing() {
    let read = |lines: &[&str]| {
        on_page(
            &page(Method::Text, lines),
            &Selection::default(),
            &RuleFinder::default(),
            &mut |_, _| None,
        )
    };
    let (codes, warnings) = read(&["Date: 03/04/2026"]);
    assert!(
        codes.is_empty() && warnings[0].contains("03/04/2026"),
        "{warnings:?}"
    );
    // Another date on the page shows the order of day and month.
    let (codes, warnings) = read(&["Date: 03/04/2026", "Due Date: 25/04/2026"]);
    assert_eq!((codes[0].value.as_str(), warnings.len()), ("2026-04-03", 0));
    let (codes, _) = read(&["Datum: 03/04/2026"]);
    assert_eq!(codes[0].value, "2026-04-03");
    let (codes, _) = read(&["Date: 04/04/2026"]);
    assert_eq!(codes[0].value, "2026-04-04");
}

#[test]
fn reads_a_field_below_its_heading_from_its_first_word() {
    let mut page = page(Method::Text, &["Due date", "2 March 2026"]);
    // A capital begins a pixel above a digit.
    page.words[3].bounds[1] -= 1;
    let codes = find(&[page], &Selection::default());
    assert_eq!(codes[0].value, "2026-03-02");
}

#[test]
fn tolerates_one_misread_character_in_long_labels() {
    let lines = [
        "Bestelinummer: B6613186",
        "Invcice Number: 20417",
        "Border No 88",
        "our order 4711",
    ];
    let of = |method| {
        let codes = find(&[page(method, &lines)], &Selection::default());
        let labels = codes.into_iter().filter_map(|code| code.label);
        labels.collect::<Vec<String>>()
    };
    assert_eq!(of(Method::Ocr), ["Bestelinummer", "Invcice Number"]);
    assert_eq!(of(Method::Text), [""; 0]);
}
