//! A host's past operations as a table.

use jiff::Timestamp;

use ocrctl_protocol::{Ended, HistoryEntry};

use super::printable::printable;
use super::style::Styles;
use super::table;

const HEAD: [&str; 6] = [
    "WHEN (UTC)",
    "TOOK",
    "WHO",
    "WHAT",
    "RELEASE",
    "HOW IT ENDED",
];

pub(super) fn render(host: &str, entries: &[HistoryEntry], styles: &Styles) -> String {
    let strong = styles.strong;
    let mut out = format!("{strong}{host}{strong:#}\n");
    if entries.is_empty() {
        out.push_str("Nothing was done here yet.\n");
        return out;
    }
    let rows: Vec<[String; HEAD.len()]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(entries.iter().map(row))
        .collect();
    out.push_str(&table::render(&rows));
    out
}

fn row(entry: &HistoryEntry) -> [String; HEAD.len()] {
    let took = entry.ended.map(|ended| ended.duration_since(entry.began));
    let took = took.filter(|took| !took.is_zero());
    [
        second(entry.began),
        took.map_or_else(String::new, |took| format!("{:.1} s", took.as_secs_f64())),
        printable(&entry.operator).into_owned(),
        printable(&entry.command).into_owned(),
        releases(entry),
        ended(entry),
    ]
}

fn releases(entry: &HistoryEntry) -> String {
    match (&entry.from, &entry.to) {
        (Some(from), Some(to)) if from == to => from.clone(),
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (Some(one), None) => one.clone(),
        (None, Some(to)) => format!("(none) -> {to}"),
        (None, None) => String::new(),
    }
}

fn ended(entry: &HistoryEntry) -> String {
    let detail = entry.detail.as_deref().map(printable).unwrap_or_default();
    // A deploy's detail is its release, which has a column.
    let first = detail.lines().next().unwrap_or_default();
    match entry.outcome {
        Ended::Done if entry.to.is_some() || first.is_empty() => "done".to_owned(),
        Ended::Done => format!("done: {first}"),
        Ended::Failed => format!("failed: {first}"),
        Ended::Running => "goes on".to_owned(),
        Ended::Never => "never ended: its agent was killed, or the host went down".to_owned(),
    }
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
