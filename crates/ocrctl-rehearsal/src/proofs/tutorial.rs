//! The blocks of docs/tutorial.md that need a host; those that need none are run by tests/tutorial.

use super::{LETTER, certificates};
use crate::blocks::blocks;
use crate::client::NAME;
use crate::{LIMIT, ProofError, Rehearsal, Seen, wrong};
use ocrctl_command::Program;

const TUTORIAL: &str = include_str!("../../../../docs/tutorial.md");

/// In order, in one directory, as they stand there but for the names of environment and service.
pub(super) async fn tutorial(rehearsal: &mut Rehearsal) -> Seen {
    let directory = rehearsal.settings.state.join("tutorial");
    let file = |source| ProofError::File {
        path: directory.clone(),
        source,
    };
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).map_err(file)?;
    let directory = directory.canonicalize().map_err(file)?;
    let write =
        |name: &str, content: &[u8]| std::fs::write(directory.join(name), content).map_err(file);
    write("letter.pdf", LETTER)?;
    write("root.pem", certificates::root(rehearsal).await?.as_bytes())?;
    let port = rehearsal.machines()?.prod1.https_port;
    let curlrc = format!(
        "cacert = {}\nconnect-to = {NAME}:443:127.0.0.1:{port}\n",
        directory.join("root.pem").display()
    );
    write(".curlrc", curlrc.as_bytes())?;
    let executable = &rehearsal.settings.ocrctl;
    std::os::unix::fs::symlink(executable, directory.join("ocrctl")).map_err(file)?;
    let inventory = rehearsal.inventory().canonicalize().map_err(file)?;

    let mut ran = 0;
    for (_, text) in blocks(TUTORIAL)
        .iter()
        .filter(|(kind, _)| *kind == "sh host")
    {
        let text = text
            .replace(" prod", " rehearsal")
            .replace("ocr.example.org", NAME);
        let script = format!("set -eu\nPATH=$PWD:$PATH\n{text}");
        let output = Program::new("env")
            .arg("--chdir")
            .arg(&directory)
            .args(["bash", "-c", &script])
            .env("CURL_HOME", &directory)
            .env("OCRCTL_INVENTORY", &inventory)
            .timeout(LIMIT)
            .output()
            .await?;
        // 2: a plan has changes.
        if !matches!(output.status.code(), Some(0 | 2)) {
            let said = String::from_utf8_lossy(&output.stderr);
            return wrong(format!("this ended with {}:\n{text}{said}", output.status));
        }
        ran += 1;
    }
    std::fs::remove_dir_all(&directory).map_err(file)?;
    Ok(format!("{ran} blocks ran as they stand there"))
}
