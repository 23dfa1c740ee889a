//! A doctor's lines as people read them.

use ocrctl_protocol::check::Line;

use super::checks::{self, Words};
use super::style::Styles;

const WORDS: Words = Words {
    title: "Doctor",
    one: "failed",
    many: "failed",
};

pub(super) fn render(host: &str, lines: &[Line], styles: &Styles) -> String {
    checks::render(host, lines, &WORDS, styles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::check::Verdict;

    #[test]
    fn each_line_says_how_it_went() {
        let seen = "within 0.2 s of the operator's".into();
        let found = "sudo on ocr1 asks deploy for a password".into();
        let fix = "allow it:\n    deploy ALL=(root) NOPASSWD: ALL"
            .to_owned()
            .into();
        let why = "no end within 20s\u{1b}[2J".into();
        let lines = [
            Line::new("sudo", Verdict::Finding { found, fix }),
            Line::new("clock", Verdict::Ok { seen }),
            Line::new("apt", Verdict::CouldNotRun { why }),
        ];
        insta::assert_snapshot!(render("ocr1", &lines, &Styles::default()));
    }

    #[test]
    fn as_json_each_check_is_a_line() {
        use super::super::json::{Body, Own, line};
        let why = "no end within 20s".into();
        let check = Line::new("apt", Verdict::CouldNotRun { why });
        let text = line(
            jiff::Timestamp::UNIX_EPOCH,
            Some("ocr1"),
            Body::Own(Own::Check(&check)),
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"time": "1970-01-01T00:00:00.000Z", "host": "ocr1", "type": "check", "check": "apt",
                "verdict": "could_not_run", "why": "no end within 20s"})
        );
    }
}
