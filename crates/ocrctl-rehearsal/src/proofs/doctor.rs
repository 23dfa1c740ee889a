//! Proofs of `ocrctl doctor`: content with a bare host, which it leaves as it was, and not with one that is broken.

use serde_json::Value;

use crate::{ProofError, Rehearsal, Seen, wrong};

/// Checks that work on this host; its ports are translated on the way, and a container may hide its Landlock.
const TOLD: [&str; 14] = [
    "ssh",
    "sudo",
    "system",
    "architecture",
    "memory",
    "disk",
    "clock",
    "apt",
    "docker",
    "servers",
    "ssh socket",
    "dns",
    "registry",
    "image",
];

pub(super) async fn bare(rehearsal: &mut Rehearsal) -> Seen {
    rehearsal.write_inventory(&rehearsal.first)?;
    on_host(rehearsal, "touch /run/before-doctor").await?;
    let lines = doctor(rehearsal).await?;
    if let Some(line) = lines.iter().find(|line| line["verdict"] == "failed") {
        return wrong(format!("a bare host fails: {line}"));
    }
    if let Some(check) = TOLD.iter().find(|check| !has(&lines, check, "ok")) {
        return wrong(format!("{check} is not ok: {lines:?}"));
    }
    let find = "find /etc /opt /usr /root /var/lib/dpkg /var/lib/apt -xdev -type f -newer /run/before-doctor";
    let changed = on_host(rehearsal, find).await?;
    if changed.lines().count() != 1 || !changed.starts_with("/opt/ocrctl/bin/ocrctl-") {
        return wrong(format!("more than the agent is there:\n{changed}"));
    }
    let not_told: Vec<&str> = lines
        .iter()
        .filter(|line| line["verdict"] == "could_not_run")
        .filter_map(|line| line["check"].as_str())
        .collect();
    Ok(format!(
        "{} ok; {} can't be told here; nothing is there but the agent",
        TOLD.len(),
        not_told.join(", ")
    ))
}

pub(super) async fn broken(rehearsal: &mut Rehearsal) -> Seen {
    let path = rehearsal.settings.state.join("wrong-password");
    std::fs::write(&path, "not the password").map_err(|source| ProofError::File {
        path: path.clone(),
        source,
    })?;
    rehearsal.write_inventory_with(&rehearsal.first, &path, &rehearsal.tls("acme")?)?;
    // Another server is quicker than NGINX after a reboot.
    let plant = "systemctl stop nginx && systemd-run --quiet --unit other-server perl -MIO::Socket::INET -e \
        'my $socket = IO::Socket::INET->new(Listen => 5, LocalPort => 443, ReuseAddr => 1) or die; sleep 600' && \
        timeout 10 sh -c \"until grep -q ':01BB 00000000:0000 0A' /proc/net/tcp; do sleep 0.1; done\"";
    on_host(rehearsal, plant).await?;
    let lines = doctor(rehearsal).await?;
    on_host(
        rehearsal,
        "systemctl stop other-server && systemctl start nginx",
    )
    .await?;
    let _ = std::fs::remove_file(&path);
    rehearsal.write_inventory(&rehearsal.first)?;
    let failed: Vec<&str> = lines
        .iter()
        .filter(|line| line["verdict"] == "failed")
        .filter_map(|line| line["check"].as_str())
        .collect();
    if failed != ["servers", "registry"] {
        return wrong(format!("not just what is broken fails: {lines:?}"));
    }
    let text = serde_json::Value::from(lines).to_string();
    for words in ["perl (process ", "listens on port 443", "registry.password"] {
        if !text.contains(words) {
            return wrong(format!("nothing says \"{words}\": {text}"));
        }
    }
    let repaired = doctor(rehearsal).await?;
    if let Some(line) = repaired.iter().find(|line| line["verdict"] == "failed") {
        return wrong(format!("a host that is in order fails: {line}"));
    }
    Ok("a wrong password for the registry, and another server on 443; repaired, none".to_owned())
}

async fn on_host(rehearsal: &Rehearsal, command: &str) -> Result<String, ProofError> {
    rehearsal.prod1()?.run(command).await
}

/// The lines. Ports can't be tried here, so that it never ends with 0.
async fn doctor(rehearsal: &Rehearsal) -> Result<Vec<Value>, ProofError> {
    let ran = rehearsal
        .ocrctl(&["doctor", "rehearsal", "--json"])
        .await?
        .expect(1)?;
    let lines = ran.stdout.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.filter(|line| line["type"] == "check").collect())
}

fn has(lines: &[Value], check: &str, verdict: &str) -> bool {
    let mut of_check = lines
        .iter()
        .filter(|line| line["check"] == check)
        .peekable();
    of_check.peek().is_some() && of_check.all(|line| line["verdict"] == verdict)
}
