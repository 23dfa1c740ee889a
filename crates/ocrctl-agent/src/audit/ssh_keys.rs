//! Which keys log in by SSH, and which of them the inventory does not know.

use super::accounts::{Account, Accounts};
use super::packaged::files;
use super::{Seen, count, quoted};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::ssh_key::{self, PublicKey};

/// sshd_config(5), AuthorizedKeysFile.
const DEFAULT: &str = ".ssh/authorized_keys .ssh/authorized_keys2";

/// Where sshd looks for keys.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sources {
    /// Of each account, with sshd's tokens in them.
    patterns: Vec<String>,
    /// Directives by which sshd trusts keys without a file that lists them, as written.
    others: Vec<String>,
}

/// Keys of one file.
#[derive(Debug)]
struct Found {
    account: String,
    path: String,
    keys: Vec<PublicKey>,
}

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let accounts = Accounts::read(host)?;
    let mut config = host.read_text("/etc/ssh/sshd_config")?.unwrap_or_default();
    for path in files(host, "/etc/ssh/sshd_config.d")? {
        config.push('\n');
        config.push_str(&host.read_text(&path)?.unwrap_or_default());
    }
    let sources = sources(&config);
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for account in &accounts.all {
        for pattern in &sources.patterns {
            let path = path(pattern, account);
            match host.read_text(&path) {
                Ok(text) => found.push(Found {
                    account: account.name.clone(),
                    keys: text
                        .unwrap_or_default()
                        .lines()
                        .filter_map(ssh_key::parse)
                        .collect(),
                    path,
                }),
                Err(failure) => unread.push(failure.message),
            }
        }
    }
    let mut seen = compare(&found, &sources.others, &scope.ownership.ssh_keys);
    seen.unread = unread;
    Ok(seen)
}

/// From all of sshd's configuration: what stands in a Match block counts as well.
fn sources(config: &str) -> Sources {
    let mut sources = Sources::default();
    for line in config.lines() {
        let line = line.trim();
        let Some((word, value)) = line.split_once(|c: char| c.is_whitespace() || c == '=') else {
            continue;
        };
        let value = value.trim_matches(|c: char| c.is_whitespace() || c == '=');
        match word.to_ascii_lowercase().as_str() {
            _ if value.eq_ignore_ascii_case("none") => {}
            "authorizedkeysfile" => {
                let patterns = value
                    .split_whitespace()
                    .map(|p| p.trim_matches('"').to_owned());
                sources.patterns.extend(patterns);
            }
            "authorizedkeyscommand" | "trustedusercakeys" => {
                sources.others.push(format!("{word} {value}"))
            }
            _ => {}
        }
    }
    if sources.patterns.is_empty() {
        sources.patterns = DEFAULT.split(' ').map(str::to_owned).collect();
    }
    sources
}

fn path(pattern: &str, account: &Account) -> String {
    let path = pattern
        .replace("%h", &account.home)
        .replace("%u", &account.name)
        .replace("%U", &account.uid.to_string())
        .replace("%%", "%");
    if path.starts_with('/') {
        path
    } else {
        format!("{}/{path}", account.home)
    }
}

fn compare(found: &[Found], others: &[String], known: &[String]) -> Seen {
    let total: usize = found.iter().map(|found| found.keys.len()).sum();
    let mut seen = Seen::ok(format!("{}, all known", count(total, "key", "keys")));
    // Accounts can share a home directory.
    let mut told = Vec::new();
    for Found {
        account,
        path,
        keys,
    } in found
    {
        for key in keys {
            if known.contains(&key.fingerprint) || told.contains(&(path, &key.fingerprint)) {
                continue;
            }
            told.push((path, &key.fingerprint));
            let whose = match key.comment.as_str() {
                "" => String::new(),
                comment => format!(" ({comment})"),
            };
            // A key in base64 has no `#` in it.
            let delete = quoted(&format!("\\#{}#d", key.blob));
            seen.find(
                format!("{}{whose} logs in as {account}, by {path}", key.fingerprint),
                format!(
                    "sed -i {delete} {}; or add it to `ownership.ssh_keys`",
                    quoted(path)
                ),
            );
        }
    }
    for other in others {
        seen.find(
            format!("sshd takes keys that no file lists: {other}"),
            "remove the directive from sshd's configuration, then `systemctl reload ssh`",
        );
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    const ANN: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC ann@desk";
    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";

    #[tokio::test]
    async fn a_key_that_the_inventory_does_not_know_is_found_with_its_owner() {
        let (_root, host) = host_with(&[
            ("/etc/passwd", PASSWD),
            (
                "/home/ann/.ssh/authorized_keys",
                &format!("# mine\nno-pty {ANN}\n"),
            ),
        ]);
        let mut scope = scope();
        let seen = check(&host, &scope).await.unwrap();
        assert!(
            seen.findings[0].found.contains("(ann@desk) logs in as ann"),
            "{seen:?}"
        );
        scope.ownership.ssh_keys = vec![ssh_key::parse(ANN).unwrap().fingerprint];
        let seen = check(&host, &scope).await.unwrap();
        assert_eq!(
            (seen.findings.len(), seen.summary.as_str()),
            (0, "1 key, all known")
        );
    }

    #[tokio::test]
    async fn keys_are_looked_for_where_sshd_does() {
        let (_root, host) = host_with(&[
            ("/etc/passwd", PASSWD),
            (
                "/etc/ssh/sshd_config",
                "#AuthorizedKeysFile x\nauthorizedkeysfile /keys/%u .keys\n",
            ),
            (
                "/etc/ssh/sshd_config.d/a.conf",
                "AuthorizedKeysCommand /bin/keys %u\nTrustedUserCAKeys none\n",
            ),
            ("/keys/ann", ANN),
            ("/root/.keys", ANN),
            ("/root/.ssh/authorized_keys", "not where sshd looks"),
        ]);
        let found = check(&host, &scope()).await.unwrap().findings;
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].found.contains("as root, by /root/.keys"));
        assert!(found[1].found.contains("as ann, by /keys/ann"));
        assert!(found[2].found.contains("AuthorizedKeysCommand /bin/keys"));
    }

    #[test]
    fn the_command_removes_exactly_that_key() {
        let (root, host) = host_with(&[("/keys", &format!("{ANN}\nssh-rsa other\n"))]);
        let path = host.path("/keys").to_string_lossy().into_owned();
        let found = [Found {
            account: "ann".into(),
            path,
            keys: vec![ssh_key::parse(ANN).unwrap()],
        }];
        let fix = compare(&found, &[], &[]).findings.remove(0).fix;
        let command = fix.split(';').next().unwrap();
        tokio::runtime::Runtime::new()
            .unwrap()
            .block_on(
                ocrctl_command::Program::new("sh")
                    .args(["-c", command])
                    .run(),
            )
            .unwrap();
        let left = std::fs::read_to_string(root.path().join("keys")).unwrap();
        assert_eq!(left, "ssh-rsa other\n");
    }
}
