//! Accounts that can become root: by sudo's files, by a second account with root's number, or by Docker's socket.

use super::accounts::Accounts;
use super::packaged::files;
use super::{Seen, count, quoted};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

const SUDOERS: &str = "/etc/sudoers";
/// Includes of includes of includes.
const DEPTH: usize = 16;

/// A line that gives rights, as `visudo` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    path: String,
    /// `user`, `%group`, `#uid`, `ALL`.
    who: Vec<String>,
    line: String,
}

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let accounts = Accounts::read(host)?;
    let mut grants = Vec::new();
    read(host, SUDOERS, DEPTH, &mut grants)?;
    Ok(compare(&grants, &accounts, &scope.ownership.sudoers))
}

fn read(host: &Host, path: &str, depth: usize, grants: &mut Vec<Grant>) -> Result<()> {
    let (Some(text), true) = (host.read_text(path)?, depth > 0) else {
        return Ok(());
    };
    let (own, includes) = parse(path, &text);
    grants.extend(own);
    for include in includes {
        match include {
            Include::File(path) => read(host, &path, depth - 1, grants)?,
            Include::Directory(directory) => {
                for path in files(host, &directory)? {
                    // sudoers(5): files with a dot in their name, or ending in `~`, are passed over.
                    let name = path.rsplit('/').next().unwrap_or_default();
                    if !name.contains('.') && !name.ends_with('~') {
                        read(host, &path, depth - 1, grants)?;
                    }
                }
            }
        }
    }
    Ok(())
}

enum Include {
    File(String),
    Directory(String),
}

fn parse(path: &str, text: &str) -> (Vec<Grant>, Vec<Include>) {
    let (mut grants, mut includes) = (Vec::new(), Vec::new());
    let mut aliases: Vec<(String, Vec<String>)> = Vec::new();
    // A backslash at its end continues a line.
    let text = text.replace("\\\n", " ");
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["@include" | "#include", file] => includes.push(Include::File((*file).to_owned())),
            ["@includedir" | "#includedir", directory] => {
                includes.push(Include::Directory(
                    directory.trim_end_matches('/').to_owned(),
                ));
            }
            // `#1000 ALL=…` is an account, `# text` a comment.
            [word, ..]
                if word.starts_with('#')
                    && !word[1..].starts_with(|c: char| c.is_ascii_digit()) => {}
            ["User_Alias", rest @ ..] => {
                for alias in rest.join(" ").split(':') {
                    if let Some((name, members)) = alias.split_once('=') {
                        aliases.push((name.trim().to_owned(), list(members)));
                    }
                }
            }
            [word, ..] if word.starts_with("Defaults") || word.ends_with("_Alias") => {}
            // The users end where the hosts begin: the word before the `=`.
            _ => {
                let Some((left, _)) = line.split_once('=') else {
                    continue;
                };
                let left = left.trim_end();
                let users = left
                    .rsplit_once(char::is_whitespace)
                    .map_or(left, |(users, _)| users);
                let who = list(users)
                    .into_iter()
                    .flat_map(
                        |user| match aliases.iter().find(|(name, _)| *name == user) {
                            Some((_, members)) => members.clone(),
                            None => vec![user],
                        },
                    )
                    .collect();
                grants.push(Grant {
                    path: path.to_owned(),
                    who,
                    line: line.to_owned(),
                });
            }
        }
    }
    (grants, includes)
}

fn list(text: &str) -> Vec<String> {
    let words = text.split(',').map(|word| word.trim().trim_matches('"'));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn compare(grants: &[Grant], accounts: &Accounts, known: &[String]) -> Seen {
    let mut seen = Seen::default();
    let mut all: Vec<String> = Vec::new();
    let mut tell = |account: &str, by: &str, fix: String| {
        if account == "root" {
            return;
        }
        if !all.iter().any(|one| one == account) {
            all.push(account.to_owned());
        }
        if !known.iter().any(|one| one == account) {
            seen.find(
                format!("{account} can become root, {by}"),
                format!("{fix}; or add it to `ownership.sudoers`"),
            );
        }
    };
    for account in accounts.all.iter().filter(|account| account.uid == 0) {
        let name = &account.name;
        tell(name, "by its number 0", format!("userdel {}", quoted(name)));
    }
    let in_group =
        |name: &str, group: &str| format!("gpasswd -d {} {}", quoted(name), quoted(group));
    for name in accounts.members("docker") {
        tell(&name, "by Docker's socket", in_group(&name, "docker"));
    }
    for grant in grants {
        let by = format!("by `{}` in {}", grant.line, grant.path);
        let edit = format!("remove the line with `visudo -f {}`", quoted(&grant.path));
        for who in &grant.who {
            if let Some(group) = who.strip_prefix('%') {
                for name in accounts.members(group.trim_start_matches(':')) {
                    tell(
                        &name,
                        &format!("by the group {group} in {}", grant.path),
                        in_group(&name, group),
                    );
                }
            } else if let Some(uid) = who.strip_prefix('#') {
                let account = accounts
                    .all
                    .iter()
                    .find(|account| account.uid.to_string() == uid);
                tell(
                    account.map_or(who, |account| &account.name),
                    &by,
                    edit.clone(),
                );
            } else if who == "ALL" {
                tell("everyone", &by, edit.clone());
            } else if !who.starts_with('!') {
                tell(who, &by, edit.clone());
            }
        }
    }
    seen.summary = match all.len() {
        0 => "nobody but root".to_owned(),
        number => format!(
            "{} beside root, all known",
            count(number, "account", "accounts")
        ),
    };
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    const DEBIAN: &str = "# The file\nDefaults env_reset\n#User_Alias X = y\nroot ALL=(ALL:ALL) ALL\n\
        %sudo\tALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n";
    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n\
        bob:x:1001:1001::/home/bob:/bin/sh\n";

    async fn found(files: &[(&str, &str)], known: &[&str]) -> Vec<String> {
        let (_root, host) = host_with(files);
        let mut scope = scope();
        scope.ownership.sudoers = known.iter().map(|name| (*name).to_owned()).collect();
        let findings = check(&host, &scope).await.unwrap().findings;
        findings
            .into_iter()
            .map(|finding| format!("{} | {}", finding.found, finding.fix))
            .collect()
    }

    #[tokio::test]
    async fn finds_no_account_in_debians_defaults() {
        let files = [
            ("/etc/passwd", PASSWD),
            ("/etc/group", "sudo:x:27:\n"),
            ("/etc/sudoers", DEBIAN),
        ];
        assert_eq!(found(&files, &[]).await, [""; 0]);
    }

    #[tokio::test]
    async fn every_way_to_root_is_found_unless_it_is_known() {
        let passwd = format!("{PASSWD}toor:x:0:0::/root:/bin/sh\n");
        let files = [
            ("/etc/passwd", passwd.as_str()),
            ("/etc/group", "sudo:x:27:ann\ndocker:x:99:bob\n"),
            ("/etc/sudoers", DEBIAN),
            (
                "/etc/sudoers.d/team",
                "User_Alias OPS = carl, \\\n  dora\nOPS ALL=(ALL) NOPASSWD: ALL\n",
            ),
            ("/etc/sudoers.d/by-number", "#1001 ALL = /bin/sh\n"),
            ("/etc/sudoers.d/passed.over", "eve ALL=(ALL) ALL\n"),
        ];
        let all = found(&files, &[]).await;
        for words in [
            "toor can become root, by its number 0",
            "bob can become root, by Docker's socket | gpasswd -d bob docker",
            "ann can become root, by the group sudo in /etc/sudoers | gpasswd -d ann sudo",
            "carl can become root",
            "dora can become root",
            "bob can become root, by `#1001 ALL = /bin/sh`",
        ] {
            assert!(
                all.iter().any(|line| line.contains(words)),
                "{words}: {all:?}"
            );
        }
        assert_eq!(all.len(), 6, "{all:?}");
        assert_eq!(
            found(&files, &["ann", "bob", "carl", "dora", "toor"]).await,
            [""; 0]
        );
    }
}
