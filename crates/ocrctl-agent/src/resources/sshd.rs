//! sshd: keys only. The change is commit-confirmed like the firewall's, and nothing that a host has stricter is loosened:
//! the file says only what is off.

use std::time::Duration;

use super::file::{Content, File};
use super::guard::{Guard, SSHD};
use super::logins::{Reload, reloads};
use crate::host::{Access, Host, Operation};
use ocrctl_protocol::{Action, Change, Result, refused};

const MAIN: &str = "/etc/ssh/sshd_config";
const PATH: &str = SSHD[0];
const TEXT: &str = include_str!("../../../../templates/ssh/hardening.conf");
/// sshd refuses to check its configuration without it, and a service that ends takes it away.
const RUNTIME: &str = "/run/sshd";
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Sshd {
    /// Otherwise the file is taken away.
    pub harden: bool,
}

impl Sshd {
    pub async fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let Some(mut change) = self.difference(host)? else {
            return Ok(None);
        };
        let reloads: Vec<String> = reloads(host).await?.iter().map(Reload::to_string).collect();
        change.reason = format!("{}; {}", change.reason, reloads.join("; "));
        Ok(Some(change))
    }

    fn difference(&self, host: &Host) -> Result<Option<Change>> {
        let change = if self.harden {
            // A host without sshd is reached in another way.
            let Some(main) = host.read_text(MAIN)? else {
                return Ok(None);
            };
            if !includes_directory(&main) {
                return Err(refused(format!(
                    "{MAIN} does not include /etc/ssh/sshd_config.d, so that sshd would not see what ocrctl sets"
                ))
                .hint(
                    "put `Include /etc/ssh/sshd_config.d/*.conf` into its first line, or set `hygiene.sshd: false`",
                ));
            }
            file().diff(host)?
        } else if host.read(PATH)?.is_some() {
            Some(Change {
                resource: format!("file {PATH}"),
                action: Action::Delete,
                reason: "`hygiene.sshd` is off".into(),
                details: Vec::new(),
            })
        } else {
            None
        };
        if !Guard::Sshd.pending(host)? {
            return Ok(change.map(named));
        }
        let mut change = named(change.unwrap_or(Change {
            resource: String::new(),
            action: Action::Update,
            reason: String::new(),
            details: Vec::new(),
        }));
        change.reason = "an earlier change was never confirmed".into();
        change.details.push(Guard::unconfirmed());
        Ok(Some(change))
    }

    pub async fn apply(&self, host: &Host, operation: &mut Operation) -> Result<()> {
        let change = async {
            match self.harden {
                true => file().apply(host)?,
                false => host.remove(PATH)?,
            }
            // Before anything is loaded: a file that sshd refuses would end it at its next start.
            host.make_dir(RUNTIME, 0o755)?;
            host.run("sshd", &["-t"], LIMIT).await?;
            for reload in reloads(host).await? {
                reload.run(host).await?;
            }
            Ok(())
        };
        Guard::Sshd.over(host, operation, change).await
    }
}

fn file() -> File {
    File {
        path: PATH.into(),
        content: Content::Exact(TEXT.into()),
        access: Access::root(0o644),
    }
}

fn named(change: Change) -> Change {
    Change {
        resource: "sshd".into(),
        ..change
    }
}

/// Before any `Match`, after which a line holds for some only.
fn includes_directory(main: &str) -> bool {
    main.lines()
        .map(str::trim)
        .take_while(|line| !line.to_ascii_lowercase().starts_with("match "))
        .filter_map(|line| {
            let (word, rest) = line.split_once(char::is_whitespace)?;
            word.eq_ignore_ascii_case("include").then_some(rest)
        })
        .any(|paths| {
            paths.split_whitespace().any(|path| {
                matches!(
                    path.trim_matches('"'),
                    "/etc/ssh/sshd_config.d/*.conf" | "sshd_config.d/*.conf"
                )
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(main: &str) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        host.write(MAIN, main.as_bytes(), Access::root(0o644))
            .unwrap();
        // Nothing listens.
        std::fs::create_dir_all(host.path("/proc/net")).unwrap();
        std::fs::write(host.path("/proc/net/tcp"), "head\n").unwrap();
        (root, host)
    }

    #[tokio::test]
    async fn a_host_is_hardened_and_let_go() {
        let (_root, host) = host("Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n");
        let (on, off) = (Sshd { harden: true }, Sshd { harden: false });
        assert_eq!(off.diff(&host).await.unwrap(), None);
        let change = on.diff(&host).await.unwrap().unwrap();
        assert_eq!(
            (change.resource.as_str(), change.action),
            ("sshd", Action::Create)
        );
        file().apply(&host).unwrap();
        assert_eq!(on.diff(&host).await.unwrap(), None);
        assert_eq!(
            off.diff(&host).await.unwrap().unwrap().action,
            Action::Delete
        );
    }

    #[tokio::test]
    async fn a_file_that_sshd_would_not_read_is_no_hardening() {
        let (_root, host) = host("Match user x\nInclude /etc/ssh/sshd_config.d/*.conf\n");
        let failure = Sshd { harden: true }.diff(&host).await.unwrap_err();
        assert!(failure.hint.unwrap().contains("Include"));
        assert!(includes_directory("include \"sshd_config.d/*.conf\" x"));
        assert!(!includes_directory(
            "#Include /etc/ssh/sshd_config.d/*.conf"
        ));
    }

    #[tokio::test]
    async fn plans_a_change_for_an_unconfirmed_one() {
        let (_root, host) = host("Include /etc/ssh/sshd_config.d/*.conf\n");
        file().apply(&host).unwrap();
        host.make_dir("/var/lib/ocrctl/sshd-revert", 0o700).unwrap();
        let change = Sshd { harden: true }.diff(&host).await.unwrap().unwrap();
        assert_eq!(
            change.reason,
            "an earlier change was never confirmed; ssh.service will be reloaded"
        );
    }
}
