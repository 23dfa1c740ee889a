//! Proof that no secret is left behind or was to be seen: in files, in the journal, in what Docker tells, in
//! process listings, on the terminal. Each search must also find what was planted for it to find.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::machine::Machine;
use crate::secrets::{Secret, WEBHOOK, contains};
use crate::watch::{Kind, Place};
use crate::{ALERTS, ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

/// Where a file of the host could be.
const ROOTS: &str = "/etc /var /opt /root /home /run /tmp /usr/local";
const PLANTED: &str = ".ocrctl-planted";

pub(super) async fn secrets(rehearsal: &mut Rehearsal) -> Seen {
    let secrets = rehearsal.secrets()?;
    // No secret, and found by the same searches.
    let planted = planted("file")?;
    let files = files_of_host(rehearsal, &secrets, &planted).await?;
    journal_and_docker(rehearsal, &secrets).await?;
    let mut everywhere = secrets;
    everywhere.extend(authority_key(rehearsal).await?);
    let processes = processes(rehearsal, &everywhere).await?;
    let commands = terminal(rehearsal, &everywhere)?;
    state(rehearsal, &everywhere, &planted)?;
    Ok(format!(
        "{} secrets looked for in {files} places of the host's files, its journal, what Docker tells, {processes} \
         argument lists and environments, what {commands} commands said, and the controller's state",
        everywhere.len()
    ))
}

/// A word that is nowhere else.
fn planted(what: &str) -> Result<String, ProofError> {
    let key = ocr_api::keys::ApiKey::generate().map_err(|e| ProofError::Wrong(e.to_string()))?;
    Ok(format!("planted-{what}-{}", key.id()))
}

/// Must find what is planted in each root, by the first pattern and by the last, and nothing else.
async fn files_of_host(
    rehearsal: &Rehearsal,
    secrets: &[Secret],
    planted: &str,
) -> Result<usize, ProofError> {
    let prod1 = rehearsal.prod1()?;
    let (first, last) = (format!("{planted}-first"), format!("{planted}-last"));
    let plant = format!(
        "for root in {ROOTS}; do printf {first} >$root/{PLANTED}-1; printf {last} >$root/{PLANTED}-2; done"
    );
    prod1.run(&plant).await?;
    let patterns: Vec<&str> = std::iter::once(first.as_str())
        .chain(
            secrets
                .iter()
                .flat_map(|secret| secret.forms.iter().map(String::as_str)),
        )
        .chain([last.as_str()])
        .collect();
    // By standard input: in its arguments the search would find itself.
    let search = format!("grep -rlsaF -f - {ROOTS}");
    let patterns = patterns.join("\n") + "\n";
    let output = prod1.output(&search, &patterns).await?;
    let remove = format!("for root in {ROOTS}; do rm -f $root/{PLANTED}-*; done");
    prod1.run(&remove).await?;
    // 0: found; 2: some files, such as sockets, can't be read.
    if !matches!(output.code, 0 | 2) {
        return wrong(format!("the search ended with {}", output.code));
    }
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: HashSet<&str> = found.lines().collect();
    let expected: HashSet<String> = ROOTS
        .split(' ')
        .flat_map(|root| ["1", "2"].map(|number| format!("{root}/{PLANTED}-{number}")))
        .collect();
    if let Some(missed) = expected.iter().find(|path| !found.contains(path.as_str())) {
        return wrong(format!(
            "the search does not find {missed}, which was planted"
        ));
    }
    alerts(&prod1, secrets, found.contains(ALERTS)).await?;
    let left = |path: &&&str| !expected.contains(**path) && **path != ALERTS;
    match found.iter().find(left) {
        Some(path) => wrong(format!("a secret is in {path}")),
        None => Ok(ROOTS.split(' ').count()),
    }
}

/// The file that the watcher has its channels from holds their secrets, and no others, for root alone.
async fn alerts(prod1: &Machine, secrets: &[Secret], found: bool) -> Result<(), ProofError> {
    let known = secrets.iter().any(|secret| secret.what == WEBHOOK);
    if found != known {
        return wrong(format!(
            "a secret in {ALERTS}: {found}; alerts are set up: {known}"
        ));
    }
    if !found {
        return Ok(());
    }
    let script = format!("stat -c '%U %a' {ALERTS}; cat {ALERTS}");
    let text = prod1.run(&script).await?;
    if !text.starts_with("root 600") {
        return wrong(format!("others than root may read {ALERTS}"));
    }
    let others = secrets.iter().filter(|secret| secret.what != WEBHOOK);
    match others
        .into_iter()
        .find(|secret| secret.is_in(text.as_bytes()))
    {
        Some(secret) => wrong(format!("{} is in {ALERTS}", secret.what)),
        None => Ok(()),
    }
}

async fn journal_and_docker(rehearsal: &Rehearsal, secrets: &[Secret]) -> Result<(), ProofError> {
    let prod1 = rehearsal.prod1()?;
    let word = planted("journal")?;
    let log = format!(
        "echo {word} | systemd-cat && journalctl --sync && journalctl --no-pager -o export"
    );
    let journal = prod1.run(&log).await?;
    expect(&journal, &word, "the journal")?;
    // An operation of ours was logged: it is the journal of the runs.
    expect(&journal, "ocrctl", "the journal")?;
    clean(&journal, secrets, "the host's journal")?;

    let mut told = prod1.docker("GET", "/images/json", "").await?;
    let listed = prod1.docker("GET", "/containers/json?all=1", "").await?;
    let ids: Vec<serde_json::Value> =
        serde_json::from_str(&listed).map_err(|e| ProofError::Wrong(e.to_string()))?;
    for id in ids.iter().filter_map(|container| container["Id"].as_str()) {
        let path = format!("/containers/{id}/json");
        told.push_str(&prod1.docker("GET", &path, "").await?);
    }
    // Docker must show the container's options.
    expect(&told, "\"NetworkMode\":\"none\"", "what Docker tells")?;
    clean(&told, secrets, "what the host's Docker tells")?;
    for machine in [prod1, rehearsal.infra()?] {
        if let Some(outside) = machine.told_outside().await? {
            clean(&outside, secrets, "what Docker tells of the machines")?;
        }
    }
    Ok(())
}

fn expect(text: &str, word: &str, place: &str) -> Result<(), ProofError> {
    if text.contains(word) {
        return Ok(());
    }
    wrong(format!(
        "{place} does not have \"{word}\", so the search proves nothing"
    ))
}

fn clean(text: &str, secrets: &[Secret], place: &str) -> Result<(), ProofError> {
    match secrets.iter().find(|secret| secret.is_in(text.as_bytes())) {
        Some(secret) => wrong(format!("{} is in {place}", secret.what)),
        None => Ok(()),
    }
}

/// The private key of the host's own authority: it belongs on the host, in its file, and nowhere else.
async fn authority_key(rehearsal: &Rehearsal) -> Result<Option<Secret>, ProofError> {
    let read = "cat /etc/ocrctl/tls/ca.key 2>/dev/null || true";
    let key = rehearsal.prod1()?.run(read).await?;
    let longest = key
        .lines()
        .filter(|line| !line.starts_with('-'))
        .max_by_key(|line| line.len());
    Ok(longest.map(|line| Secret::new("the authority's key", line)))
}

/// Both machines must have been watched, arguments and environment: a process with a word in each is seen.
async fn processes(rehearsal: &Rehearsal, secrets: &[Secret]) -> Result<usize, ProofError> {
    let watch = rehearsal
        .watch
        .as_ref()
        .ok_or(ProofError::Wrong("processes were not watched".into()))?;
    let (arguments, environment) = (planted("arguments")?, planted("environment")?);
    let prod1 = rehearsal.prod1()?;
    // Two commands, so that the shell stays for the second.
    let plant = format!("PLANTED={environment} sh -c 'sleep 0.5; :' {arguments}");
    let began = Instant::now();
    loop {
        prod1.run(&plant).await?;
        Program::new("sh")
            .args(["-c", "sleep 0.5", &arguments])
            .env("PLANTED", &environment)
            .run()
            .await?;
        let seen = watch.seen();
        let missed = [
            (Place::Controller, Kind::Arguments, &arguments),
            (Place::Controller, Kind::Environment, &environment),
            (Place::Host, Kind::Arguments, &arguments),
            (Place::Host, Kind::Environment, &environment),
        ]
        .into_iter()
        .find(|(place, kind, word)| {
            // The command that plants on the host has the words in its own arguments here.
            !seen
                .iter()
                .any(|(p, k, text)| p == place && k == kind && contains(text, word))
        });
        match missed {
            None => {
                let leak = seen.iter().find_map(|(place, kind, text)| {
                    let secret = secrets.iter().find(|secret| secret.is_in(text))?;
                    Some(format!(
                        "{} was in a process's {kind:?} ({place:?})",
                        secret.what
                    ))
                });
                return leak.map_or(Ok(seen.len()), wrong);
            }
            // After a restart of the host the watch starts again.
            Some(_) if began.elapsed() < Duration::from_secs(20) => {}
            Some((place, kind, _)) => {
                return wrong(format!("the watch does not see {kind:?} of the {place:?}"));
            }
        }
    }
}

/// A key may be printed once, to the standard output of the command that makes it. All else is secret always.
fn terminal(rehearsal: &Rehearsal, secrets: &[Secret]) -> Result<usize, ProofError> {
    if rehearsal.keys().is_empty() {
        return wrong("no command has printed a key, so the search proves nothing");
    }
    let said = rehearsal.said();
    for secret in secrets {
        let is_key = secret.what == "an API key";
        let mut shown = 0;
        for said in said.iter() {
            let makes_one =
                said.command.starts_with("keys add") || said.command.starts_with("rotate-key");
            let mut places = vec![(said.stderr.as_str(), "standard error")];
            if is_key && makes_one {
                shown += secret
                    .forms
                    .iter()
                    .map(|form| said.stdout.matches(form).count())
                    .sum::<usize>();
            } else {
                places.push((said.stdout.as_str(), "standard output"));
            }
            for (text, stream) in places {
                if secret.is_in(text.as_bytes()) {
                    let (what, command) = (secret.what, &said.command);
                    return wrong(format!("{what} is in the {stream} of `{command}`"));
                }
            }
        }
        if shown > 1 {
            return wrong("a key was shown more than once");
        }
    }
    Ok(said.len())
}

/// Everything that the rehearsal keeps on the controller, apart from the files that secrets are kept in.
fn state(rehearsal: &Rehearsal, secrets: &[Secret], planted: &str) -> Result<(), ProofError> {
    let directory = &rehearsal.settings.state;
    let path = directory.join(PLANTED);
    let io = |path: &Path, source| ProofError::File {
        path: path.to_owned(),
        source,
    };
    std::fs::write(&path, planted).map_err(|source| io(&path, source))?;
    let mut found = false;
    let mut directories = vec![directory.clone()];
    let mut own: HashSet<&Path> = secrets
        .iter()
        .filter_map(|secret| secret.file.as_deref())
        .collect();
    while let Some(directory) = directories.pop() {
        let entries = std::fs::read_dir(&directory).map_err(|source| io(&directory, source))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                directories.push(path);
            } else if path.is_file() {
                let text = std::fs::read(&path).map_err(|source| io(&path, source))?;
                found |= contains(&text, planted);
                if own.remove(path.as_path()) {
                    continue;
                }
                if let Some(secret) = secrets.iter().find(|secret| secret.is_in(&text)) {
                    return wrong(format!("{} is in {}", secret.what, path.display()));
                }
            }
        }
    }
    std::fs::remove_file(&path).map_err(|source| io(&path, source))?;
    if !found {
        return wrong("the search of the controller's state does not find what was planted");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Provider, Ran, Settings};

    fn rehearsal(state: &Path) -> Rehearsal {
        let settings = Settings {
            ocrctl: "ocrctl".into(),
            release: "trixie".into(),
            provider: Provider::Docker,
            by_ssh: false,
            smoke: false,
            image: "ocr-service".into(),
            scripts: state.to_owned(),
            state: state.to_owned(),
        };
        Rehearsal::new(settings, &[], &[]).unwrap()
    }

    fn ran(command: &str, stdout: &str, stderr: &str) -> Ran {
        Ran {
            command: command.into(),
            code: 0,
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn a_key_is_shown_once_and_a_password_never() {
        let key = ocr_api::keys::ApiKey::generate().unwrap();
        let key = key.reveal();
        let secrets = [
            Secret::new("an API key", key),
            Secret::new("the password", "hunter2"),
        ];
        let holds = |more: &[Ran]| {
            let rehearsal = rehearsal(Path::new("/nonexistent"));
            rehearsal
                .said()
                .push(ran("keys add rehearsal", key, "shown once"));
            rehearsal.said().extend(more.iter().cloned());
            terminal(&rehearsal, &secrets).is_ok()
        };
        assert!(holds(&[]));
        assert!(holds(&[ran("plan rehearsal", "no changes", "")]));
        assert!(!holds(&[ran("keys add rehearsal", key, "")]), "shown again");
        assert!(!holds(&[ran("keys list rehearsal", key, "")]));
        assert!(!holds(&[ran("keys add rehearsal", "", key)]));
        assert!(!holds(&[ran("deploy rehearsal", "", "hunter2 is wrong")]));
        assert!(!holds(&[ran("keys add rehearsal", "hunter2", "")]));
        assert!(
            terminal(&rehearsal(Path::new("/nonexistent")), &secrets).is_err(),
            "where nothing was said, nothing is proved"
        );
    }

    #[test]
    fn a_secret_may_be_in_its_own_file_only() {
        let dir = tempfile::tempdir().unwrap();
        let rehearsal = rehearsal(dir.path());
        let own = dir.path().join("password");
        std::fs::write(&own, "hunter2").unwrap();
        let mut secret = Secret::new("the password", "hunter2");
        secret.file = Some(own);
        let secrets = [secret];
        state(&rehearsal, &secrets, "planted").unwrap();
        std::fs::create_dir(dir.path().join("deep")).unwrap();
        std::fs::write(dir.path().join("deep/log"), "auth aHVudGVyMg==").unwrap();
        assert!(state(&rehearsal, &secrets, "planted").is_err());
    }
}
