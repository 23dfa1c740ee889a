//! Renders an answer as hOCR 1.2 (<https://kba.github.io/hocr-spec/1.2/>), in HTML that is well-formed XML as well.

use std::fmt::Write;

use ocr_api::answer::{Answer, Page, Word};
use ocr_api::issue::Issue;
use ocr_codes::lines::{paragraphs, union};

/// The elements in use. The specification requires that they are announced.
const CAPABILITIES: &str = "ocr_page ocr_carea ocr_par ocr_line ocrx_word";

/// Writes the document. Errors are ignored: the writer fails only for lack of memory, and remembers that.
pub(crate) fn render(html: &mut impl Write, answer: &Answer) {
    let _ = html.write_str(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n",
    );
    let name = answer.document.name.as_deref().unwrap_or_default();
    let head = [
        ("ocr-system", format!("ocr-service {}", answer.release)),
        ("ocr-capabilities", CAPABILITIES.to_owned()),
        ("ocr-number-of-pages", answer.pages.len().to_string()),
    ];
    let _ = writeln!(html, "<title>{}</title>", escape(name));
    for (name, content) in head {
        let content = escape(&content);
        let _ = writeln!(html, "<meta name=\"{name}\" content=\"{content}\"/>");
    }
    let _ = html.write_str("</head>\n<body>\n");
    for page in &answer.pages {
        write_page(html, page, &answer.issues, name);
    }
    let _ = html.write_str("</body>\n</html>\n");
}

fn write_page(html: &mut impl Write, page: &Page, issues: &[Issue], image: &str) {
    let number = page.page;
    let size = [0, 0, page.width.unwrap_or(0), page.height.unwrap_or(0)].map(i64::from);
    let resolution = page
        .dpi
        .map(|dpi| format!("; scan_res {dpi} {dpi}"))
        .unwrap_or_default();
    let status = serde_json::to_string(&page.status).unwrap_or_default();
    let codes: Vec<&str> = issues
        .iter()
        .filter(|issue| issue.page == Some(number))
        .map(|issue| issue.code.name())
        .collect();
    let codes = if codes.is_empty() {
        String::new()
    } else {
        format!("; x_issues {}", codes.join(" "))
    };
    let _ = writeln!(
        html,
        "<div class=\"ocr_page\" id=\"page_{number}\" title=\"image {}; {}; ppageno {}{resolution}; x_status {}{codes}\">",
        escape(&quoted(image)),
        bbox(size),
        number.saturating_sub(1),
        status.trim_matches('"'),
    );
    let mut line_number = 0;
    for (at, lines) in paragraphs(page).into_iter().enumerate() {
        let words = lines.iter().flat_map(|line| &page.words[line.clone()]);
        let around = bbox(union(words.map(|word| word.bounds)).map(i64::from));
        let id = format!("{number}_{}", at + 1);
        let _ = writeln!(
            html,
            "<div class=\"ocr_carea\" id=\"block_{id}\" title=\"{around}\">\n\
             <p class=\"ocr_par\" id=\"par_{id}\" title=\"{around}\">"
        );
        for line in lines {
            line_number += 1;
            write_line(html, page, line.start, &page.words[line], line_number);
        }
        let _ = html.write_str("</p>\n</div>\n");
    }
    let _ = html.write_str("</div>\n");
}

/// Writes a line. `first` is the index of its first word on the page.
fn write_line(html: &mut impl Write, page: &Page, first: usize, words: &[Word], number: usize) {
    let around = bbox(union(words.iter().map(|word| word.bounds)).map(i64::from));
    // The specification counts degrees counter-clockwise. `rotation` is the clockwise turn that the text needs, which
    // is the same number.
    let angle = match page.rotation {
        0 => String::new(),
        degrees => format!("; textangle {degrees}"),
    };
    let page = page.page;
    let _ = write!(
        html,
        "<span class=\"ocr_line\" id=\"line_{page}_{number}\" title=\"{around}{angle}\">"
    );
    for (at, word) in words.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        let _ = write!(
            html,
            "{space}<span class=\"ocrx_word\" id=\"word_{page}_{}\" title=\"{}; x_wconf {:.0}\">{}</span>",
            first + at + 1,
            bbox(word.bounds.map(i64::from)),
            word.confidence,
            escape(&word.text)
        );
    }
    let _ = html.write_str("</span>\n");
}

fn bbox([left, top, right, bottom]: [i64; 4]) -> String {
    // The specification has no negative coordinates, but a text layer can reach beyond its page.
    format!(
        "bbox {} {} {} {}",
        left.max(0),
        top.max(0),
        right.max(0),
        bottom.max(0)
    )
}

/// Writes a delimited string. The specification has no escape for the delimiter.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\', ';'], "_"))
}

/// Escapes text and attributes. Characters that XML does not allow become a replacement character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.push('\u{fffd}')
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_the_text_of_a_document() {
        assert_eq!(
            escape("<b a=\"1\">&\u{1}"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\u{fffd}"
        );
        assert_eq!(quoted("a\"; bbox 0 0 1 1.png"), "\"a__ bbox 0 0 1 1.png\"");
        assert_eq!(bbox([-4, 0, 10, 20]), "bbox 0 0 10 20");
    }
}
