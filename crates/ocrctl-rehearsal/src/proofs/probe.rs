//! Proof of `--probe`: what it sees of a switch and of a release that fails, and that its keys go.

use super::certificates;
use crate::files::PROBE_CA;
use crate::{ProofError, Rehearsal, Seen, wrong};

pub(super) async fn probed(rehearsal: &mut Rehearsal) -> Seen {
    let ca = rehearsal.settings.state.join(PROBE_CA);
    let root = certificates::root(rehearsal).await?;
    std::fs::write(&ca, root).map_err(|source| ProofError::File {
        path: ca.clone(),
        source,
    })?;
    let ca = ca.to_string_lossy().into_owned();
    let at = format!("127.0.0.1:{}", rehearsal.machines()?.prod1.https_port);
    let probe = [
        "--yes",
        "--json",
        "--probe",
        "--probe-ca",
        &ca,
        "--probe-at",
        &at,
    ];
    let run = async |command: &str, rehearsal: &Rehearsal| {
        let arguments: Vec<&str> = [command, "rehearsal"].into_iter().chain(probe).collect();
        rehearsal.ocrctl(&arguments).await
    };

    rehearsal.write_inventory(&rehearsal.next)?;
    let deployed = run("deploy", rehearsal).await?.expect(0)?.line("probed")?;
    let back = run("rollback", rehearsal)
        .await?
        .expect(0)?
        .line("probed")?;
    for seen in [&deployed, &back] {
        let releases = seen["releases"].as_array().map_or(0, Vec::len);
        if seen["failed"] != 0 || releases != 2 {
            return wrong(format!("the probe saw {seen}"));
        }
    }

    rehearsal.write_inventory(&rehearsal.failing)?;
    let failed = run("deploy", rehearsal).await?.expect(1)?.line("probed")?;
    let count = failed["failed"].as_u64().unwrap_or(0);
    if count == 0 {
        return wrong(format!("the probe saw nothing fail: {failed}"));
    }
    let keys = rehearsal
        .ocrctl(&["keys", "list", "rehearsal"])
        .await?
        .expect(0)?;
    if keys.stdout.contains("ocrctl-probe") {
        return wrong(format!("a key of a probe is left: {}", keys.stdout));
    }
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "{} and {} requests, none failed, {} and {} ms at most without an answer; {count} failed with a release that fails",
        deployed["requests"], back["requests"], deployed["longest_gap_ms"], back["longest_gap_ms"]
    ))
}
