//! API keys as a table.

use jiff::Timestamp;
use ocr_api::keys::{KeyRecord, KeyUse, Usage};

use super::printable::printable;
use super::table;

const HEAD: [&str; 8] = [
    "ID",
    "NAME",
    "SCOPES",
    "CREATED",
    "STATE",
    "LAST USED",
    "FROM",
    "REQUESTS",
];

pub(super) fn render(keys: &[KeyRecord], usage: &Usage, now: Timestamp) -> String {
    if keys.is_empty() {
        return "There are no keys. Nobody can use the service.\n".to_owned();
    }
    let rows: Vec<[String; HEAD.len()]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(
            keys.iter()
                .map(|key| row(key, usage.keys.get(&key.id), now)),
        )
        .collect();
    table::render(&rows)
}

/// Describes a key's use: `let in 12 requests, the last at 2026-03-01 12:00:00 UTC from 192.0.2.7`.
pub fn use_in_words(usage: Option<KeyUse>) -> String {
    let Some(KeyUse {
        count, last, from, ..
    }) = usage
    else {
        return "was never used".to_owned();
    };
    let requests = match count {
        1 => "1 request".to_owned(),
        more => format!("{more} requests"),
    };
    let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
    format!("let in {requests}, the last at {}{from}", second(last))
}

fn row(key: &KeyRecord, usage: Option<&KeyUse>, now: Timestamp) -> [String; HEAD.len()] {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope_name(*scope)).collect();
    let state = match key.refusal(now) {
        None => match key.expires {
            Some(at) => format!("valid until {}", second(at)),
            None => "valid".to_owned(),
        },
        Some(refusal) => refusal.to_string(),
    };
    let (last, from, count) = match usage {
        None => ("never".to_owned(), String::new(), 0),
        Some(usage) => (
            second(usage.last),
            usage.from.map(|from| from.to_string()).unwrap_or_default(),
            usage.count,
        ),
    };
    [
        printable(&key.id).into_owned(),
        printable(&key.name).into_owned(),
        scopes.join(","),
        minute(key.created),
        state,
        last,
        from,
        count.to_string(),
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

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
