//! A plan as people read it: what changes on a host, why, and how.

use std::fmt::{self, Display, Write};

use anstyle::Style;

use ocrctl_protocol::{Action, Change, Detail};

use super::printable::printable;
use super::style::Styles;

/// `+ package nginx` and what follows, to be written to a stream of these styles. Of new files, the contents are left out
/// unless `diff` is true.
pub(super) fn render(host: &str, changes: &[Change], diff: bool, styles: &Styles) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut out, host, changes, diff, styles);
    out
}

fn write(
    out: &mut String,
    host: &str,
    changes: &[Change],
    diff: bool,
    styles: &Styles,
) -> fmt::Result {
    let strong = styles.strong;
    if changes.is_empty() {
        return writeln!(
            out,
            "{strong}No changes.{strong:#} {host} is as the inventory says."
        );
    }
    writeln!(out, "{strong}{host}{strong:#}")?;
    let mut left_out = false;
    for change in changes {
        let (symbol, style) = symbol(change.action, styles);
        let resource = printable(&change.resource);
        if let Some(lines) = new_lines(change).filter(|_| !diff) {
            writeln!(out, "  {style}{symbol} {resource}{style:#} ({lines})")?;
            // Of a file, it is no more than that it is missing.
            if !resource.starts_with("file ") {
                writeln!(out, "      {}", printable(&change.reason))?;
            }
            left_out = true;
            continue;
        }
        writeln!(out, "  {style}{symbol} {resource}{style:#}")?;
        writeln!(out, "      {}", printable(&change.reason))?;
        for detail in &change.details {
            write_detail(out, detail, styles)?;
        }
    }
    if left_out {
        let faint = styles.faint;
        writeln!(
            out,
            "      {faint}--diff shows what new files contain{faint:#}"
        )?;
    }
    writeln!(out, "{strong}Plan:{strong:#} {}", Summary(changes))
}

/// `14 lines`: the length of a new file, if it is all that is to be said of a change.
fn new_lines(change: &Change) -> Option<String> {
    match (change.action, &change.details[..]) {
        (Action::Create, [Detail::Diff { text }]) => {
            match text.lines().filter(|line| line.starts_with('+')).count() {
                1 => Some("1 line".to_owned()),
                lines => Some(format!("{lines} lines")),
            }
        }
        _ => None,
    }
}

/// ASCII, so that it is the same on every terminal and in every log.
fn symbol(action: Action, styles: &Styles) -> (char, Style) {
    match action {
        Action::Create => ('+', styles.create),
        Action::Update => ('~', styles.update),
        Action::Delete => ('-', styles.delete),
        Action::Start => ('>', styles.create),
    }
}

fn write_detail(out: &mut String, detail: &Detail, styles: &Styles) -> fmt::Result {
    let mut line = |style: Style, text: &str| writeln!(out, "      {style}{text}{style:#}");
    match detail {
        Detail::Diff { text } => printable(text)
            .lines()
            .try_for_each(|text| line(diff_style(text, styles), text)),
        Detail::Field { name, from, to } => {
            let show = |value: &Option<String>| match value {
                Some(value) => printable(value).into_owned(),
                None => "(none)".to_owned(),
            };
            line(
                styles.update,
                &format!("{name}: {} -> {}", show(from), show(to)),
            )
        }
        Detail::Added { text } => line(styles.create, &format!("+ {}", printable(text))),
        Detail::Removed { text } => line(styles.delete, &format!("- {}", printable(text))),
        Detail::Blocked { text, hint } => {
            line(styles.delete, &format!("error: {}", printable(text)))?;
            line(Style::new(), &format!("hint: {}", printable(hint)))
        }
    }
}

fn diff_style(line: &str, styles: &Styles) -> Style {
    match line.as_bytes().first() {
        _ if line.starts_with("+++") || line.starts_with("---") => styles.strong,
        Some(b'+') => styles.create,
        Some(b'-') => styles.delete,
        Some(b'@') => styles.faint,
        _ => Style::new(),
    }
}

/// `3 to create, 1 to update`
pub(super) struct Summary<'a>(pub &'a [Change]);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = [
            (Action::Create, "create"),
            (Action::Update, "update"),
            (Action::Delete, "delete"),
            (Action::Start, "start"),
        ];
        let counted: Vec<String> = actions
            .into_iter()
            .map(|(action, verb)| (self.0.iter().filter(|c| c.action == action).count(), verb))
            .filter(|(count, _)| *count > 0)
            .map(|(count, verb)| format!("{count} to {verb}"))
            .collect();
        f.write_str(&counted.join(", "))
    }
}
