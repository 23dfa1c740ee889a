//! The second look.

use ocr_api::code::{Reading, Recognizer};

use super::*;

/// Looks again at a line that was recognized as `seen`; each recognizer reads what is given, whatever the place: Tesseract, and
/// PP-OCR where that settles nothing.
fn looked_at(seen: &str, tesseract: &str, pp_ocr: &str) -> (Vec<Code>, Vec<String>, usize) {
    let mut looks = 0;
    let reading = |recognizer, text: &str| Reading {
        recognizer,
        text: text.into(),
        confidence: 80.0,
    };
    let mut look = |_: Bounds, settles: Settles<'_>| {
        looks += 1;
        let mut readings = vec![reading(Recognizer::Tesseract, tesseract)];
        if !settles(&readings[0]) {
            readings.push(reading(Recognizer::PpOcr, pp_ocr));
        }
        Some(readings)
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

fn recognizers(code: &Code) -> Vec<Recognizer> {
    code.readings.iter().map(|one| one.recognizer).collect()
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
        let (codes, warnings, looks) = looked_at(seen, lei, "5493001KJT11GC8Y1R12");
        assert_eq!(codes.len(), 1, "{seen}");
        assert_eq!(codes[0].value, lei, "{seen}");
        assert!(codes[0].check.as_ref().unwrap().ok && !codes[0].repaired);
        assert_eq!(recognizers(&codes[0]), [Recognizer::Tesseract]);
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
fn one_reading_settles_only_what_a_strong_check_vouches_for() {
    let both = [Recognizer::Tesseract, Recognizer::PpOcr];
    let lei = "5493001KJTIIGC8Y1R12";
    for (seen, tesseract, pp_ocr, asked) in [
        ("LEI 5493001KJTIIGC8YTR12", lei, lei, &both[..1]),
        // It fails the check, or passes one that a misreading in ten passes.
        (
            "LEI 5493001KJTIIGC8YTR12",
            "5493001KJTIIGC8YTR12",
            lei,
            &both,
        ),
        ("EAN 4006381333937", "4006381333931", "4006381333931", &both),
    ] {
        let (codes, ..) = looked_at(seen, tesseract, pp_ocr);
        assert_eq!(codes[0].value, pp_ocr, "{tesseract}");
        assert_eq!(recognizers(&codes[0]), asked, "{tesseract}");
    }
}

#[test]
fn two_looks_settle_what_the_form_forbids() {
    let asked = |seen, tesseract| {
        let (codes, ..) = looked_at(seen, tesseract, "IE00B4L5Y983");
        assert_eq!(codes[0].value, "IE00B4L5Y983", "{tesseract}");
        recognizers(&codes[0]).len()
    };
    // The numbers of Irish securities begin with zeros.
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4L5Y983"), 1);
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4LSY983"), 2);
    // It passes in the first look only, or in the second.
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4L5Y98"), 2);
    assert_eq!(asked("ISIN IEOOB4L7Y983", "IEOOB4L5Y983"), 2);
}

#[test]
fn what_may_be_another_letter_wants_both_recognizers() {
    // J, of which I and then 1 was made, which passes as well.
    let (codes, ..) = looked_at(
        "VIN WVWCINYZ1D6W54762",
        "WVWCINYZ1D6W54762",
        "WVWCJNYZ1D6W54762",
    );
    assert_eq!(codes[0].value, "WVWCJNYZ1D6W54762");
    assert_eq!(recognizers(&codes[0]).len(), 2);
}

#[test]
fn letters_that_a_type_avoids_are_no_proof_against_digits() {
    let (codes, ..) = looked_at("ISIN FRO016514180", "FROO16514180", "FR0016514180");
    assert_eq!(codes[0].value, "FR0016514180");
    assert!(!codes[0].check.as_ref().unwrap().ok);
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
        // As many characters as an ISIN, nearly.
        "DE623359110",
    ] {
        assert_eq!(looked_at(sure, "", "").2, 0, "{sure}");
    }
    let doubtful = page(Method::Text, &["LEI 5493001KJTIIGC8YTR12"]);
    let mut look = |_: Bounds, _: Settles<'_>| -> Option<Vec<Reading>> {
        panic!("a text layer was read, not guessed")
    };
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
    let mut look = |_: Bounds, _: Settles<'_>| {
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
