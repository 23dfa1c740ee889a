//! Proof of `ocrctl ocr`: documents through the deployed service, and what it says when that does not go.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ocr_api::answer::{Answer, Method};
use ocr_api::keys::ApiKey;

use super::{certificates, documents};
use crate::files::PROBE_CA;
use crate::{ProofError, Ran, Rehearsal, Seen, wrong};

pub(super) async fn client(rehearsal: &mut Rehearsal) -> Seen {
    let state = rehearsal.settings.state.clone();
    let (ca, key_file) = (state.join(PROBE_CA), state.join("client.key"));
    write(&ca, &certificates::root(rehearsal).await?)?;
    write(&key_file, &rehearsal.key)?;
    let seen = proved(rehearsal, &ca, &key_file).await;
    let _ = std::fs::remove_file(&key_file);
    seen
}

async fn proved(rehearsal: &Rehearsal, ca: &Path, key_file: &Path) -> Seen {
    let port = rehearsal.machines()?.prod1.https_port;
    let (at, nobody) = (format!("127.0.0.1:{port}"), "127.0.0.1:1");
    let (ca, key) = (ca.to_string_lossy(), key_file.to_string_lossy());
    let ocr = async |more: &[&str], at: &str| -> Result<Ran, ProofError> {
        let all = ["ocr", "--env", "rehearsal", "--key-file", &key, "--at", at];
        rehearsal.ocrctl(&[&all[..], more].concat()).await
    };
    let sample = |name: &str| rehearsal.settings.scripts.join("documents").join(name);
    let (scan, letter) = (sample("scan.jpg"), sample("letter.pdf"));
    let (scan, letter) = (scan.to_string_lossy(), letter.to_string_lossy());
    let readme = sample("README.md");
    let readme = readme.to_string_lossy();

    // One that can't be read stops none of the others, and they come in the order that was given.
    let text = ocr(&["--ca", &ca, &scan, &readme, &letter], &at).await?;
    let text = text
        .expect(1)?
        .expect_said(&[&readme, "(415)", "hint: PDF, PNG"])?;
    let heads: Vec<&str> = text
        .stdout
        .lines()
        .filter(|it| it.starts_with("==>"))
        .collect();
    let wanted = [&scan, &letter].map(|name| format!("==> {name} <=="));
    let words = text.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    if heads != wanted || words.matches(documents::PHRASE).count() != 2 {
        return wrong(format!("the text is {}", text.stdout));
    }

    let json = ocr(&["--ca", &ca, "--format", "json", &letter], &at).await?;
    let json = json.expect(0)?;
    let answer: Answer = serde_json::from_str(&json.stdout)
        .map_err(|error| ProofError::Wrong(format!("{error}: {}", json.stdout)))?;
    documents::read(&answer, Method::Text)?;

    let codes = ocr(&["--ca", &ca, "--format", "codes", &scan, &letter], &at).await?;
    let codes = codes.expect(0)?;
    let found = |file: &str, words: [&str; 2]| {
        let mut lines = codes.stdout.lines().filter(|line| line.contains(file));
        lines.any(|line| words.iter().all(|word| line.contains(word)))
    };
    let invoice = ["invoice_number", "2026-0417"];
    if !found("scan.jpg", invoice) || !found("letter.pdf", invoice) {
        return wrong(format!("the codes are {}", codes.stdout));
    }
    let lines = ocr(&["--ca", &ca, "--json", &letter], &at).await?;
    if lines.expect(0)?.line("read")?["complete"] != true {
        return wrong("the line is not that of a whole document");
    }

    let missing = ocr(&["--ca", &ca, &letter, "/nowhere/a.pdf"], &at).await?;
    if !missing
        .expect(64)?
        .expect_said(&["/nowhere/a.pdf"])?
        .stdout
        .is_empty()
    {
        return wrong("something was sent though a file is missing");
    }
    ocr(&[&letter], &at)
        .await?
        .expect(1)?
        .expect_said(&["can't be verified", "ocrctl cert ca rehearsal"])?;
    ocr(&["--ca", &ca, &letter], nobody)
        .await?
        .expect(69)?
        .expect_said(&["can't be reached", "ocrctl status rehearsal"])?;

    let other = ApiKey::generate().map_err(|error| ProofError::Wrong(error.to_string()))?;
    write(key_file, other.reveal())?;
    let refused = ocr(&["--ca", &ca, &letter], &at).await?;
    let refused =
        refused
            .expect(1)?
            .expect_said(&[other.id(), "(403)", "ocrctl keys list rehearsal"])?;
    if refused.stderr.contains(other.reveal()) {
        return wrong("a key was shown");
    }
    Ok(format!(
        "text, JSON and {} codes of a scan and a PDF; told: a file that is no document, one that is missing, an authority that is not \
         known, nobody there, a wrong key",
        codes.stdout.lines().count().saturating_sub(1)
    ))
}

/// For its owner alone.
fn write(path: &Path, text: &str) -> Result<(), ProofError> {
    let failed = |source| ProofError::File {
        path: path.to_owned(),
        source,
    };
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = file.open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}
