//! `keys.json`, the file of API keys. It holds hashes, never keys.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApiKey, KeyHash};
#[cfg(feature = "schema")]
use crate::schema::Time;

/// The only version.
const VERSION: u32 = 1;
/// A well-formed key that nobody owns. Its text is hashed if the request has no well-formed key.
const DECOY: &str = "ocrk_00000000_00000000000000000000000000000000000000000001N8hOC";

/// The whole file. It is created by [`KeyFile::default`] or [`KeyFile::parse`]. Unknown fields are rejected: a misspelt
/// `expires` must be an error and not a key that never expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    pub version: u32,
    pub keys: Vec<KeyRecord>,
}

/// Data about one key, without the key itself. Times are in RFC 3339, such as `2027-01-31T00:00:00Z`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// Public part of the key.
    pub id: String,
    /// Name of the key's owner.
    pub name: String,
    /// Hash of the key.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sha256: KeyHash,
    /// Permitted uses.
    pub scopes: Vec<Scope>,
    #[cfg_attr(feature = "schema", schemars(with = "Time"))]
    pub created: Timestamp,
    /// Time before which the key is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Time>"))]
    pub not_before: Option<Timestamp>,
    /// Time from which on the key is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Time>"))]
    pub expires: Option<Timestamp>,
    /// Time at which the key was revoked. A key with this field is refused, whatever the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Time>"))]
    pub revoked: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// Permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// `/v1/ocr`, `/v1/inspect`
    Ocr,
    /// `/v1/codes`
    Codes,
    /// `/metrics`
    Metrics,
}

/// Limits of a key. An absent field sets no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Quota {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_per_day: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_pages: Option<u32>,
}

/// Reason for which a key file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("not a key file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("version {0} of the key file is unknown; this program reads version {VERSION}")]
    Version(u32),
    #[error("the key id `{0}` is used twice")]
    DuplicateId(String),
    #[error("the key `{0}` has no name")]
    NoName(String),
}

/// Reason for which a request was refused, for the log. Clients never learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("missing")]
    Missing,
    #[error("malformed")]
    Malformed,
    #[error("unknown")]
    Unknown,
    #[error("not yet valid")]
    NotYetValid,
    #[error("expired")]
    Expired,
    #[error("revoked")]
    Revoked,
    #[error("not for this route")]
    Scope,
}

/// A refusal, and the id of the key, if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub why: Refusal,
    /// Id of the record whose key was presented. `None` unless the whole key was right.
    pub id: Option<String>,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Ocr, Self::Codes, Self::Metrics];
}

impl Default for KeyFile {
    fn default() -> Self {
        Self {
            version: VERSION,
            keys: Vec::new(),
        }
    }
}

impl KeyFile {
    /// Parses and validates the JSON of a key file.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeyFileError> {
        let file: Self = serde_json::from_slice(json)?;
        file.validate()?;
        Ok(file)
    }

    fn validate(&self) -> Result<(), KeyFileError> {
        if self.version != VERSION {
            return Err(KeyFileError::Version(self.version));
        }
        let mut seen = HashSet::new();
        for record in &self.keys {
            if !seen.insert(record.id.as_str()) {
                return Err(KeyFileError::DuplicateId(record.id.clone()));
            }
            if record.name.trim().is_empty() {
                return Err(KeyFileError::NoName(record.id.clone()));
            }
        }
        Ok(())
    }

    /// Text of the file: indented JSON with a line end.
    pub fn to_json(&self) -> String {
        // The file consists of strings, numbers and times, which always serialize.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Verifies a presented key at the time `now`, for a route that needs one of `scopes`. Returns the key's record.
    ///
    /// The cost is the same for any presented text, and for none: the text is read to its end, one text of a key's
    /// length is hashed, and the hash is compared with those of all records. So the time does not reveal the reason of
    /// a refusal.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify(
        &self,
        presented: Option<&str>,
        scopes: &[Scope],
        now: Timestamp,
    ) -> Result<&KeyRecord, Refused> {
        let text = presented.map_or(DECOY, str::trim);
        let fits = text.len() == DECOY.len();
        let text = if fits { text } else { DECOY };
        let malformed = ApiKey::parse(text).is_err() | !fits;
        let hash = KeyHash::of(text);
        let mut found = None;
        for record in &self.keys {
            if record.sha256 == hash {
                found = Some(record);
            }
        }
        let why = match found {
            _ if presented.is_none() => Refusal::Missing,
            _ if malformed => Refusal::Malformed,
            None => Refusal::Unknown,
            Some(record) => match record.refusal(now) {
                Some(refusal) => refusal,
                None if !scopes.iter().any(|scope| record.allows(*scope)) => Refusal::Scope,
                None => return Ok(record),
            },
        };
        Err(Refused {
            why,
            id: found.map(|record| record.id.clone()),
        })
    }

    /// SHA-256, in hex, of the file's content, independent of its formatting.
    pub fn digest(&self) -> String {
        let mut sorted = self.clone();
        sorted.keys.sort_by(|a, b| a.id.cmp(&b.id));
        KeyHash::of(&sorted.to_json()).to_string()
    }

    /// Path of the copy of the last valid key file, beside it. A service that starts with an unusable key file loads
    /// the copy.
    pub fn last_good(path: &Path) -> PathBuf {
        path.with_extension("last-good.json")
    }
}

impl KeyRecord {
    /// Record of a new key that is valid from now on, without limits except for its scopes.
    pub fn new(key: &ApiKey, name: &str, scopes: Vec<Scope>, created: Timestamp) -> Self {
        Self {
            id: key.id().to_owned(),
            name: name.to_owned(),
            sha256: key.hash(),
            scopes,
            created,
            not_before: None,
            expires: None,
            revoked: None,
            quota: None,
        }
    }

    /// Reason for which a client with this key would be refused at `now`, if it would.
    pub fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        if self.revoked.is_some() {
            Some(Refusal::Revoked)
        } else if self.expires.is_some_and(|at| now >= at) {
            Some(Refusal::Expired)
        } else if self.not_before.is_some_and(|at| now < at) {
            Some(Refusal::NotYetValid)
        } else {
            None
        }
    }

    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn file_with_one() -> (KeyFile, ApiKey) {
        let key = ApiKey::generate().unwrap();
        let record = KeyRecord::new(&key, "me", vec![Scope::Ocr], at("2026-01-01T00:00:00Z"));
        let file = KeyFile {
            keys: vec![record],
            ..KeyFile::default()
        };
        (file, key)
    }

    #[test]
    fn parses_its_own_text_which_has_no_key() {
        let (mut file, key) = file_with_one();
        file.keys[0].expires = Some(at("2027-01-01T00:00:00Z"));
        file.keys[0].quota = Some(Quota {
            pages_per_day: Some(10),
            ..Quota::default()
        });
        let json = file.to_json();
        assert_eq!(KeyFile::parse(json.as_bytes()).unwrap(), file);
        assert!(json.contains("2027-01-01T00:00:00Z"));
        assert!(!json.contains(&key.reveal()[14..]));
    }

    #[test]
    fn finds_a_valid_key_by_its_text() {
        let (file, key) = file_with_one();
        let now = at("2026-06-01T00:00:00Z");
        let record = file.verify(Some(key.reveal()), &[Scope::Ocr], now).unwrap();
        assert_eq!(record.name, "me");
        assert!(record.allows(Scope::Ocr));
        assert!(!record.allows(Scope::Metrics));
    }

    #[test]
    fn distinguishes_refusals_for_the_log() {
        let (mut file, key) = file_with_one();
        let now = at("2026-06-01T00:00:00Z");
        let ask =
            |file: &KeyFile, text: Option<&str>| file.verify(text, &[Scope::Ocr], now).unwrap_err();
        let refusal = |file: &KeyFile, text: &str| ask(file, Some(text)).why;

        assert_eq!(ask(&file, None).why, Refusal::Missing);
        assert_eq!(refusal(&file, "Bearer x"), Refusal::Malformed);
        assert_eq!(refusal(&file, DECOY), Refusal::Unknown);
        let other = ApiKey::generate().unwrap();
        assert_eq!(refusal(&file, other.reveal()), Refusal::Unknown);

        file.keys[0].not_before = Some(at("2026-06-02T00:00:00Z"));
        assert_eq!(refusal(&file, key.reveal()), Refusal::NotYetValid);
        file.keys[0].not_before = Some(now);
        let good = |scope| file.verify(Some(key.reveal()), &[scope], now);
        assert!(good(Scope::Ocr).is_ok());
        let other_route = good(Scope::Metrics).unwrap_err();
        assert_eq!(other_route.why, Refusal::Scope);
        assert_eq!(other_route.id.as_deref(), Some(key.id()));

        file.keys[0].expires = Some(now);
        assert_eq!(refusal(&file, key.reveal()), Refusal::Expired);
        file.keys[0].revoked = Some(at("2030-01-01T00:00:00Z"));
        assert_eq!(refusal(&file, key.reveal()), Refusal::Revoked);
    }

    #[test]
    fn rejects_a_wrong_secret_as_unknown() {
        let (mut file, key) = file_with_one();
        file.keys[0].sha256 = KeyHash::of("something else");
        let now = at("2026-06-01T00:00:00Z");
        let refused = file.verify(Some(key.reveal()), &[Scope::Ocr], now);
        assert_eq!(refused.unwrap_err().why, Refusal::Unknown);
    }

    #[test]
    fn the_decoy_is_well_formed_but_never_valid() {
        assert!(ApiKey::parse(DECOY).is_ok());
    }

    #[test]
    fn the_digest_is_independent_of_formatting() {
        let (mut file, _) = file_with_one();
        let (more, _) = file_with_one();
        file.keys.extend(more.keys);
        let mut turned = file.clone();
        turned.keys.reverse();
        assert_eq!(file.digest(), turned.digest());
        turned.keys[0].revoked = Some(at("2026-01-01T00:00:00Z"));
        assert_ne!(file.digest(), turned.digest());
    }

    #[test]
    fn rejects_unknown_fields_versions_duplicates_and_torn_files() {
        let (mut file, _) = file_with_one();
        let json = file.to_json();
        let typo = json.replace("\"created\"", "\"expirs\": null, \"created\"");
        assert!(matches!(
            KeyFile::parse(typo.as_bytes()),
            Err(KeyFileError::Json(_))
        ));
        let torn = &json.as_bytes()[..json.len() / 2];
        assert!(matches!(KeyFile::parse(torn), Err(KeyFileError::Json(_))));
        assert!(matches!(
            KeyFile::parse(br#"{"version": 2, "keys": []}"#),
            Err(KeyFileError::Version(2))
        ));
        file.keys.push(file.keys[0].clone());
        assert!(matches!(
            KeyFile::parse(file.to_json().as_bytes()),
            Err(KeyFileError::DuplicateId(_))
        ));
    }
}
