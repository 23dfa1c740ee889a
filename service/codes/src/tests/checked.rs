//! Codes with a check: forms, repair, and the evidence that they need.

use super::*;

#[test]
fn finds_examples_of_the_standards_as_printed() {
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
fn a_reference_that_passes_another_check_is_not_that_type() {
    for reference in ["RF946858501775486597", "LT110945418795525835"] {
        let found = text(reference);
        let is_lei = |code: &String| code.starts_with("lei");
        assert!(!found.iter().any(is_lei), "{found:?}");
    }
}

#[test]
fn a_weak_check_alone_is_no_proof() {
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
fn reports_failing_codes_with_a_label_or_a_clear_form() {
    assert_eq!(
        text("DE88 3704 0044 0532 0130 00"),
        ["iban DE88370400440532013000!"]
    );
    assert_eq!(text("EAN: 4006381333932"), ["gtin 4006381333932!"]);
    assert_eq!(text("FIN WVWZZZ1JZ3W386752"), ["vin WVWZZZ1JZ3W386752!"]);
    assert_eq!(text("4006381333932"), [""; 0]);
}

#[test]
fn exchanges_look_alikes_only_in_recognized_text() {
    assert_eq!(
        ocr("IBAN DE89 37O4 0044 0532 Ol30 00"),
        ["iban DE89370400440532013000~"]
    );
    // CUSIPs, which these contain, have no O. But if both values pass, it is unknown which one is printed.
    assert_eq!(ocr("ISIN USO378331005"), ["isin US0378331005~"]);
    assert_eq!(ocr("ISIN DE000OOQ7078"), ["isin DE000OOQ7078"]);
    // Two exchanges would be needed, which is more than the check can justify.
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

/// python-stdnum has checked the fixture, which `tests/fixtures/codes.py` makes.
#[test]
fn agrees_with_an_independent_checker() {
    let mut wrong = Vec::new();
    for line in include_str!("../../../tests/fixtures/codes.tsv").lines() {
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
fn finds_codes_spelt_out_letter_by_letter() {
    let spelt = |text: &str| {
        let letters: Vec<String> = text.chars().map(String::from).collect();
        letters.join(" ")
    };
    let iban = spelt("DE89370400440532013000");
    for line in [
        format!("IBAN {iban}"),
        iban.replacen("D E 8 ", "DE8 ", 1),
        format!("{iban} BIC"),
    ] {
        assert_eq!(text(&line), ["iban DE89370400440532013000"], "{line}");
    }
    assert_eq!(
        text(&format!("ISIN {}", spelt("US0378331005"))),
        ["isin US0378331005"]
    );
    // Numbers of columns, and letters that form no word.
    assert!(text("1 2 3 4 5 6 7 8 9 10 11 12").is_empty());
    assert!(text("see a b c d e f g h").is_empty());
}
