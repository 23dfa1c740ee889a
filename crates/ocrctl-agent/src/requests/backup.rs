//! Backup and restore on the host.

use std::time::Duration;

use secrecy::SecretString;

use super::apply;
use crate::backup::{self, Stamp};
use crate::host::Host;
use crate::host::journal::{Journal, State};
use crate::host::lock::Lock;
use ocrctl_protocol::backup::{Contents, Recipient, now, seal as encrypt};
use ocrctl_protocol::{Context, Event, Failure, FailureKind, Result, Secret, refused};

/// A deploy may be writing what is to be read.
const WAIT: Duration = Duration::from_secs(10);

/// Reads and encrypts. Nothing leaves the host in the clear.
pub async fn seal(
    host: &Host,
    operator: &str,
    environment: &str,
    name: &str,
    recipients: &[String],
) -> Result<Event> {
    let recipients: Vec<Recipient> = recipients
        .iter()
        .map(|recipient| Recipient::parse(recipient).map_err(|error| refused(error.to_string())))
        .collect::<Result<_>>()?;
    let _lock = Lock::take(host, operator, "backup", WAIT).await?;
    let contents = backup::collect(host, environment, name)?;
    if contents.is_empty() {
        return Err(
            Failure::new("the host has nothing to back up: no keys and no certificates")
                .hint("`ocrctl deploy` makes them"),
        );
    }
    let text = serde_json::to_string(&contents).context("writing the backup")?;
    let text = SecretString::from(text);
    let age = encrypt(secrecy::ExposeSecret::expose_secret(&text), &recipients)
        .context("encrypting the backup")?;
    Ok(Event::Sealed {
        age,
        digest: backup::digest(&contents),
    })
}

/// Notes that the operator has the backup, for `ocrctl audit`.
pub fn record(host: &Host, operator: &str, digest: String) -> Result<Event> {
    let stamp = Stamp {
        at: now(),
        operator: operator.to_owned(),
        digest,
    };
    stamp.write(host)?;
    Ok(Event::BackupRecorded)
}

/// Compares, or with the fingerprint of what was shown, restores.
pub async fn restore(
    host: &Host,
    operator: &str,
    contents: &Secret,
    fingerprint: Option<&str>,
) -> Result<Event> {
    // serde's message can quote what it read.
    let contents: Contents = serde_json::from_str(contents.expose())
        .map_err(|_| refused("the contents of the backup are not understood".into()))?;
    let changes = backup::compare(host, &contents)?;
    let Some(fingerprint) = fingerprint else {
        let fingerprint = apply::fingerprint(&changes);
        return Ok(Event::Planned {
            changes,
            fingerprint,
        });
    };
    let _lock = Lock::take(host, operator, "restore", WAIT).await?;
    let _keys = Lock::take_for_keys(host, operator, WAIT).await?;
    if apply::fingerprint(&backup::compare(host, &contents)?) != fingerprint {
        return Err(Failure {
            kind: FailureKind::HostChanged,
            message: "the host has changed since it was compared with the backup; nothing was done"
                .into(),
            hint: Some("run the command again to see what it would do now".into()),
        });
    }
    let journal = Journal::of(host);
    journal.add(operator, "restore", State::Began, None)?;
    let restored = backup::restore(host, &contents);
    let (state, detail) = match &restored {
        Ok(files) => (State::Done, format!("{files} files of {}", contents.at)),
        Err(failure) => (State::Failed, failure.message.clone()),
    };
    journal.add(operator, "restore", state, Some(detail))?;
    Ok(Event::Restored { files: restored? })
}
