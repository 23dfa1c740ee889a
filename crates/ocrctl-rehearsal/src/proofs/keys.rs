//! Proofs of API keys: rotated, revoked and expired while the service runs; mistaken commands; guesses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyRecord};
use reqwest::StatusCode;

use super::LETTER;
use crate::client::{Client, send};
use crate::load::Load;
use crate::{ProofError, Ran, Rehearsal, Seen, wrong};
use ocrctl_command::Program;
use ocrctl_protocol::HostKeys;

const IN_FORCE: Duration = Duration::from_secs(1);

/// The only client's key is rotated under load; then another client's load goes on while the new key is revoked at once.
pub(super) async fn rotation(rehearsal: &mut Rehearsal) -> Seen {
    let client = rehearsal.client()?.clone();
    let load = Load::start(&client, &rehearsal.key)?;
    let out = fresh(rehearsal, "rotated.key");
    let rotated = rotate(rehearsal, &["--grace", "1h", "--out", &text_of(&out)]).await;
    let new = rotated?.expect(0).and_then(|_| read_key(&out))?;
    // At once: the command has waited until the service had it.
    client.ocr(&new, LETTER).await?;
    let after_rotation = load.stop().await?;

    let bystander = add(rehearsal, "bystander", &[]).await?;
    let load = Load::start(&client, &bystander)?;
    let watch = tokio::spawn(refused(client.clone(), new.clone()));
    let out = fresh(rehearsal, "revoked.key");
    let to_file = format!("umask 077; cat > {}", out.display());
    let exec = [
        "--client",
        "rehearsal",
        "--revoke-now",
        "--yes",
        "--exec",
        "sh",
        "-c",
        &to_file,
    ];
    let rotated = rotate(rehearsal, &exec).await;
    let newest = rotated?.expect(0).and_then(|ran| {
        ran.expect_said(&["let in", "from "])?;
        read_key(&out)
    })?;
    client.ocr(&newest, LETTER).await?;
    let last_served = watch
        .await
        .map_err(|error| ProofError::Wrong(error.to_string()))??;
    let untouched = load.stop().await?;
    let revoked = record(rehearsal, &new).await?.revoked;
    let Some(revoked) = revoked else {
        return wrong("`keys list` does not say that the key is revoked");
    };
    let late = last_served.duration_since(revoked);
    if late.unsigned_abs() > IN_FORCE && late.is_positive() {
        return wrong(format!(
            "the key was still served {late:#} after it was revoked"
        ));
    }
    rehearsal.key = newest;
    Ok(format!(
        "old and new key good through the grace: {after_rotation}; revoked, the old one was last served {} ms after: {untouched}",
        late.as_millis().max(0)
    ))
}

/// Until the key is refused; the time at which the last request that it let in was sent.
async fn refused(client: Client, key: String) -> Result<Timestamp, ProofError> {
    let began = Instant::now();
    let mut last = Timestamp::now();
    while began.elapsed() < Duration::from_secs(60) {
        let sent = Timestamp::now();
        let request = client.post("/v1/ocr", LETTER).bearer_auth(&key);
        match send("POST /v1/ocr", request).await?.status() {
            StatusCode::OK => last = sent,
            StatusCode::FORBIDDEN => return Ok(last),
            other => return wrong(format!("a revoked key gets {other}")),
        }
    }
    wrong("the key was never refused")
}

pub(super) async fn expiry(rehearsal: &mut Rehearsal) -> Seen {
    let end = Timestamp::from_second(Timestamp::now().as_second() + 4)
        .map_err(|error| ProofError::Wrong(error.to_string()))?;
    let key = add(rehearsal, "short", &["--expires", &end.to_string()]).await?;
    let client = rehearsal.client()?;
    client.ocr(&key, LETTER).await?;
    let last = refused(client.clone(), key).await?;
    let over = Timestamp::now();
    if last >= end || over < end {
        return wrong(format!(
            "last served at {last}, refused at {over}, and its end is {end}"
        ));
    }
    let late = over.duration_since(end);
    Ok(format!(
        "refused {} ms after the second it ends",
        late.as_millis()
    ))
}

/// Whatever goes wrong, the hosts keep the keys that they had.
pub(super) async fn mistakes(rehearsal: &mut Rehearsal) -> Seen {
    let before = ids(rehearsal).await?;
    let add = ["keys", "add", "rehearsal", "--name", "another"];
    let run = |more: &[&str]| {
        let arguments: Vec<String> = add.iter().chain(more).map(|a| (*a).to_owned()).collect();
        let rehearsal = &*rehearsal;
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            rehearsal.ocrctl(&arguments).await
        }
    };
    // Typos.
    let mut typo = rehearsal.key.clone();
    typo.replace_range(30..31, if &typo[30..31] == "x" { "y" } else { "x" });
    let ran = rehearsal
        .ocrctl(&["keys", "revoke", "rehearsal", &typo, "--yes"])
        .await?;
    let ran = ran.expect(64)?.expect_said(&["typo"])?;
    if ran.stderr.contains(&typo[20..50]) {
        return wrong("an error repeats a key");
    }
    let ran = rotate(rehearsal, &["--client", "rehersal"]).await?;
    ran.expect(64)?.expect_said(&["did you mean `rehearsal`"])?;
    rotate(rehearsal, &[])
        .await?
        .expect(64)?
        .expect_said(&["bystander", "--client"])?;
    let again = ["keys", "add", "rehearsal", "--name", "bystander"];
    rehearsal
        .ocrctl(&again)
        .await?
        .expect(64)?
        .expect_said(&["rotate-key"])?;
    // A place for the key that is taken, or is none; a program that fails; an impatient operator.
    let taken = rehearsal.inventory();
    run(&["--out", &text_of(&taken)])
        .await?
        .expect(64)?
        .expect_said(&["overwrites"])?;
    run(&["--out", "/proc/no/such"]).await?.expect(64)?;
    let failing = ["--exec", "sh", "-c", "cat >&2; exit 3"];
    let ran = run(&failing).await?.expect(1)?;
    let ran = ran.expect_said(&["exit status: 3", "taken back"])?;
    if ran.stderr.contains("ocrk_") {
        return wrong("a program's last words were shown with the key in them");
    }
    let out = fresh(rehearsal, "interrupted.key");
    let interrupted = interrupt(rehearsal, &add).await?;
    interrupted
        .expect(1)?
        .expect_said(&["Ctrl-C", "taken back"])?;
    // A dead host, and one whose keys change while the command is at work.
    with_a_second_host(rehearsal, Some(1))?;
    let dead = run(&["--out", &text_of(&out)]).await;
    with_a_second_host(rehearsal, None)?;
    let torn_apart = run(&["--out", &text_of(&out)]).await;
    rehearsal.write_inventory(&rehearsal.first)?;
    dead?.expect(69)?;
    torn_apart?
        .expect(1)?
        .expect_said(&["have changed since", "were put back"])?;
    if out.exists() {
        return wrong("a key that no host knows was left in its file");
    }
    if ids(rehearsal).await? != before {
        return wrong("a command that failed has changed the keys");
    }
    rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    Ok("typos, a taken file, a failing program, Ctrl-C, a dead host, one that changes meanwhile: no key was lost or left".into())
}

/// Ctrl-C while a program is given the key.
async fn interrupt(rehearsal: &Rehearsal, add: &[&str]) -> Result<Ran, ProofError> {
    let executable = &rehearsal.settings.ocrctl;
    let output = Program::new("timeout")
        .args(["--preserve-status", "--signal=INT", "3"])
        .arg(executable)
        .arg("--inventory")
        .arg(rehearsal.inventory())
        .args(add)
        .args(["--exec", "sleep", "30"])
        .output()
        .await?;
    Ok(Ran {
        command: "keys add … --exec sleep 30".into(),
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The same machine under another name too: what one has changed, the other has not expected. Or at a port where nobody is.
fn with_a_second_host(rehearsal: &Rehearsal, port: Option<u16>) -> Result<(), ProofError> {
    rehearsal.write_inventory(&rehearsal.first)?;
    let path = rehearsal.inventory();
    let file = |source| ProofError::File {
        path: path.clone(),
        source,
    };
    let text = std::fs::read_to_string(&path).map_err(file)?;
    let (Some(from), Some(to)) = (text.find("      - name: prod1"), text.find("    tls:")) else {
        return wrong("the inventory has another shape than this proof knows");
    };
    let address = &rehearsal.machines()?.address;
    let mut second = text[from..to]
        .replace("name: prod1", "name: prod2")
        .replace(&format!("address: {address}"), "address: localhost");
    if let Some(port) = port {
        let ssh = rehearsal.machines()?.prod1.ssh_port;
        second = second.replace(&format!("port: {ssh}"), &format!("port: {port}"));
    }
    let both = format!("{}{second}{}", &text[..to], &text[to..]);
    std::fs::write(&path, both).map_err(file)
}

/// Guesses by the dozen from the address that a good client has too.
pub(super) async fn guesses(rehearsal: &mut Rehearsal) -> Seen {
    const GUESSES: usize = 60;
    let client = rehearsal.client()?.clone();
    let load = Load::start(&client, &rehearsal.key)?;
    let mut seen = Vec::new();
    for well_formed in [true, false] {
        let tries = (0..GUESSES).map(|at| {
            let client = client.clone();
            tokio::spawn(async move {
                let guess = match ApiKey::generate() {
                    Ok(key) if well_formed => key.reveal().to_owned(),
                    _ => format!("guess-{at}"),
                };
                let request = client.post("/v1/ocr", LETTER).bearer_auth(guess);
                let response = send("POST /v1/ocr", request).await?;
                let status = response.status();
                let text = crate::client::text(response).await?;
                let told = text.contains("urn:ocr:problem:key-attempts");
                if (status == StatusCode::TOO_MANY_REQUESTS) != told {
                    return wrong(format!("{status}: {text}"));
                }
                Ok(status)
            })
        });
        let (mut refused, mut too_many) = (0, 0);
        for tried in tries.collect::<Vec<_>>() {
            match tried
                .await
                .map_err(|error| ProofError::Wrong(error.to_string()))??
            {
                StatusCode::FORBIDDEN => refused += 1,
                StatusCode::TOO_MANY_REQUESTS => too_many += 1,
                other => return wrong(format!("a guess gets {other}")),
            }
        }
        if refused == 0 || too_many < GUESSES / 2 {
            return wrong(format!("of {GUESSES} guesses {too_many} were slowed down"));
        }
        let kind = if well_formed {
            "well-formed"
        } else {
            "malformed"
        };
        seen.push(format!(
            "{refused} of {GUESSES} {kind} ones got 403, {too_many} got 429"
        ));
    }
    let served = load.stop().await?;
    Ok(format!(
        "{}; a good key behind the same address meanwhile: {served}",
        seen.join("; ")
    ))
}

/// After switches, a rollback and a reboot: every use of the key is in the list.
pub(super) async fn usage(rehearsal: &mut Rehearsal) -> Seen {
    const MORE: u64 = 5;
    let key = parse(&rehearsal.key)?;
    let settled = Duration::from_millis(1500);
    tokio::time::sleep(settled).await;
    let count = async |rehearsal: &Rehearsal| -> Result<_, ProofError> {
        Ok(keys(rehearsal).await?.usage.keys.get(key.id()).copied())
    };
    let before = count(rehearsal).await?.map_or(0, |used| used.count);
    for _ in 0..MORE {
        rehearsal.client()?.ocr(&rehearsal.key, LETTER).await?;
    }
    tokio::time::sleep(settled).await;
    let Some(used) = count(rehearsal).await? else {
        return wrong("the use of the key is not in the list");
    };
    // The loads of the release switches alone were hundreds.
    if used.count != before + MORE || before < 200 {
        return wrong(format!(
            "{before} requests before, {} after {MORE} more",
            used.count
        ));
    }
    let Some(from) = used.from else {
        return wrong("the list does not say from where the key was used");
    };
    Ok(format!(
        "{} requests over both slots, the last from {from}",
        used.count
    ))
}

async fn add(rehearsal: &Rehearsal, name: &str, more: &[&str]) -> Result<String, ProofError> {
    let mut arguments = vec!["keys", "add", "rehearsal", "--name", name];
    arguments.extend(more);
    let ran = rehearsal.ocrctl(&arguments).await?.expect(0)?;
    Ok(parse(&ran.stdout)?.reveal().to_owned())
}

async fn rotate(rehearsal: &Rehearsal, more: &[&str]) -> Result<Ran, ProofError> {
    let mut arguments = vec!["rotate-key", "rehearsal"];
    arguments.extend(more);
    rehearsal.ocrctl(&arguments).await
}

/// Returns the host's report of its keys.
pub(super) async fn keys(rehearsal: &Rehearsal) -> Result<HostKeys, ProofError> {
    let listed = ["keys", "list", "rehearsal", "--json"];
    let listed = rehearsal.ocrctl(&listed).await?.expect(0)?;
    serde_json::from_value(listed.line("keys")?)
        .map_err(|error| ProofError::Wrong(format!("{error}: {}", listed.stdout)))
}

pub(super) async fn ids(rehearsal: &Rehearsal) -> Result<BTreeSet<String>, ProofError> {
    let keys = keys(rehearsal).await?.keys;
    Ok(keys.into_iter().map(|record| record.id).collect())
}

async fn record(rehearsal: &Rehearsal, key: &str) -> Result<KeyRecord, ProofError> {
    let key = parse(key)?;
    let mut keys = keys(rehearsal).await?.keys.into_iter();
    keys.find(|record| record.id == key.id())
        .ok_or_else(|| ProofError::Wrong(format!("{} is not in the list", key.id())))
}

fn parse(text: &str) -> Result<ApiKey, ProofError> {
    ApiKey::parse(text).map_err(|error| ProofError::Wrong(error.to_string()))
}

fn fresh(rehearsal: &Rehearsal, name: &str) -> PathBuf {
    let path = rehearsal.settings.state.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

fn text_of(path: &Path) -> String {
    path.display().to_string()
}

/// The key in a file that only its owner can read; the file goes.
fn read_key(path: &Path) -> Result<String, ProofError> {
    use std::os::unix::fs::PermissionsExt;
    let file = |source| ProofError::File {
        path: path.to_owned(),
        source,
    };
    let mode = std::fs::metadata(path).map_err(file)?.permissions().mode() & 0o777;
    let text = std::fs::read_to_string(path).map_err(file)?;
    std::fs::remove_file(path).map_err(file)?;
    if mode != 0o600 {
        return wrong(format!("{} has mode {mode:o}", path.display()));
    }
    Ok(parse(&text)?.reveal().to_owned())
}
