//! An audit as people read it: findings with their fixes, checks that could not run, and those in order.

use ocrctl_protocol::check::Line;

use super::checks::{self, Words};
use super::style::Styles;

const WORDS: Words = Words {
    title: "Audit",
    one: "finding",
    many: "findings",
};

pub(super) fn render(host: &str, lines: &[Line], styles: &Styles) -> String {
    checks::render(host, lines, &WORDS, styles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::check::Verdict;

    fn lines() -> Vec<Line> {
        let seen = "example-org at registry.example.org".into();
        let found = "credentials for ghcr.io in /root/.docker/config.json".into();
        let fix = "docker --config /root/.docker logout ghcr.io"
            .to_owned()
            .into();
        // A host may say anything.
        let why = "Docker does not answer\u{1b}[2J".into();
        vec![
            Line::new("image owner", Verdict::Ok { seen }),
            Line::new("registry credentials", Verdict::Finding { found, fix }),
            Line::new("containers", Verdict::CouldNotRun { why }),
        ]
    }

    #[test]
    fn an_audit() {
        insta::assert_snapshot!(render("ocr1", &lines(), &Styles::default()));
    }

    #[test]
    fn as_json_each_line_says_its_verdict() {
        let event = ocrctl_protocol::Event::Audited { lines: lines() };
        let now = jiff::Timestamp::UNIX_EPOCH;
        let text =
            super::super::json::line(now, Some("ocr1"), super::super::json::Body::Event(&event));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&value["type"], &value["host"]),
            (&"audited".into(), &"ocr1".into())
        );
        assert_eq!(
            value["lines"],
            serde_json::json!([
                {"check": "image owner", "verdict": "ok", "seen": "example-org at registry.example.org"},
                {"check": "registry credentials", "verdict": "finding",
                 "found": "credentials for ghcr.io in /root/.docker/config.json",
                 "fix": "docker --config /root/.docker logout ghcr.io",
                 "mend": "docker --config /root/.docker logout ghcr.io"},
                {"check": "containers", "verdict": "could_not_run", "why": "Docker does not answer\u{1b}[2J"},
            ])
        );
    }
}
