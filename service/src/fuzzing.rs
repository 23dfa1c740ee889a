//! Functions that `cargo fuzz` runs, one per target. Each takes any bytes and panics if a property does not hold. See
//! `fuzz/`.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a fuzzer detects failures by panics"
)]

use ocr_api::answer::{DocumentType, Method, Page, PageStatus, Word};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codes::rules::{MAX_BYTES, RuleFile, RuleFinder};
use crate::codes::{self, Selection};
pub use crate::http::fuzzing::{coding, form, headers, query, upload};
use crate::protocol::{self, Overlay, Reply, Request};
use crate::{document, image};

/// A frame is either rejected by its length, or holds a message that reads back the same when it is written.
pub fn frame(bytes: &[u8]) {
    let Some((head, body)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    if let Ok(length) = protocol::frame_length(*head, protocol::MAX_REPLY) {
        assert!(length <= protocol::MAX_REPLY as usize);
    }
    reads_back::<Request>(body);
    reads_back::<Reply>(body);
}

fn reads_back<T: Serialize + DeserializeOwned>(body: &[u8]) {
    let Ok(message) = protocol::parse::<T>(body) else {
        return;
    };
    let frame = protocol::frame(&message, protocol::MAX_REQUEST)
        .expect("it was shorter than a frame may be");
    let (head, body) = frame.split_first_chunk::<4>().expect("it has a head");
    assert_eq!(
        protocol::frame_length(*head, protocol::MAX_REQUEST).ok(),
        Some(body.len())
    );
    // Compared as bytes: a number may be none, which is never the same as itself.
    let again = protocol::parse::<T>(body).expect("it was just written");
    assert_eq!(
        protocol::frame(&again, protocol::MAX_REQUEST).ok(),
        Some(frame)
    );
}

/// A document's type is that of its first bytes. An image has as many pixels as its header states, within the limit.
/// Any image that can be read can be put into a PDF.
pub fn image(bytes: &[u8]) {
    const MAX_PIXELS: u64 = 1 << 16;
    let Some(kind) = document::sniff(bytes) else {
        document::describe(bytes);
        return;
    };
    assert_eq!(document::sniff(&bytes[..bytes.len().min(1024)]), Some(kind));
    if kind == DocumentType::Pdf {
        return;
    }
    let Ok(counted) = image::count(kind, bytes) else {
        return;
    };
    let count = counted.pages;
    assert!(count >= 1);
    for index in [0, 1, count - 1] {
        let measured = image::measure(kind, bytes, index, MAX_PIXELS);
        let Ok(scan) = image::decode(kind, bytes, index, MAX_PIXELS) else {
            continue;
        };
        let pixels = u64::from(scan.width) * u64::from(scan.height);
        assert!(pixels <= MAX_PIXELS);
        assert_eq!(scan.pixels.len() as u64, pixels);
        let measured = measured.expect("what can be read can be measured");
        assert_eq!((measured.width, measured.height), (scan.width, scan.height));
        let page = Overlay {
            page: index + 1,
            width: scan.width,
            height: scan.height,
            rotation: 0,
            words: Vec::new(),
            beside_layer: false,
        };
        if let Ok(pdf) = image::as_pdf(kind, bytes, &[page], MAX_PIXELS) {
            assert!(pdf.starts_with(b"%PDF-"));
        }
    }
}

/// Each problem of a file of rules has its line. Valid rules find the values that their examples state, and take time
/// proportional to the length of any page. The text is the part behind the first NUL.
pub fn rules(bytes: &[u8]) {
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
        codes::CodeType::ALL
            .iter()
            .map(|kind| kind.name().to_owned()),
    );
    wanted.sort();
    wanted.dedup();
    wanted.extend(rules.iter().map(|rule| rule.name.clone()));
    let wanted = Selection::parse(&wanted.join(","), &rules).expect("these are all there is");
    for method in [Method::Text, Method::Ocr] {
        let page = page(&text, method);
        let (found, _) = codes::on_page(&page, &wanted, &finder, &mut |_, _| None);
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
