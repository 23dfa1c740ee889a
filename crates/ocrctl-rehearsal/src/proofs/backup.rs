//! Proofs of `ocrctl backup` and `deploy --restore`: a host that is lost comes back with the keys and the
//! authority that its clients know.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use age::secrecy::ExposeSecret;

use super::certificates::serial;
use super::keys::keys;
use super::{LETTER, SCAN};
use crate::files::{BACKUP, IDENTITY};
use crate::machine::Switch;
use crate::machines::Machines;
use crate::{ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

fn file(rehearsal: &Rehearsal) -> PathBuf {
    rehearsal.settings.state.join(BACKUP)
}

fn identity(rehearsal: &Rehearsal) -> PathBuf {
    rehearsal.settings.state.join(IDENTITY)
}

/// Writes a new identity; gives its recipient.
fn new_identity(path: &PathBuf) -> Result<String, ProofError> {
    let identity = age::x25519::Identity::generate();
    let written = std::fs::write(path, identity.to_string().expose_secret())
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)));
    match written {
        Ok(()) => Ok(identity.to_public().to_string()),
        Err(source) => Err(ProofError::File {
            path: path.clone(),
            source,
        }),
    }
}

/// A backup for the rehearsal's identity, which is made with the first.
pub(super) async fn make(rehearsal: &Rehearsal) -> Result<(), ProofError> {
    let path = identity(rehearsal);
    let recipient = match std::fs::read_to_string(&path) {
        Ok(text) => match text.parse::<age::x25519::Identity>() {
            Ok(identity) => identity.to_public().to_string(),
            Err(error) => return wrong(error),
        },
        Err(_) => new_identity(&path)?,
    };
    let to = file(rehearsal).display().to_string();
    let arguments = [
        "backup",
        "rehearsal",
        "--to",
        &to,
        "--recipient",
        &recipient,
    ];
    rehearsal.ocrctl(&arguments).await?.expect(0)?;
    Ok(())
}

async fn check(
    rehearsal: &Rehearsal,
    file: &str,
    identity: &str,
    code: i32,
) -> Result<Said, ProofError> {
    let arguments = [
        "backup",
        "rehearsal",
        "--check",
        file,
        "--identity",
        identity,
    ];
    let ran = rehearsal.ocrctl(&arguments).await?.expect(code)?;
    Ok(Said {
        stdout: ran.stdout,
        stderr: ran.stderr,
    })
}

struct Said {
    stdout: String,
    stderr: String,
}

pub(super) async fn backup(rehearsal: &mut Rehearsal) -> Seen {
    make(rehearsal).await?;
    let (path, identity) = (file(rehearsal), identity(rehearsal));
    let io = |source| ProofError::File {
        path: path.clone(),
        source,
    };
    let mode = std::fs::metadata(&path).map_err(io)?.permissions().mode() & 0o777;
    if mode != 0o600 {
        return wrong(format!("the backup has mode {mode:o}"));
    }
    let (to, own) = (path.display().to_string(), identity.display().to_string());
    let listed = check(rehearsal, &to, &own, 0).await?.stdout;
    for name in [
        "/etc/ocr/keys.json",
        "/etc/ocrctl/tls/ca.key",
        "/etc/ocrctl/tls/live",
    ] {
        if !listed.contains(name) {
            return wrong(format!("{name} is not in the backup: {listed}"));
        }
    }
    let stranger = rehearsal.settings.state.join("stranger");
    new_identity(&stranger)?;
    let refused = check(rehearsal, &to, &stranger.display().to_string(), 1).await?;
    let text = std::fs::read_to_string(&path).map_err(io)?;
    let short = rehearsal.settings.state.join("short.backup");
    std::fs::write(&short, &text[..text.len() / 2]).map_err(io)?;
    let cut = check(rehearsal, &short.display().to_string(), &own, 1).await?;
    for path in [stranger, short] {
        let _ = std::fs::remove_file(path);
    }
    for (said, words) in [(refused, "for someone else"), (cut, "cut off")] {
        if !said.stderr.contains(words) {
            return wrong(format!(
                "it is not said that it is {words}: {}",
                said.stderr
            ));
        }
    }
    // The organization can read it without us.
    let script = "jq -r 'select(.host == \"prod1\").age' \"$1\" | age -d -i \"$2\"";
    let opened = Program::new("sh")
        .args(["-c", script, "sh", &to, &own])
        .run()
        .await?;
    if !String::from_utf8_lossy(&opened.stdout).contains("/etc/ocr/keys.json") {
        return wrong("`age` opens something else");
    }
    Ok(format!(
        "{} bytes, read by its identity with ocrctl and with age, by no other; cut off, it says so",
        text.len()
    ))
}

pub(super) async fn restore(rehearsal: &mut Rehearsal) -> Seen {
    let authority = rehearsal
        .ocrctl(&["cert", "ca", "rehearsal"])
        .await?
        .expect(0)?
        .stdout;
    let served = serial(rehearsal).await?;
    // Without what they were used for: a new host begins to count anew.
    let before = keys(rehearsal).await?.keys;
    // The machine is lost, and another comes in its place.
    rehearsal.prod1()?.switch(Switch::Destroy).await?;
    let machines = Machines::up(&rehearsal.settings).await?;
    rehearsal.move_in(machines).await;
    rehearsal.write_inventory(&rehearsal.first)?;

    let (to, own) = (
        file(rehearsal).display().to_string(),
        identity(rehearsal).display().to_string(),
    );
    let arguments = [
        "deploy",
        "rehearsal",
        "--restore",
        &to,
        "--identity",
        &own,
        "--yes",
    ];
    let deployed = rehearsal.ocrctl(&arguments).await?.expect(0)?;
    let makes_one = |line: &str| {
        let line = line.trim_start();
        line.starts_with("+ certificate ") || line.starts_with("~ certificate ")
    };
    if deployed.stdout.lines().any(makes_one) {
        return wrong(format!("a certificate is made anew:\n{}", deployed.stdout));
    }
    let after = rehearsal
        .ocrctl(&["cert", "ca", "rehearsal"])
        .await?
        .expect(0)?
        .stdout;
    if after != authority || serial(rehearsal).await? != served {
        return wrong("authority or certificate is another one");
    }
    let after = keys(rehearsal).await?.keys;
    if after != before {
        return wrong(format!("the keys are others:\n{before:?}\n{after:?}"));
    }
    // An old client has its old key, and trusts the old authority.
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    rehearsal.client()?.ocr(&rehearsal.key, SCAN).await?;

    rehearsal
        .ocrctl(&["keys", "add", "rehearsal", "--name", "newer"])
        .await?
        .expect(0)?;
    let before = keys(rehearsal).await?.keys;
    let refused = rehearsal.ocrctl(&arguments).await?.expect(1)?;
    refused.expect_said(&["state of its own", "nothing was done"])?;
    let after = keys(rehearsal).await?.keys;
    if after != before {
        return wrong("a newer key is lost");
    }
    Ok("the same keys, authority and certificate; clients from before were served; a newer key was not replaced".to_owned())
}
