#![no_main]

use ocr_api::answer::{Method, Page, PageStatus, Word};
use ocr_codes::Selection;
use ocr_codes::rules::{MAX_BYTES, RuleFile, RuleFinder};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rules(bytes));

/// Each problem of a file of rules has its line. Valid rules find the values that their examples state, and take time
/// proportional to the length of any page. The text is the part behind the first NUL.
fn rules(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let file = parts.next().unwrap_or_default();
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let rules = match RuleFile::parse(file) {
        Ok(file) => file.rules,
        Err(problems) => {
            assert!(!problems.is_empty());
            // In YAML, a carriage return alone ends a line, too.
            let lines = file.split(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
            let of_the_whole = file.len() as u64 > MAX_BYTES || std::str::from_utf8(file).is_err();
            for problem in problems {
                match problem.at {
                    Some((line, column)) => assert!(
                        (1..=lines).contains(&line) && column > 0,
                        "of {lines} lines: {problem}"
                    ),
                    None => assert!(
                        of_the_whole || problem.what.starts_with("more than"),
                        "no line: {problem}"
                    ),
                }
            }
            return;
        }
    };
    let mut finder = RuleFinder::default();
    finder.prepare(&rules);
    let mut wanted = vec!["luhn".to_owned()];
    wanted.extend(
        ocr_codes::CodeType::ALL
            .iter()
            .map(|kind| kind.name().to_owned()),
    );
    wanted.sort();
    wanted.dedup();
    wanted.extend(rules.iter().map(|rule| rule.name.clone()));
    let wanted = Selection::parse(&wanted.join(","), &rules).expect("these are all there is");
    for method in [Method::Text, Method::Ocr] {
        let page = page(&text, method);
        let (found, _) = ocr_codes::on_page(&page, &wanted, &finder, &mut |_, _| None);
        for code in found {
            assert!(!code.value.is_empty(), "{code:?}");
            assert_eq!(code.page, 1);
        }
    }
}

/// A page with the lines of the text.
fn page(text: &str, method: Method) -> Page {
    let mut words = Vec::new();
    for (row, line) in (0i32..).zip(text.lines()) {
        let mut left = 0;
        for text in line.split_whitespace() {
            let width = 10 * i32::try_from(text.chars().count()).unwrap_or(1000);
            words.push(Word {
                text: text.to_owned(),
                confidence: 90.0,
                bounds: [left, row * 40, left + width, row * 40 + 20],
                hidden: false,
            });
            left += width + 10;
        }
    }
    Page {
        page: 1,
        status: PageStatus::Ok,
        method: Some(method),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: text.to_owned(),
        words,
        ms: 0,
    }
}
