//! Lines of checks as people read them: a verdict, the name of the check, the finding, and its fix.

use std::fmt::Write;

use super::printable::printable;
use super::style::Styles;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Unknown,
}

pub(super) struct Row<'a> {
    pub(super) check: &'a str,
    pub(super) tone: Tone,
    pub(super) text: &'a str,
    pub(super) mend: Option<&'a str>,
}

/// The words for one bad result and for several.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

const INDENT: &str = "\n                 ";

pub(super) fn render(host: &str, rows: &[Row<'_>], words: &Words, styles: &Styles) -> String {
    let (strong, hint) = (styles.strong, styles.hint);
    let mut out = format!("{strong}{host}{strong:#}\n");
    let widths = rows.iter().map(|row| row.check.chars().count());
    let width = widths.max().unwrap_or_default();
    for row in rows {
        let (style, word) = match row.tone {
            Tone::Good => (styles.create, "ok"),
            Tone::Bad => (styles.error, words.one),
            Tone::Unknown => (styles.warning, "could not run"),
        };
        // Names and texts are from the host.
        let (check, text) = (printable(row.check), printable(row.text));
        let text = text.replace('\n', INDENT);
        let _ = writeln!(out, "  {style}{word:13}{style:#}  {check:width$}  {text}");
        if let Some(mend) = row.mend {
            let mend = printable(mend).replace('\n', INDENT);
            let _ = writeln!(out, "                 {hint}fix:{hint:#} {mend}");
        }
    }
    let title = words.title;
    let _ = writeln!(out, "{strong}{title}:{strong:#} {}", summary(rows, words));
    out
}

/// `2 findings, 1 could not run, 11 ok`
fn summary(rows: &[Row<'_>], words: &Words) -> String {
    let count = |tone| rows.iter().filter(|row| row.tone == tone).count();
    let bad = count(Tone::Bad);
    let mut parts = Vec::new();
    if bad > 0 {
        let word = if bad == 1 { words.one } else { words.many };
        parts.push(format!("{bad} {word}"));
    }
    let unknown = count(Tone::Unknown);
    if unknown > 0 {
        parts.push(format!("{unknown} could not run"));
    }
    parts.push(format!("{} ok", count(Tone::Good)));
    parts.join(", ")
}
