//! `known_hosts` files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which keys a host may present.

use std::fs;
use std::path::{Path, PathBuf};

use ring::hmac;
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};

use super::wild;

/// The entries of one host.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    keys: Vec<Known>,
    revoked: Vec<Known>,
    /// `file:line` of an authority that signs keys of this host.
    pub(super) authority: Option<String>,
}

/// A key and the `file:line` where it stands.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) key: PublicKey,
    pub(super) place: String,
}

/// The files' verdict on a key that a host presents.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    Known,
    /// Nothing is known of this host.
    Unknown,
    /// Others are known.
    Changed(&'a [Known]),
    /// The key is marked as one that must not be believed.
    Revoked(&'a Known),
}

impl KnownKeys {
    /// Reads the files; one that can't be read says nothing, as with `ssh`. A host on another port than 22 is also
    /// known under its bare name, if nothing is known of it with its port.
    pub(super) fn of(name: &str, port: u16, files: &[PathBuf]) -> Self {
        let texts: Vec<(&PathBuf, String)> = files
            .iter()
            .filter_map(|file| {
                let bytes = fs::read(file).ok()?;
                Some((file, String::from_utf8_lossy(&bytes).into_owned()))
            })
            .collect();
        let look_up = |name: &str| {
            let mut found = Self::default();
            for (file, text) in &texts {
                found.read(name, file, text);
            }
            found
        };
        let name = name.to_ascii_lowercase();
        if port == 22 {
            return look_up(&name);
        }
        let found = look_up(&format!("[{name}]:{port}"));
        if found.keys.is_empty() && found.authority.is_none() {
            let mut bare = look_up(&name);
            bare.revoked.extend(found.revoked);
            return bare;
        }
        found
    }

    fn read(&mut self, name: &str, file: &Path, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Lines without an entry are skipped, like by `ssh`.
            let Ok(entry) = words.join(" ").parse::<Entry>() else {
                continue;
            };
            if !matches(entry.host_patterns(), name) {
                continue;
            }
            let place = format!("{}:{}", file.display(), number + 1);
            let known = Known {
                key: entry.public_key().clone(),
                place,
            };
            match entry.marker() {
                None => self.keys.push(known),
                Some(Marker::Revoked) => self.revoked.push(known),
                Some(Marker::CertAuthority) => {
                    self.authority.get_or_insert(known.place);
                }
            }
        }
    }

    pub(super) fn judge(&self, presented: &PublicKey) -> Verdict<'_> {
        let same = |known: &&Known| known.key.key_data() == presented.key_data();
        if let Some(revoked) = self.revoked.iter().find(same) {
            return Verdict::Revoked(revoked);
        }
        if self.keys.iter().any(|known| same(&known)) {
            return Verdict::Known;
        }
        match self.keys.as_slice() {
            [] => Verdict::Unknown,
            keys => Verdict::Changed(keys),
        }
    }

    /// The types of the keys that would be right.
    pub(super) fn kinds(&self) -> Vec<String> {
        self.keys
            .iter()
            .map(|known| known.key.algorithm().to_string())
            .collect()
    }
}

fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => wild::list_matches(patterns, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const OTHER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC";

    fn known(name: &str, port: u16, text: &str) -> KnownKeys {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        KnownKeys::of(name, port, &[file.path().to_owned()])
    }

    fn verdict(name: &str, port: u16, text: &str) -> &'static str {
        match known(name, port, text).judge(&KEY.parse().unwrap()) {
            Verdict::Known => "known",
            Verdict::Unknown => "unknown",
            Verdict::Changed(_) => "changed",
            Verdict::Revoked(_) => "revoked",
        }
    }

    #[test]
    fn a_name_is_found_in_each_way_to_write_it() {
        for pattern in [
            "ocr1.example.org",
            "OCR1.example.org",
            "192.0.2.1,ocr1.example.org",
            "*.example.org",
            "ocr?.example.*",
            "*",
        ] {
            let text = format!("# a comment\n\n{pattern}\t{KEY} a comment\n");
            assert_eq!(verdict("ocr1.example.org", 22, &text), "known", "{pattern}");
        }
        for pattern in [
            "ocr1",
            "*.example.com",
            "!ocr1.example.org,*",
            "[ocr1.example.org]:2222",
        ] {
            let text = format!("{pattern} {KEY}\n");
            assert_eq!(
                verdict("ocr1.example.org", 22, &text),
                "unknown",
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_hashed_name_is_found() {
        let salt = [7; 20];
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        let hashed = |name: &str| {
            use base64::Engine;
            use base64::engine::general_purpose::STANDARD;
            let tag = hmac::sign(&key, name.as_bytes());
            format!(
                "|1|{}|{} {KEY}\n",
                STANDARD.encode(salt),
                STANDARD.encode(tag)
            )
        };
        let text = hashed("ocr1.example.org");
        assert_eq!(verdict("ocr1.example.org", 22, &text), "known");
        assert_eq!(verdict("ocr2.example.org", 22, &text), "unknown");
        let text = hashed("[ocr1.example.org]:2222");
        assert_eq!(verdict("ocr1.example.org", 2222, &text), "known");
        assert_eq!(verdict("ocr1.example.org", 22, &text), "unknown");
    }

    #[test]
    fn a_port_is_part_of_the_name() {
        let text = format!("[ocr1]:2222 {KEY}\n");
        assert_eq!(verdict("ocr1", 2222, &text), "known");
        assert_eq!(verdict("ocr1", 2223, &text), "unknown");
        // Like `ssh`, this uses entries of the bare name if there are no others.
        assert_eq!(verdict("ocr1", 2222, &format!("ocr1 {KEY}\n")), "known");
        let text = format!("ocr1 {KEY}\n[ocr1]:2222 {OTHER}\n");
        assert_eq!(verdict("ocr1", 2222, &text), "changed");
    }

    #[test]
    fn another_key_is_a_change_and_its_place_is_named() {
        let text = format!("other {KEY}\nocr1 {OTHER}\n");
        let known = known("ocr1", 22, &text);
        let Verdict::Changed([changed]) = known.judge(&KEY.parse().unwrap()) else {
            panic!("{known:?}");
        };
        assert!(changed.place.ends_with(":2"), "{}", changed.place);
        assert_eq!(known.kinds(), ["ssh-ed25519"]);
    }

    #[test]
    fn a_revoked_key_is_refused_though_it_is_known() {
        let text = format!("ocr1 {KEY}\n@revoked * {KEY}\n");
        assert_eq!(verdict("ocr1", 22, &text), "revoked");
    }

    #[test]
    fn an_authority_is_noticed_and_vouches_for_nothing() {
        let known = known("ocr1", 22, &format!("@cert-authority ocr* {KEY}\n"));
        assert!(matches!(
            known.judge(&KEY.parse().unwrap()),
            Verdict::Unknown
        ));
        assert!(known.authority.unwrap().ends_with(":1"));
    }

    #[test]
    fn skips_lines_that_are_no_entries() {
        let text = format!("nonsense\nocr1 ssh-ed25519 !!!\n@unknown ocr1 {OTHER}\nocr1 {KEY}\n");
        assert_eq!(verdict("ocr1", 22, &text), "known");
    }
}
