//! Lines of logs, for people.

use ocrctl_protocol::logs::Line;

use super::printable::printable;
use super::style::Styles;

pub(super) fn render(lines: &[(String, Line)], styles: &Styles) -> String {
    let faint = styles.faint;
    let mut out = String::new();
    for (host, line) in lines {
        let time = line.at.strftime("%Y-%m-%d %H:%M:%S%.3f");
        let (host, source) = (printable(host), line.from.name());
        // Only line feeds end a line, as on a terminal.
        for text in line.text.split('\n') {
            let text = printable(text);
            out.push_str(&format!(
                "{faint}{time} {host} {source:<6}{faint:#} {text}\n"
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::logs::Source;

    #[test]
    fn a_line_has_its_time_and_place_and_no_power_over_the_terminal() {
        let line = |from, text: &str| {
            let at = "2026-03-01T12:00:00.25Z".parse().unwrap();
            let text = text.to_owned();
            ("ocr1".to_owned(), Line { at, from, text })
        };
        let lines = [
            line(Source::OcrA, "{\"a\":1}"),
            line(Source::Access, "\x1b[2Jx\rb"),
        ];
        assert_eq!(
            render(&lines, &Styles::default()),
            "2026-03-01 12:00:00.250 ocr1 ocr-a  {\"a\":1}\n\
             2026-03-01 12:00:00.250 ocr1 access \\u{1b}[2Jx\\u{d}b\n"
        );
    }
}
