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

    #[test]
    fn an_audit() {
        let line = |check: &str, verdict| Line {
            check: check.into(),
            verdict,
        };
        let lines = [
            line(
                "image owner",
                Verdict::Ok {
                    seen: "example-org at registry.example.org".into(),
                },
            ),
            line(
                "registry credentials",
                Verdict::Finding {
                    found: "credentials for ghcr.io in /root/.docker/config.json".into(),
                    mend: "docker --config /root/.docker logout ghcr.io".into(),
                },
            ),
            line(
                "containers",
                Verdict::CouldNotRun {
                    why: "Docker does not answer\u{1b}[2J".into(),
                },
            ),
        ];
        insta::assert_snapshot!(render("ocr1", &lines, &Styles::default()));
    }
}
