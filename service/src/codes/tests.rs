//! Pages as data: lines in, codes out.

use ocr_api::answer::{Method, Page, PageStatus, Word};
use ocr_api::code::Recognizer;

use super::*;

/// A page with a line of words for each line: boxes of ten pixels a character, lines 40 apart.
fn page(method: Method, lines: &[&str]) -> Page {
    let mut words = Vec::new();
    for (row, line) in (0i32..).zip(lines) {
        let mut x = 0;
        for text in line.split(' ') {
            let width = 10 * i32::try_from(text.chars().count()).unwrap();
            words.push(Word {
                text: text.into(),
                confidence: 90.0,
                bounds: [x, row * 40, x + width, row * 40 + 20],
            });
            x += width + 10;
        }
    }
    words.retain(|word| !word.text.is_empty());
    Page {
        page: 1,
        status: PageStatus::Ok,
        method: Some(method),
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: lines.iter().map(|line| format!("{line}\n")).collect(),
        words,
        ms: 0,
    }
}

/// The codes of a document.
fn find(pages: &[Page], wanted: &Selection) -> Vec<Code> {
    let mut codes: Vec<Code> = pages
        .iter()
        .flat_map(|page| on_page(page, wanted, &RuleFinder::default(), &mut |_| None).0)
        .collect();
    agree(&mut codes);
    codes
}

/// What is found in the lines, as `type value`; `!` marks a check that fails, `~` a repair.
fn found(method: Method, lines: &[&str]) -> Vec<String> {
    find(&[page(method, lines)], &Selection::default())
        .into_iter()
        .map(|code| {
            let ok = code.check.is_some_and(|check| check.ok);
            let marks = [(!ok, "!"), (code.repaired, "~")];
            let marks: String = marks
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, mark)| *mark)
                .collect();
            format!("{} {}{marks}", code.kind, code.value)
        })
        .collect()
}

fn text(line: &str) -> Vec<String> {
    found(Method::Text, &[line])
}

fn ocr(line: &str) -> Vec<String> {
    found(Method::Ocr, &[line])
}

#[test]
fn examples_of_the_standards_as_they_are_printed() {
    for (line, wanted) in [
        (
            "IBAN: DE89 3704 0044 0532 0130 00",
            "iban DE89370400440532013000",
        ),
        (
            "pay to GB82WEST12345698765432.",
            "iban GB82WEST12345698765432",
        ),
        ("BE68 5390 0754 7034", "iban BE68539007547034"),
        ("LEI 5493001KJTIIGC8Y1R12", "lei 5493001KJTIIGC8Y1R12"),
        ("VIN:1M8GDM9AXKP042788", "vin 1M8GDM9AXKP042788"),
        ("a car, 11111111111111111", ""),
        ("ISBN 978-3-16-148410-0", "isbn 9783161484100"),
        ("ISBN 0-8044-2957-X", "isbn 080442957X"),
        ("ISSN 0317-8471", "issn 03178471"),
        ("see 2434-561X for it", "issn 2434561X"),
        ("ISIN: US0378331005", "isin US0378331005"),
        ("(00) 3 4012345 1234567895", "sscc 340123451234567895"),
        ("SSCC 106141412345678908", "sscc 106141412345678908"),
        ("IMEI: 49-015420-323751-8", "imei 490154203237518"),
        ("EAN 73513537", "gtin 73513537"),
        ("4 006381 333931", "gtin 4006381333931"),
        ("USt-IdNr.: DE136695976", "eu_vat DE136695976"),
        ("Tax ATU13585627, thanks", "eu_vat ATU13585627"),
    ] {
        assert_eq!(text(line).join(" "), wanted, "{line}");
    }
}

#[test]
fn a_weak_check_is_no_proof() {
    for line in [
        "our order 73513537 of 4006381333931",
        "call 0317-8471",
        "49015420323751 8",
        "US0378331005",
        "card 4111 1111 1111 1111",
        "EAN on order 12345670 of 20260131",
        "x-9783161484100-y and 97831614841001",
        "aDE89370400440532013000",
        "9783161484100/4006381333931",
    ] {
        assert_eq!(text(line), [""; 0], "{line}");
    }
}

#[test]
fn a_code_that_fails_is_reported_where_its_label_or_form_leaves_no_doubt() {
    assert_eq!(
        text("DE88 3704 0044 0532 0130 00"),
        ["iban DE88370400440532013000!"]
    );
    assert_eq!(text("EAN: 4006381333932"), ["gtin 4006381333932!"]);
    assert_eq!(text("FIN WVWZZZ1JZ3W386752"), ["vin WVWZZZ1JZ3W386752!"]);
    assert_eq!(text("4006381333932"), [""; 0]);
}

#[test]
fn look_alikes_are_exchanged_only_in_what_was_recognized() {
    assert_eq!(
        ocr("IBAN DE89 37O4 0044 0532 Ol30 00"),
        ["iban DE89370400440532013000~"]
    );
    // O is in no CUSIP, which these have; but where both pass, no one can tell.
    assert_eq!(ocr("ISIN USO378331005"), ["isin US0378331005~"]);
    assert_eq!(ocr("ISIN DE000OOQ7078"), ["isin DE000OOQ7078"]);
    // Two exchanges would be needed: more than the check can vouch for.
    assert_eq!(
        ocr("LEI 5493OO1KJTIIGC8Y1R12"),
        ["lei 5493OO1KJTIIGC8Y1R12!"]
    );
    assert_eq!(
        ocr("LEI 5493001KJT1IGC8Y1R12"),
        ["lei 5493001KJTIIGC8Y1R12~"]
    );
    assert_eq!(ocr("ISBN 978-3-16-1484lO-0"), ["isbn 9783161484100~"]);
    assert_eq!(ocr("978-3-16-1484lO-0"), [""; 0]);
    assert_eq!(text("IBAN DE89 37O4 0044 0532 0130 00"), [""; 0]);
    let code = &find(
        &[page(Method::Ocr, &["VIN 1M8GDM9AXKPO42788"])],
        &Selection::default(),
    )[0];
    assert_eq!(
        (code.edits[0].at, code.edits[0].from, code.edits[0].to),
        (11, 'O', '0')
    );
}

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
fn sources_that_agree_are_named() {
    let line = ["IBAN BE68 5390 0754 7034"];
    let codes = find(
        &[page(Method::Text, &line), page(Method::Ocr, &line)],
        &Selection::default(),
    );
    assert_eq!(codes[0].agreement, [Source::Text, Source::Ocr]);
}

/// The fields in the lines, as `type value [label]`.
fn fields(lines: &[&str]) -> Vec<String> {
    find(&[page(Method::Text, lines)], &Selection::default())
        .into_iter()
        .filter_map(|code| Some(format!("{} {} [{}]", code.kind, code.value, code.label?)))
        .collect()
}

#[test]
fn numbers_dates_and_amounts_are_found_by_their_labels() {
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
        ("Datum: 31. Januar 2026", "date 2026-01-31 [Datum]"),
        ("Fecha: 3 de marzo de 2026", "date 2026-03-03 [Fecha]"),
        ("Due Date: 31 Jan 2026", "date 2026-01-31 [Due Date]"),
        ("Date: 01/31/2026", "date 2026-01-31 [Date]"),
        ("Factuurdatum 03-04-2026", "date 2026-04-03 [Factuurdatum]"),
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
fn a_label_alone_makes_no_field() {
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
    ] {
        assert_eq!(fields(&[line]), [""; 0], "{line}");
    }
}

#[test]
fn a_field_may_stand_under_its_heading_but_not_in_a_table() {
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
fn a_date_that_may_be_two_is_told_and_not_guessed() {
    let read = |lines: &[&str]| {
        on_page(
            &page(Method::Text, lines),
            &Selection::default(),
            &RuleFinder::default(),
            &mut |_| None,
        )
    };
    let (codes, warnings) = read(&["Date: 03/04/2026"]);
    assert!(
        codes.is_empty() && warnings[0].contains("03/04/2026"),
        "{warnings:?}"
    );
    // Another date on the page shows how they are written there.
    let (codes, warnings) = read(&["Date: 03/04/2026", "Due Date: 25/04/2026"]);
    assert_eq!((codes[0].value.as_str(), warnings.len()), ("2026-04-03", 0));
    let (codes, _) = read(&["Datum: 03/04/2026"]);
    assert_eq!(codes[0].value, "2026-04-03");
    let (codes, _) = read(&["Date: 04/04/2026"]);
    assert_eq!(codes[0].value, "2026-04-04");
}

/// A barcode's code over a line of text that starts at the top.
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
        &mut |_| None,
    )
    .0;
    codes.extend(in_barcodes(&[barcode], 1, &Selection::default(), &rules));
    agree(&mut codes);
    codes
}

#[test]
fn a_barcode_and_the_text_agree_or_differ() {
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
    let told = differences(&codes);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("4006381333931") && told[0].contains("4006381333937"));
    // Another article is no difference.
    let codes = with_barcode("ean_13", "4006381333931", &["EAN 9002490100070"]);
    assert_eq!(differences(&codes), [""; 0]);
}

/// The fixture is judged by python-stdnum: `tests/fixtures/codes.py` makes it.
#[test]
fn an_independent_checker_agrees() {
    let mut wrong = Vec::new();
    for line in include_str!("../../tests/fixtures/codes.tsv").lines() {
        let [kind, value, valid] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        let spec = types::SPECS
            .iter()
            .find(|spec| spec.kind.name() == kind)
            .unwrap();
        let places = (spec.places)(value);
        let fits = places.is_some_and(|places| {
            places
                .iter()
                .zip(value.chars())
                .all(|(place, c)| place.takes(c))
        });
        if (fits && (spec.check)(value)) != (valid == "1") {
            wrong.push(line);
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_page_made_to_be_slow_is_not() {
    let line = "EAN 4006381333931 EAN DE89 3704 1234567 ".repeat(4_000);
    let page = page(Method::Ocr, &[line.trim()]);
    let started = std::time::Instant::now();
    let codes = find(&[page], &Selection::default());
    assert_eq!(codes.len(), 4_000);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// Looks again at a line that was recognized as `seen`; each recognizer reads what is given, whatever the place.
fn looked_at(seen: &str, tesseract: &str, pp_ocr: &str) -> (Vec<Code>, Vec<String>, usize) {
    let mut looks = 0;
    let reading = |recognizer, text: &str| Reading {
        recognizer,
        text: text.into(),
        confidence: 80.0,
    };
    let mut look = |_| {
        looks += 1;
        Some(vec![
            reading(Recognizer::Tesseract, tesseract),
            reading(Recognizer::PpOcr, pp_ocr),
        ])
    };
    let page = page(Method::Ocr, &[seen]);
    let (codes, warnings) = on_page(
        &page,
        &Selection::default(),
        &RuleFinder::default(),
        &mut look,
    );
    (codes, warnings, looks)
}

#[test]
fn a_second_look_mends_what_was_misread_and_says_what_was_read() {
    let lei = "5493001KJTIIGC8Y1R12";
    for seen in [
        // A wrong character, one too few, one too many, and a code in pieces.
        "LEI 5493001KJTIIGC8YTR12",
        "LEI 5493001KJTIIGC8YR12",
        "LEI 5493001KJTTIIGC8Y1R12",
        "LEI 5493001 KJTIIGC8 YTR12",
        "5493001KJTIIGC8YTR12",
    ] {
        let (codes, warnings, looks) = looked_at(seen, "5493001KJT11GC8Y1R12", lei);
        assert_eq!(codes.len(), 1, "{seen}");
        assert_eq!(codes[0].value, lei, "{seen}");
        assert!(codes[0].check.as_ref().unwrap().ok && !codes[0].repaired);
        assert_eq!(codes[0].readings.len(), 2);
        assert_eq!(codes[0].confidence, 80.0);
        assert_eq!((warnings.len(), looks), (0, 1));
        assert!(seen.ends_with(&codes[0].raw));
    }
}

#[test]
fn recognizers_that_agree_against_the_check_are_a_warning_and_not_a_repair() {
    // One exchange would pass mod 97-10; both read what does not.
    let seen = "LEI 5493001KJT1IGC8Y1R12";
    assert_eq!(ocr(seen), ["lei 5493001KJTIIGC8Y1R12~"]);
    let (codes, warnings, _) = looked_at(seen, "5493001KJT1IGC8Y1R12", "5493001KJT1IGC8Y1R12");
    assert_eq!(codes[0].value, "5493001KJT1IGC8Y1R12");
    assert!(!codes[0].check.as_ref().unwrap().ok && !codes[0].repaired);
    assert!(
        warnings[0].contains("lei 5493001KJT1IGC8Y1R12"),
        "{warnings:?}"
    );

    // A check of 1 in 10 that one reading passes does not outweigh two that agree.
    let (codes, warnings, _) = looked_at("EAN 4006381333937", "4006381333931", "4006381333937");
    assert_eq!(codes[0].value, "4006381333937");
    assert_eq!(warnings.len(), 1);
}

#[test]
fn two_readings_that_both_pass_settle_nothing() {
    let (codes, _, _) = looked_at("EAN 4006381333937", "4006381333931", "4006381333948");
    assert_eq!(codes[0].value, "4006381333937");
    assert!(!codes[0].check.as_ref().unwrap().ok);
    assert_eq!(codes[0].readings.len(), 2);
}

#[test]
fn only_what_is_doubtful_is_looked_at() {
    for sure in [
        "IBAN DE89 3704 0044 0532 0130 00 and ISBN 978-3-16-148410-0",
        "Order 4006381333937, call 0317-8471",
        "Invoice 20417 of 31.01.2026, customer 837840",
    ] {
        assert_eq!(looked_at(sure, "", "").2, 0, "{sure}");
    }
    let doubtful = page(Method::Text, &["LEI 5493001KJTIIGC8YTR12"]);
    let mut look = |_| -> Option<Vec<Reading>> { panic!("a text layer was read, not guessed") };
    on_page(
        &doubtful,
        &Selection::default(),
        &RuleFinder::default(),
        &mut look,
    );
}

#[test]
fn looks_end_when_no_more_are_to_be_had() {
    let line = "LEI 5493001KJTIIGC8YTR12";
    let mut left = 3;
    let mut look = |_| {
        left -= 1;
        (left >= 0).then(Vec::new)
    };
    let page = page(Method::Ocr, &[line; 10]);
    let (codes, _) = on_page(
        &page,
        &Selection::default(),
        &RuleFinder::default(),
        &mut look,
    );
    assert_eq!((codes.len(), left), (10, -1));
}

#[test]
fn labels_are_known_when_they_are_misread_and_head_only_their_column() {
    assert_eq!(ocr("lBAN DE88 3704 0044 0532 0130 00").len(), 1);
    assert_eq!(ocr("elSSN: 0317-8471"), ["issn 03178471"]);
    let beneath = |head: &str, line: &str| found(Method::Text, &[head, line]);
    assert_eq!(beneath("EAN", "4006381333931"), ["gtin 4006381333931"]);
    // The label has its own number, and the number its own word.
    assert_eq!(beneath("EAN 73513537", "4006381333931").len(), 1);
    assert_eq!(beneath("Charge EAN", "Charge 4006381333931"), [""; 0]);
}

#[test]
fn a_page_of_endless_words_is_searched_as_far_as_is_told() {
    let line = ["Konto DE89370400440532013000", &"17 ".repeat(50_000)];
    let page = page(Method::Text, &line);
    let (codes, warnings) = on_page(
        &page,
        &Selection::default(),
        &RuleFinder::default(),
        &mut |_| None,
    );
    assert_eq!(codes.len(), 1);
    assert!(warnings[0].contains("40000 words"), "{warnings:?}");
}
