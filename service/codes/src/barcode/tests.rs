//! Tests with barcodes as data: contents in, codes out.

use super::*;

fn barcode(format: &'static str, text: &str) -> Barcode {
    Barcode {
        format,
        content: Content::Text(text.to_owned()),
        gs1: false,
        bounds: [10, 20, 110, 70],
    }
}

/// Codes as `type value`. `!` marks a check that fails, `?` a code without a check.
fn found_of(barcode: Barcode, wanted: &str) -> Vec<String> {
    let wanted = match wanted {
        "" => Selection::default(),
        names => Selection::parse(names, &[]).unwrap(),
    };
    in_barcodes(&[barcode], 1, &wanted, &RuleFinder::default())
        .into_iter()
        .map(|code| {
            let mark = match code.check {
                None => "?",
                Some(check) if check.ok => "",
                Some(_) => "!",
            };
            format!("{} {}{mark}", code.kind, code.value)
        })
        .collect()
}

fn found(format: &'static str, text: &str) -> Vec<String> {
    found_of(barcode(format, text), "")
}

#[test]
fn types_contents_by_symbology_form_and_check() {
    for (format, text, wanted) in [
        ("ean_13", "4006381333931", "gtin 4006381333931"),
        ("ean_13", "0042100005264", "gtin 042100005264"),
        ("upc_a", "042100005264", "gtin 042100005264"),
        ("upc_e", "04252614", "gtin 042100005264"),
        ("ean_8", "73513537", "gtin 73513537"),
        ("ean_13", "9783161484100", "isbn 9783161484100"),
        ("ean_13", "9790260000438", "gtin 9790260000438"),
        ("ean_13", "9770317847001", "issn 03178471"),
        ("itf", "14006381333938", "gtin 14006381333938"),
        ("itf", "14006381333939", "barcode 14006381333939?"),
        ("code_39", "I1M8GDM9AXKP042788", "vin 1M8GDM9AXKP042788"),
        ("code_128", "1M8GDM9AXKP042788", "vin 1M8GDM9AXKP042788"),
        ("code_128", "353879234252633", "imei 353879234252633"),
        // Luhn's check passes, but no body issues such numbers.
        ("code_128", "123456789012347", "barcode 123456789012347?"),
        (
            "qr_code",
            "DE89 3704 0044 0532 0130 00",
            "iban DE89370400440532013000",
        ),
        (
            "qr_code",
            "https://example.org/?a=1",
            "barcode https://example.org/?a=1?",
        ),
        ("code_128", "RE-2026-0815", "barcode RE-2026-0815?"),
    ] {
        assert_eq!(found(format, text), [wanted], "{format} {text}");
    }
}

#[test]
fn reports_gs1_addresses_and_their_elements() {
    for (address, wanted) in [
        (
            "https://id.gs1.org/01/04006381333931/10/A%2F1/21/98?17=261231",
            "gtin 4006381333931, batch A/1?, serial_number 98?, date 2026-12-31?",
        ),
        (
            "https://example.com/some/path/01/04006381333931/",
            "gtin 4006381333931",
        ),
        (
            "HTTP://example.com/gtin/4006381333931",
            "gtin 4006381333931",
        ),
        (
            "https://example.com/00/340123451234567895#a",
            "sscc 340123451234567895",
        ),
        ("https://example.com/01/04006381333932", ""),
        ("https://example.com/01/04006381333931/photos", ""),
        ("https://example.com/01/20260131", ""),
        ("https://example.com/4006381333931", ""),
        ("ftp://example.com/01/04006381333931", ""),
    ] {
        let mut all: Vec<String> = wanted.split(", ").map(str::to_owned).collect();
        all.retain(|one| !one.is_empty());
        all.push(format!("barcode {address}?"));
        assert_eq!(found("qr_code", address), all);
    }
}

#[test]
fn reports_written_text_and_its_codes() {
    let text =
        "Holder: A. Smith\nIBAN: DE89 3704 0044 0532 0130 00\nEAN 4006381333931\nNo. 4006381333948";
    let barcode = format!("barcode {text}?");
    assert_eq!(
        found("qr_code", text),
        [
            "iban DE89370400440532013000",
            "gtin 4006381333931",
            &barcode
        ]
    );
    let failing = "LEI 529900T8BM49AURSDO56";
    assert_eq!(found("pdf_417", failing), [format!("barcode {failing}?")]);
}

#[test]
fn reports_account_and_amount_of_payment_codes() {
    let epc = "BCD\n002\n1\nSCT\nBFSWDE33BER\nName\nDE33100205000001194700\nEUR12.3\n\n\nThanks";
    assert_eq!(
        found("qr_code", epc),
        ["iban DE33100205000001194700", "amount 12.30 EUR?"]
    );
    let mut swiss = vec!["SPC", "0200", "1", "CH4431999123000889012"];
    swiss.resize(18, "");
    swiss.extend(["1949.75", "CHF"]);
    assert_eq!(
        found("qr_code", &swiss.join("\r\n")),
        ["iban CH4431999123000889012", "amount 1949.75 CHF?"]
    );
    assert_eq!(
        found("qr_code", &epc.replace("DE33", "DE34")),
        ["iban DE34100205000001194700!", "amount 12.30 EUR?"]
    );
}

#[test]
fn reports_elements_and_the_rest_of_element_strings() {
    let gs1 = Barcode {
        gs1: true,
        ..barcode(
            "data_matrix",
            "01040063813339311726123110AB-1\u{1d}99x\u{1d}21S7",
        )
    };
    assert_eq!(
        found_of(gs1.clone(), ""),
        [
            "gtin 4006381333931",
            "date 2026-12-31?",
            "batch AB-1?",
            "serial_number S7?",
            "barcode (99)x?"
        ]
    );
    assert_eq!(found_of(gs1, "batch"), ["batch AB-1?"]);
}

#[test]
fn reports_content_of_unwanted_types_as_barcode() {
    let book = || barcode("ean_13", "9783161484100");
    assert_eq!(found_of(book(), "gtin"), ["gtin 9783161484100"]);
    assert_eq!(found_of(book(), "barcode"), ["barcode 9783161484100?"]);
    assert_eq!(found_of(book(), "iban"), [""; 0]);
}

#[test]
fn reports_binary_content_as_hex_digits() {
    let bytes = Barcode {
        content: Content::Bytes(vec![0, 0x1f, 0xff]),
        ..barcode("qr_code", "")
    };
    assert_eq!(found_of(bytes, ""), ["barcode 0x001fff?"]);
}

#[test]
fn rules_may_match_the_whole_content() {
    let yaml = "version: 1\nrules:\n  - name: ticket\n    pattern: 'T(?P<value>\\d{4})'\n    matches: [T1234]\n";
    let rules = super::super::rules::RuleFile::parse(yaml.as_bytes())
        .unwrap()
        .rules;
    let mut finder = RuleFinder::default();
    finder.prepare(&rules);
    let find = |text: &str| {
        let wanted = Selection::all(&rules);
        let codes = in_barcodes(&[barcode("qr_code", text)], 1, &wanted, &finder);
        let shown = codes
            .iter()
            .map(|code| format!("{} {}", code.kind, code.value));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(find("T2026"), ["ticket 2026"]);
    assert_eq!(find("T2026x"), ["barcode T2026x"]);
}
