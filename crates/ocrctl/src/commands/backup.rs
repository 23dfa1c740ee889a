//! `ocrctl backup ENV --to FILE`, and `--check FILE` for one that was made.

pub(super) mod file;

use self::file::{BackupFile, Part};
use super::fleet::{Fleet, unexpected};
use super::{Failed, Outcome, Result, USAGE, environment};
use crate::cli::{Backup, Global};
use crate::report::Report;
use ocrctl_inventory::Environment;
use ocrctl_protocol::backup::{Identities, Recipient, RecipientError};
use ocrctl_protocol::{Diagnostic, Event, Level, Request};

pub(super) async fn run(global: &Global, report: &Report, backup: &Backup) -> Result {
    let environment = environment(global, &backup.environment.environment)?;
    match (&backup.to, &backup.check, &backup.identity) {
        (Some(to), _, _) => {
            let recipients = recipients(backup, &environment)?;
            make(global, report, &environment, to, recipients).await
        }
        (None, Some(file), Some(identity)) => check(report, &environment, file, identity),
        // The command line asks for one of them.
        (None, _, _) => Ok(Outcome::Done),
    }
}

/// Those of the command line; without any, those of the inventory.
fn recipients(backup: &Backup, environment: &Environment) -> Result<Vec<String>> {
    let usage = |diagnostic: Diagnostic| Failed {
        diagnostics: vec![diagnostic],
        code: USAGE,
    };
    let wrong = |error: RecipientError| usage(Diagnostic::of(&error).hint(error.hint()));
    let mut recipients = Vec::new();
    for text in &backup.recipient {
        recipients.push(Recipient::parse(text).map_err(wrong)?);
    }
    if let Some(path) = &backup.recipients_file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            usage(Diagnostic::new(format!(
                "{} can't be read: {error}",
                path.display()
            )))
        })?;
        recipients.extend(Recipient::parse_lines(&text).map_err(wrong)?);
    }
    let mut recipients: Vec<String> = recipients.iter().map(Recipient::to_string).collect();
    if recipients.is_empty() {
        recipients.clone_from(&environment.backup_recipients);
    }
    if recipients.is_empty() {
        let message = "no recipient is named who could read the backup";
        return Err(usage(Diagnostic::new(message).hint(
            "name a recipient (`age-keygen` makes one): --recipient age1…, or `backup: {recipients: […]}` in the inventory",
        )));
    }
    Ok(recipients)
}

async fn make(
    global: &Global,
    report: &Report,
    environment: &Environment,
    to: &std::path::Path,
    recipients: Vec<String>,
) -> Result {
    let mut fleet = Fleet::connect(global, report, environment).await?;
    let request = |host: &str| {
        Some(Request::Backup {
            environment: environment.name.clone(),
            host: host.to_owned(),
            recipients: recipients.clone(),
        })
    };
    let mut file = BackupFile {
        environment: environment.name.clone(),
        at: ocrctl_protocol::backup::now(),
        parts: Vec::new(),
    };
    let mut digests = Vec::new();
    for (host, answer) in fleet.each(request).await? {
        match answer {
            Event::Sealed { age, digest } => {
                file.parts.push(Part {
                    host: host.clone(),
                    age,
                });
                digests.push((host, digest));
            }
            other => return Err(unexpected(&host, &other)),
        }
    }
    file.write(to)?;
    // Only now is it true that there is a backup.
    let record = |host: &str| {
        let digest = digests.iter().find(|(name, _)| name == host)?.1.clone();
        Some(Request::RecordBackup { digest })
    };
    fleet.each(record).await?;
    fleet.close().await;
    let text = format!(
        "{} in {}: keep the identity that opens it elsewhere",
        match file.parts.len() {
            1 => "1 host".to_owned(),
            number => format!("{number} hosts"),
        },
        to.display(),
    );
    report.note(None, Level::Info, text);
    Ok(Outcome::Done)
}

/// Opens every part, and lists names: nothing of what is in the files.
fn check(
    report: &Report,
    environment: &Environment,
    path: &std::path::Path,
    identity: &std::path::Path,
) -> Result {
    let identities = open_identity(identity)?;
    let file = BackupFile::read(path)?;
    let parts = file.open(path, &environment.name, &identities)?;
    let mut text = String::new();
    for part in &parts {
        let contents = &part.contents;
        text.push_str(&format!("{}, {}\n", contents.host, contents.at));
        for path in contents.entries.keys() {
            text.push_str(&format!("  {path}\n"));
        }
    }
    report.data(&text);
    let missing = environment
        .hosts
        .iter()
        .filter(|target| !parts.iter().any(|part| part.contents.host == target.name));
    for target in missing {
        report.note(Some(&target.name), Level::Warning, "is not in the backup");
    }
    Ok(Outcome::Done)
}

pub(super) fn open_identity(path: &std::path::Path) -> Result<Identities> {
    Identities::read(path).map_err(|error| Failed::new(Diagnostic::of(&error).hint(error.hint())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use ocrctl_inventory::Inventory;

    const ANN: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const BOB: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

    fn environment(more: &str) -> Environment {
        let text = format!(
            "environments: {{prod: {{names: [ocr.example.org], hosts: [{{address: ocr1}}], image: r.example.org/o/n:1{more}}}}}"
        );
        let inventory = Inventory::parse(&text, Path::new("inventory.yaml")).unwrap();
        inventory.environment("prod").unwrap().clone()
    }

    #[test]
    fn prefers_recipients_of_the_command_line() {
        let named = environment(&format!(", backup: {{recipients: [{ANN}]}}"));
        let mut backup = Backup {
            environment: crate::cli::Environment {
                environment: "prod".into(),
            },
            to: None,
            recipient: vec![],
            recipients_file: None,
            check: None,
            identity: None,
        };
        assert_eq!(recipients(&backup, &named).unwrap(), [ANN]);
        assert_eq!(
            recipients(&backup, &environment("")).unwrap_err().code,
            USAGE
        );

        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("recipients");
        std::fs::write(&file, format!("# the safe\n{ANN}\n")).unwrap();
        backup.recipient = vec![BOB.into()];
        backup.recipients_file = Some(file);
        assert_eq!(recipients(&backup, &named).unwrap(), [BOB, ANN]);
        backup.recipient = vec!["AGE-SECRET-KEY-1HUNTER2".into()];
        let failed = recipients(&backup, &named).unwrap_err();
        assert_eq!(failed.code, USAGE);
        assert!(!format!("{failed:?}").contains("HUNTER2"));
    }
}
