//! API keys as a table.

use jiff::Timestamp;
use ocr_api::keys::KeyRecord;

use super::printable::printable;

pub(super) fn render(keys: &[KeyRecord], now: Timestamp) -> String {
    if keys.is_empty() {
        return "There are no keys. Nobody can use the service.\n".to_owned();
    }
    let head = ["ID", "NAME", "SCOPES", "CREATED", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head)
        .chain(keys.iter().map(|key| row(key, now)))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn row(key: &KeyRecord, now: Timestamp) -> [String; 5] {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope_name(*scope)).collect();
    let state = match key.refusal(now) {
        None => match key.expires {
            Some(at) => format!("valid until {}", minute(at)),
            None => "valid".to_owned(),
        },
        Some(refusal) => refusal.to_string(),
    };
    [
        printable(&key.id).into_owned(),
        printable(&key.name).into_owned(),
        scopes.join(","),
        minute(key.created),
        state,
    ]
}

fn scope_name(scope: ocr_api::keys::Scope) -> &'static str {
    use ocr_api::keys::Scope;
    match scope {
        Scope::Ocr => "ocr",
        Scope::Codes => "codes",
        Scope::Metrics => "metrics",
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
