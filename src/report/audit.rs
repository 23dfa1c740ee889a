//! An audit as people read it: findings with what mends them, what could not be looked at, what is in order.

use std::fmt::{self, Display};

use crate::protocol::audit::{Line, Verdict};

use super::printable::printable;
use super::style::Styles;

pub(super) fn render(host: &str, lines: &[Line], styles: &Styles) -> String {
    let strong = styles.strong;
    let mut out = format!("{strong}{host}{strong:#}\n");
    let width = lines
        .iter()
        .map(|line| line.check.chars().count())
        .max()
        .unwrap_or_default();
    for line in lines {
        let (style, word, text) = match &line.verdict {
            Verdict::Ok { seen } => (styles.create, "ok", seen),
            Verdict::Finding { found, .. } => (styles.error, "finding", found),
            Verdict::CouldNotRun { why } => (styles.warning, "could not run", why),
        };
        // Names and texts are from the host.
        let (check, text) = (printable(&line.check), printable(text));
        let text = text.replace('\n', "\n                 ");
        out.push_str(&format!(
            "  {style}{word:13}{style:#}  {check:width$}  {text}\n"
        ));
        if let Verdict::Finding { mend, .. } = &line.verdict {
            let hint = styles.hint;
            let mend = printable(mend);
            out.push_str(&format!("                 {hint}mend:{hint:#} {mend}\n"));
        }
    }
    out.push_str(&format!("{strong}Audit:{strong:#} {}\n", Summary(lines)));
    out
}

/// `2 findings, 1 could not run, 11 ok`
struct Summary<'a>(&'a [Line]);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |verdict: fn(&Verdict) -> bool| {
            self.0.iter().filter(|line| verdict(&line.verdict)).count()
        };
        let findings = count(|verdict| matches!(verdict, Verdict::Finding { .. }));
        let not_run = count(|verdict| matches!(verdict, Verdict::CouldNotRun { .. }));
        let ok = count(|verdict| matches!(verdict, Verdict::Ok { .. }));
        let plural = if findings == 1 { "" } else { "s" };
        let mut parts = Vec::new();
        if findings > 0 {
            parts.push(format!("{findings} finding{plural}"));
        }
        if not_run > 0 {
            parts.push(format!("{not_run} could not run"));
        }
        parts.push(format!("{ok} ok"));
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        let line = |check: &str, verdict| Line {
            check: check.into(),
            verdict,
        };
        let seen = "example-org at registry.example.org".into();
        let found = "credentials for ghcr.io in /root/.docker/config.json".into();
        let mend = "docker --config /root/.docker logout ghcr.io".into();
        // A host may say anything.
        let why = "Docker does not answer\u{1b}[2J".into();
        vec![
            line("image owner", Verdict::Ok { seen }),
            line("registry credentials", Verdict::Finding { found, mend }),
            line("containers", Verdict::CouldNotRun { why }),
        ]
    }

    #[test]
    fn an_audit() {
        insta::assert_snapshot!(render("ocr1", &lines(), &Styles::default()));
    }

    #[test]
    fn as_json_each_line_says_its_verdict() {
        let event = crate::protocol::Event::Audited { lines: lines() };
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
                 "mend": "docker --config /root/.docker logout ghcr.io"},
                {"check": "containers", "verdict": "could_not_run", "why": "Docker does not answer\u{1b}[2J"},
            ])
        );
    }
}
