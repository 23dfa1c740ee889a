//! Changes that commands make to a set of keys. Nothing in this file knows of hosts.

mod error;

use std::time::Duration;

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyFile, KeyRecord, Refusal};

use ocrctl_inventory::closest;
use ocrctl_protocol::HostKeys;

pub(in crate::commands) use error::EditError;

type Result<T> = std::result::Result<T, EditError>;

/// A key that is in force or will be. Refused for good, a key is as if its client had none.
fn alive(record: &KeyRecord, now: Timestamp) -> bool {
    !matches!(
        record.refusal(now),
        Some(Refusal::Revoked | Refusal::Expired)
    )
}

/// With a key for a client that has none.
pub(super) fn add(file: &KeyFile, record: KeyRecord, now: Timestamp) -> Result<KeyFile> {
    let ids: Vec<String> = file
        .keys
        .iter()
        .filter(|known| known.name == record.name && alive(known, now))
        .map(|known| known.id.clone())
        .collect();
    if !ids.is_empty() {
        return Err(EditError::HasKey {
            name: record.name,
            ids,
        });
    }
    let mut file = file.clone();
    file.keys.push(record);
    Ok(file)
}

/// The record of a key, named by its id or given whole.
pub(super) fn find<'a>(file: &'a KeyFile, id: &str, key: Option<&ApiKey>) -> Result<&'a KeyRecord> {
    let Some(record) = file.keys.iter().find(|record| record.id == id) else {
        let ids = file.keys.iter().map(|record| record.id.as_str());
        return Err(EditError::NoSuchKey {
            id: id.to_owned(),
            closest: closest(id, ids).map(str::to_owned),
            of_client: file
                .keys
                .iter()
                .filter(|record| record.name == id)
                .map(|record| record.id.clone())
                .collect(),
        });
    };
    if key.is_some_and(|key| key.hash() != record.sha256) {
        return Err(EditError::OtherSecret {
            id: id.to_owned(),
            name: record.name.clone(),
        });
    }
    Ok(record)
}

/// With keys that are refused from now on.
pub(in crate::commands) fn revoke(file: &KeyFile, ids: &[String], now: Timestamp) -> KeyFile {
    let mut file = file.clone();
    for record in file.keys.iter_mut().filter(|key| ids.contains(&key.id)) {
        record.revoked.get_or_insert(now);
    }
    file
}

/// With keys that are refused from `end` on, if not before.
pub(in crate::commands) fn expire(file: &KeyFile, ids: &[String], end: Timestamp) -> KeyFile {
    let mut file = file.clone();
    for record in file.keys.iter_mut().filter(|key| ids.contains(&key.id)) {
        record.expires = Some(record.expires.map_or(end, |at| at.min(end)));
    }
    file
}

/// A client's next key beside those that it has.
#[derive(Debug)]
pub(in crate::commands) struct Succession {
    pub(in crate::commands) record: KeyRecord,
    pub(in crate::commands) file: KeyFile,
    /// Ids of the keys before.
    pub(in crate::commands) old: Vec<String>,
}

/// With a new key for a client: of the same name, scopes and quota as its latest one, and where that has an end, valid
/// for as long as that was meant to be. `client` may be left out where there is only one.
pub(in crate::commands) fn succeed(
    file: &KeyFile,
    client: Option<&str>,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Succession> {
    let mut clients: Vec<String> = file
        .keys
        .iter()
        .filter(|record| alive(record, now))
        .map(|record| record.name.clone())
        .collect();
    clients.sort();
    clients.dedup();
    let client = match (client, clients.as_slice()) {
        (Some(client), known) if known.iter().any(|name| name == client) => client,
        (Some(client), known) => {
            return Err(EditError::NoSuchClient {
                client: client.to_owned(),
                closest: closest(client, known.iter().map(String::as_str)).map(str::to_owned),
                clients,
            });
        }
        (None, []) => return Err(EditError::NoClients),
        (None, [only]) => only,
        (None, _) => return Err(EditError::WhichClient { clients }),
    };
    let of_client = || {
        let keys = file.keys.iter();
        keys.filter(|record| record.name == client && alive(record, now))
    };
    let Some(latest) = of_client().max_by_key(|record| record.created) else {
        return Err(EditError::NoClients);
    };
    let mut record = KeyRecord::new(key, client, latest.scopes.clone(), now);
    record.quota = latest.quota;
    record.expires = latest.expires.map(|end| {
        let lifetime = end.duration_since(latest.created);
        now.saturating_add(lifetime).unwrap_or(end)
    });
    let old = of_client().map(|record| record.id.clone()).collect();
    let mut file = file.clone();
    file.keys.push(record.clone());
    Ok(Succession { record, file, old })
}

/// When a grace that begins now is over; to the second, as people read it.
pub(in crate::commands) fn after(now: Timestamp, grace: Duration) -> Timestamp {
    let seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
    let end = now.as_second().saturating_add(seconds);
    Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
}

/// Every key of all hosts; where they differ, whatever refuses more.
pub(super) fn merge(hosts: &[(&str, KeyFile)]) -> Result<KeyFile> {
    let mut all = KeyFile::default();
    for (host, file) in hosts {
        for record in &file.keys {
            match all.keys.iter_mut().find(|known| known.id == record.id) {
                None => all.keys.push(record.clone()),
                Some(known) if known.sha256 != record.sha256 => {
                    return Err(EditError::Conflict {
                        id: record.id.clone(),
                        host: (*host).to_owned(),
                    });
                }
                Some(known) => {
                    known.revoked = earlier(known.revoked, record.revoked);
                    known.expires = earlier(known.expires, record.expires);
                    known.not_before = known.not_before.max(record.not_before);
                    known.scopes.retain(|scope| record.allows(*scope));
                    known.quota = known.quota.or(record.quota);
                }
            }
        }
    }
    all.keys
        .sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(all)
}

/// Describes how one host's keys differ from those of all hosts together; `None` if they don't.
pub(super) fn difference(state: &HostKeys, all: &KeyFile) -> Option<String> {
    if let Some(error) = &state.error {
        let in_force = state.service.as_ref().map_or_else(
            || "no service runs".to_owned(),
            |service| {
                format!(
                    "the running service goes on with the {} that it has",
                    service.loaded
                )
            },
        );
        return Some(format!("its key file can't be used: {error}; {in_force}"));
    }
    if state.digest.as_ref() == Some(&all.digest()) {
        return None;
    }
    let here = |id: &str| state.keys.iter().find(|record| record.id == id);
    let ids = |holds: fn(Option<&KeyRecord>, &KeyRecord) -> bool| {
        let differing = all
            .keys
            .iter()
            .filter(|record| holds(here(&record.id), record));
        let ids: Vec<&str> = differing.map(|record| record.id.as_str()).collect();
        ids.join(", ")
    };
    let missing = ids(|here, _| here.is_none());
    let other = ids(|here, record| here.is_some_and(|here| here != record));
    let parts = [("it lacks", missing), ("it differs in", other)];
    let parts = parts.into_iter().filter(|(_, ids)| !ids.is_empty());
    let parts: Vec<String> = parts.map(|(what, ids)| format!("{what} {ids}")).collect();
    Some(format!(
        "not all hosts have the same keys: {}",
        parts.join("; ")
    ))
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    [a, b].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::keys::{Quota, Scope};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-06-01T00:00:00.5Z")
    }

    fn record(id: &str, name: &str, created: &str) -> KeyRecord {
        let key = ApiKey::generate().unwrap();
        let mut record = KeyRecord::new(&key, name, vec![Scope::Ocr], at(created));
        record.id = id.into();
        record
    }

    fn file(records: Vec<KeyRecord>) -> KeyFile {
        KeyFile {
            keys: records,
            ..KeyFile::default()
        }
    }

    #[test]
    fn a_client_has_one_key_until_that_is_refused_for_good() {
        let one = file(vec![record("k1", "scanner", "2026-01-01T00:00:00Z")]);
        let again = record("k2", "scanner", "2026-02-01T00:00:00Z");
        let refused = add(&one, again.clone(), now()).unwrap_err();
        assert!(refused.to_string().contains("k1") && refused.hint("prod").contains("rotate-key"));
        let revoked = revoke(&one, &["k1".into()], now());
        assert_eq!(add(&revoked, again, now()).unwrap().keys.len(), 2);
    }

    #[test]
    fn a_key_is_found_by_its_id_or_whole_and_near_misses_are_named() {
        let key = ApiKey::generate().unwrap();
        let mine = KeyRecord::new(&key, "scanner", vec![], now());
        let file = file(vec![
            mine.clone(),
            record("7h3k9w2m", "mail room", "2026-01-01T00:00:00Z"),
        ]);
        assert_eq!(find(&file, key.id(), Some(&key)).unwrap(), &mine);
        let hint = |id: &str, key| find(&file, id, key).unwrap_err().hint("prod");
        assert_eq!(hint("7h3k9w2n", None), "did you mean `7h3k9w2m`?");
        assert!(hint("mail room", None).contains("7h3k9w2m"));
        assert!(hint("zzzzzzzz", None).contains("keys list"));
        // Its id is known, but it is not that key: nothing is revoked by a guess.
        assert!(hint("7h3k9w2m", Some(&key)).contains("another environment"));
    }

    #[test]
    fn a_new_key_is_like_the_latest_of_its_client() {
        let mut old = record("k1", "scanner", "2026-01-01T00:00:00Z");
        old.scopes = vec![Scope::Ocr, Scope::Metrics];
        old.quota = Some(Quota {
            pages_per_day: Some(7),
            ..Quota::default()
        });
        old.expires = Some(at("2027-01-01T00:00:00Z"));
        let other = record("k2", "mail room", "2026-05-01T00:00:00Z");
        let both = file(vec![old.clone(), other]);
        let key = ApiKey::generate().unwrap();

        let next = succeed(&both, Some("scanner"), &key, now()).unwrap();
        assert_eq!(next.old, ["k1"]);
        assert_eq!(
            (&next.record.scopes, next.record.quota),
            (&old.scopes, old.quota)
        );
        assert_eq!(next.record.expires, Some(at("2027-06-01T00:00:00.5Z")));
        assert_eq!(next.file.keys.len(), 3);

        // The grace limits the old one, and never gives it more than it had.
        let end = after(now(), Duration::from_secs(24 * 3600));
        assert_eq!(end, at("2026-06-02T00:00:00Z"));
        let limited = expire(&next.file, &next.old, end);
        assert_eq!(limited.keys[0].expires, Some(end));
        let later = expire(&limited, &next.old, at("2028-01-01T00:00:00Z"));
        assert_eq!(later.keys[0].expires, Some(end));
        assert_eq!(limited.keys[2], next.record);
    }

    #[test]
    fn which_client_is_meant_is_clear_or_asked_for() {
        let key = ApiKey::generate().unwrap();
        let ask = |file: &KeyFile, client| succeed(file, client, &key, now());
        let none = ask(&KeyFile::default(), None).unwrap_err();
        assert_eq!(none, EditError::NoClients);
        let mut file = file(vec![
            record("k1", "scanner", "2026-01-01T00:00:00Z"),
            record("k2", "scanner", "2026-02-01T00:00:00Z"),
        ]);
        assert_eq!(ask(&file, None).unwrap().old, ["k1", "k2"]);
        file.keys
            .push(record("k3", "mail room", "2026-02-01T00:00:00Z"));
        let which = ask(&file, None).unwrap_err().to_string();
        assert!(which.contains("mail room, scanner"), "{which}");
        assert!(
            ask(&file, Some("scaner"))
                .unwrap_err()
                .hint("prod")
                .contains("`scanner`")
        );
        assert!(
            ask(&file, Some("fax"))
                .unwrap_err()
                .hint("prod")
                .contains("mail room")
        );
        let file = revoke(&file, &["k3".into()], now());
        assert!(ask(&file, Some("mail room")).is_err(), "it has no key left");
    }

    #[test]
    fn hosts_that_differ_come_to_what_refuses_more() {
        let one = record("k1", "scanner", "2026-01-01T00:00:00Z");
        let mut revoked = one.clone();
        revoked.revoked = Some(now());
        let two = record("k2", "mail room", "2026-02-01T00:00:00Z");
        let a = ("a", file(vec![two.clone(), one.clone()]));
        let b = ("b", file(vec![revoked.clone()]));
        let empty = ("c", KeyFile::default());
        let all = merge(&[a.clone(), b, empty]).unwrap();
        assert_eq!(all.keys, [revoked, two]);
        let state = |file: &KeyFile| HostKeys {
            keys: file.keys.clone(),
            digest: Some(file.digest()),
            error: None,
            usage: ocr_api::keys::Usage::default(),
            service: None,
        };
        assert_eq!(difference(&state(&all), &all), None);
        let differs = difference(&state(&file(vec![one.clone()])), &all).unwrap();
        assert!(
            differs.contains("lacks k2") && differs.contains("differs in k1"),
            "{differs}"
        );
        let mut other = one;
        other.sha256 = record("x", "x", "2026-01-01T00:00:00Z").sha256;
        let conflict = merge(&[a, ("b", file(vec![other]))]).unwrap_err();
        assert!(conflict.to_string().contains('b'), "{conflict}");
    }
}
