//! Lines of checks as people read them: a verdict, the name of the check, the finding, and its fix.

use std::fmt::Write;

use ocrctl_protocol::check::{Line, Verdict};

use super::printable::printable;
use super::style::Styles;

/// The words for one bad result and for several.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

const INDENT: &str = "\n                 ";

pub(super) fn render(host: &str, lines: &[Line], words: &Words, styles: &Styles) -> String {
    let (strong, hint) = (styles.strong, styles.hint);
    let mut out = format!("{strong}{host}{strong:#}\n");
    let widths = lines.iter().map(|line| line.check.chars().count());
    let width = widths.max().unwrap_or_default();
    for line in lines {
        let (style, word, text, fix) = match &line.verdict {
            Verdict::Ok { seen } => (styles.create, "ok", seen, None),
            Verdict::Finding { found, fix } => (styles.error, words.one, found, Some(fix)),
            Verdict::CouldNotRun { why } => (styles.warning, "could not run", why, None),
        };
        // Names and texts are from the host.
        let (check, text) = (printable(&line.check), printable(text));
        let text = text.replace('\n', INDENT);
        let _ = writeln!(out, "  {style}{word:13}{style:#}  {check:width$}  {text}");
        if let Some(fix) = fix {
            let fix = printable(&fix.fix).replace('\n', INDENT);
            let _ = writeln!(out, "                 {hint}fix:{hint:#} {fix}");
        }
    }
    let title = words.title;
    let _ = writeln!(out, "{strong}{title}:{strong:#} {}", summary(lines, words));
    out
}

/// `2 findings, 1 could not run, 11 ok`
fn summary(lines: &[Line], words: &Words) -> String {
    let (mut ok, mut bad, mut unknown) = (0, 0, 0);
    for line in lines {
        *match line.verdict {
            Verdict::Ok { .. } => &mut ok,
            Verdict::Finding { .. } => &mut bad,
            Verdict::CouldNotRun { .. } => &mut unknown,
        } += 1;
    }
    let mut parts = Vec::new();
    if bad > 0 {
        let word = if bad == 1 { words.one } else { words.many };
        parts.push(format!("{bad} {word}"));
    }
    if unknown > 0 {
        parts.push(format!("{unknown} could not run"));
    }
    parts.push(format!("{ok} ok"));
    parts.join(", ")
}
