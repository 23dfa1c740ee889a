//! `ocrctl audit`: what here depends on a person? Each check is a file: it reads what the host is, and a pure
//! function compares that with what the inventory says. A check that finds nothing, one that finds something
//! and one that could not look are three different answers.
//!
//! Accounts and groups are those of the host's own files: a static executable has no NSS.

mod accounts;
mod acme_contact;
mod backup;
mod certificate;
mod containers;
mod image_age;
mod image_owner;
mod jobs;
mod life;
mod packaged;
mod ports;
mod registry_credentials;
mod security_updates;
mod ssh_keys;
mod sudoers;
mod unattended_upgrades;
mod units;

use futures_util::future::{BoxFuture, join_all};

use crate::agent::Result;
use crate::protocol::audit::{Line, Scope, Verdict};
use crate::resources::Host;

/// What a check saw. Without findings, and with nothing left unread, it is in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// What was looked at, in one line.
    summary: String,
    findings: Vec<Finding>,
    /// Parts that could not be looked at, and why.
    unread: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Finding {
    found: String,
    mend: String,
}

impl Seen {
    fn ok(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    fn finding(found: impl Into<String>, mend: impl Into<String>) -> Self {
        let mut seen = Self::default();
        seen.find(found, mend);
        seen
    }

    fn find(&mut self, found: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding {
            found: found.into(),
            mend: mend.into(),
        });
    }
}

struct Check {
    name: &'static str,
    run: for<'a> fn(&'a Host, &'a Scope) -> BoxFuture<'a, Result<Seen>>,
}

macro_rules! checks {
    ($($name:literal $check:ident),* $(,)?) => {
        &[$(Check { name: $name, run: |host, scope| Box::pin($check::check(host, scope)) }),*]
    };
}

/// In the order in which they are told.
const CHECKS: &[Check] = checks![
    "image owner" image_owner,
    "image age" image_age,
    "registry credentials" registry_credentials,
    "ssh keys" ssh_keys,
    "sudoers" sudoers,
    "acme contact" acme_contact,
    "certificate" certificate,
    "backup" backup,
    "cron jobs" jobs,
    "units" units,
    "ports" ports,
    "containers" containers,
    "unattended upgrades" unattended_upgrades,
    "security updates" security_updates,
];

/// All checks, at the same time where they wait.
pub async fn audit(host: &Host, scope: &Scope) -> Vec<Line> {
    let run = async |check: &Check| lines(check.name, (check.run)(host, scope).await);
    let answers = join_all(CHECKS.iter().map(run)).await;
    answers.into_iter().flatten().collect()
}

fn lines(check: &str, answer: Result<Seen>) -> Vec<Line> {
    let line = |verdict| Line {
        check: check.to_owned(),
        verdict,
    };
    let seen = match answer {
        Ok(seen) => seen,
        Err(failure) => {
            let why = match failure.hint {
                Some(hint) => format!("{}; {hint}", failure.message),
                None => failure.message,
            };
            return vec![line(Verdict::CouldNotRun { why })];
        }
    };
    if seen.findings.is_empty() && seen.unread.is_empty() {
        let seen = seen.summary;
        return vec![line(Verdict::Ok { seen })];
    }
    let findings = seen.findings.into_iter().map(|finding| Verdict::Finding {
        found: finding.found,
        mend: finding.mend,
    });
    let unread = seen
        .unread
        .into_iter()
        .map(|why| Verdict::CouldNotRun { why });
    findings.chain(unread).map(line).collect()
}

/// `one thing`, `two things`: with the word's plural where there is not one.
fn count(number: usize, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        0 => format!("no {many}"),
        _ => format!("{number} {many}"),
    }
}

/// A word of a command line, quoted where a shell would take it for more than that.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@=%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Whether the host has the `docker` command: from Debian 13 on it is in a package of its own.
fn has_docker_command(host: &Host) -> bool {
    [
        "/usr/bin/docker",
        "/usr/local/bin/docker",
        "/snap/bin/docker",
    ]
    .iter()
    .any(|path| host.path(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::audit::Ownership;
    use crate::protocol::{Failure, Firewall};

    pub(super) fn scope() -> Scope {
        Scope {
            environment: "prod".into(),
            names: vec!["ocr.example.org".into()],
            image: "registry.example.org/example-org/ocr-service:1".into(),
            ownership: Ownership::default(),
            firewall: Firewall {
                allow: Vec::new(),
                close_published: false,
                limit_ssh: false,
            },
            certificate_from_files: false,
            acme_contact: None,
        }
    }

    pub(super) fn host_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::at(root.path());
        (root, host)
    }

    #[test]
    fn nothing_found_something_found_and_not_looked_are_told_apart() {
        let verdicts = |answer| -> Vec<Verdict> {
            lines("x", answer)
                .into_iter()
                .map(|line| line.verdict)
                .collect()
        };
        let ok = Verdict::Ok { seen: "all".into() };
        assert_eq!(verdicts(Ok(Seen::ok("all"))), [ok]);
        let failed = Failure::new("no answer").hint("start it");
        let why = "no answer; start it".into();
        assert_eq!(verdicts(Err(failed)), [Verdict::CouldNotRun { why }]);
        // What was found counts although something could not be read.
        let mut partly = Seen::finding("a", "rm a");
        partly.unread.push("b".into());
        assert_eq!(
            verdicts(Ok(partly)),
            [
                Verdict::Finding {
                    found: "a".into(),
                    mend: "rm a".into()
                },
                Verdict::CouldNotRun { why: "b".into() },
            ]
        );
    }

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(quoted("/home/ann/.docker"), "/home/ann/.docker");
        assert_eq!(quoted("it's $(id)"), "'it'\\''s $(id)'");
    }
}
