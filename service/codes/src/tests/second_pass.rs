//! The second pass.

use ocr_api::code::{Reading, Recognizer};

use super::*;

/// Re-reads a line that was first recognized as `seen`. Each recognizer returns the given text for any place: Tesseract
/// first, then PP-OCR if that settles nothing.
fn second_pass(seen: &str, tesseract: &str, pp_ocr: &str) -> (Vec<Code>, Vec<String>, usize) {
    let mut lines = 0;
    let reading = |recognizer, text: &str| Reading {
        recognizer,
        text: text.into(),
        confidence: 80.0,
    };
    let mut reread = |_: Bounds, settles: Settles<'_>| {
        lines += 1;
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
        &mut reread,
    );
    (codes, warnings, lines)
}

fn recognizers(code: &Code) -> Vec<Recognizer> {
    code.readings.iter().map(|one| one.recognizer).collect()
}

#[test]
fn repairs_misread_codes_and_reports_the_readings() {
    let lei = "5493001KJTIIGC8Y1R12";
    for seen in [
        // A wrong character, a missing one, an extra one, and a code in pieces.
        "LEI 5493001KJTIIGC8YTR12",
        "LEI 5493001KJTIIGC8YR12",
        "LEI 5493001KJTTIIGC8Y1R12",
        "LEI 5493001 KJTIIGC8 YTR12",
        "5493001KJTIIGC8YTR12",
    ] {
        let (codes, warnings, lines) = second_pass(seen, lei, "5493001KJT11GC8Y1R12");
        assert_eq!(codes.len(), 1, "{seen}");
        assert_eq!(codes[0].value, lei, "{seen}");
        assert!(codes[0].check.as_ref().unwrap().ok && !codes[0].repaired);
        assert_eq!(recognizers(&codes[0]), [Recognizer::Tesseract]);
        assert_eq!(codes[0].confidence, 80.0);
        assert_eq!((warnings.len(), lines), (0, 1));
        assert!(seen.ends_with(&codes[0].raw));
    }
}

#[test]
fn warns_instead_of_repairing_if_recognizers_agree_against_the_check() {
    // With one exchange, mod 97-10 would pass; both recognizers read a value that does not pass.
    let seen = "LEI 5493001KJT1IGC8Y1R12";
    assert_eq!(ocr(seen), ["lei 5493001KJTIIGC8Y1R12~"]);
    let (codes, warnings, _) = second_pass(seen, "5493001KJT1IGC8Y1R12", "5493001KJT1IGC8Y1R12");
    assert_eq!(codes[0].value, "5493001KJT1IGC8Y1R12");
    assert!(!codes[0].check.as_ref().unwrap().ok && !codes[0].repaired);
    assert!(
        warnings[0].contains("lei 5493001KJT1IGC8Y1R12"),
        "{warnings:?}"
    );

    // One reading that passes a check of 1 in 10 does not outweigh two that agree.
    let (codes, warnings, _) = second_pass("EAN 4006381333937", "4006381333931", "4006381333937");
    assert_eq!(codes[0].value, "4006381333937");
    assert_eq!(warnings.len(), 1);
}

#[test]
fn one_reading_settles_only_codes_with_a_strong_check() {
    let both = [Recognizer::Tesseract, Recognizer::PpOcr];
    let lei = "5493001KJTIIGC8Y1R12";
    for (seen, tesseract, pp_ocr, asked) in [
        ("LEI 5493001KJTIIGC8YTR12", lei, lei, &both[..1]),
        // It fails the check, or passes a check that one misreading in ten passes.
        (
            "LEI 5493001KJTIIGC8YTR12",
            "5493001KJTIIGC8YTR12",
            lei,
            &both,
        ),
        ("EAN 4006381333937", "4006381333931", "4006381333931", &both),
    ] {
        let (codes, ..) = second_pass(seen, tesseract, pp_ocr);
        assert_eq!(codes[0].value, pp_ocr, "{tesseract}");
        assert_eq!(recognizers(&codes[0]), asked, "{tesseract}");
    }
}

#[test]
fn two_passes_settle_forced_exchanges() {
    let asked = |seen, tesseract| {
        let (codes, ..) = second_pass(seen, tesseract, "IE00B4L5Y983");
        assert_eq!(codes[0].value, "IE00B4L5Y983", "{tesseract}");
        recognizers(&codes[0]).len()
    };
    // The numbers of Irish securities begin with zeros.
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4L5Y983"), 1);
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4LSY983"), 2);
    // It passes only in the first pass, or only in the second one.
    assert_eq!(asked("ISIN IEOOB4L5Y983", "IEOOB4L5Y98"), 2);
    assert_eq!(asked("ISIN IEOOB4L7Y983", "IEOOB4L5Y983"), 2);
}

#[test]
fn ambiguous_letters_need_both_recognizers() {
    // The J was read as I and exchanged for 1, which passes as well.
    let (codes, ..) = second_pass(
        "VIN WVWCINYZ1D6W54762",
        "WVWCINYZ1D6W54762",
        "WVWCJNYZ1D6W54762",
    );
    assert_eq!(codes[0].value, "WVWCJNYZ1D6W54762");
    assert_eq!(recognizers(&codes[0]).len(), 2);
}

#[test]
fn avoided_letters_do_not_outweigh_digits() {
    let (codes, ..) = second_pass("ISIN FRO016514180", "FROO16514180", "FR0016514180");
    assert_eq!(codes[0].value, "FR0016514180");
    assert!(!codes[0].check.as_ref().unwrap().ok);
}

#[test]
fn two_different_passing_readings_settle_nothing() {
    let (codes, _, _) = second_pass("EAN 4006381333937", "4006381333931", "4006381333948");
    assert_eq!(codes[0].value, "4006381333937");
    assert!(!codes[0].check.as_ref().unwrap().ok);
    assert_eq!(codes[0].readings.len(), 2);
}

#[test]
fn rereads_only_doubtful_places() {
    for sure in [
        "IBAN DE89 3704 0044 0532 0130 00 and ISBN 978-3-16-148410-0",
        "Order 4006381333937, call 0317-8471",
        "Invoice 20417 of 31.01.2026, customer 837840",
        // It has nearly as many characters as an ISIN.
        "DE623359110",
    ] {
        assert_eq!(second_pass(sure, "", "").2, 0, "{sure}");
    }
    let doubtful = page(Method::Text, &["LEI 5493001KJTIIGC8YTR12"]);
    let mut reread = |_: Bounds, _: Settles<'_>| -> Option<Vec<Reading>> {
        panic!("a text layer is never re-read")
    };
    on_page(
        &doubtful,
        &Selection::default(),
        &RuleFinder::default(),
        &mut reread,
    );
}

#[test]
fn stops_when_no_more_lines_may_be_reread() {
    let line = "LEI 5493001KJTIIGC8YTR12";
    let mut left = 3;
    let mut reread = |_: Bounds, _: Settles<'_>| {
        left -= 1;
        (left >= 0).then(Vec::new)
    };
    let page = page(Method::Ocr, &[line; 10]);
    let (codes, _) = on_page(
        &page,
        &Selection::default(),
        &RuleFinder::default(),
        &mut reread,
    );
    assert_eq!((codes.len(), left), (10, -1));
}
