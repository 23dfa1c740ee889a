//! The way back from a firewall change: copies of UFW's files and a transient timer that restores
//! them, armed before the change and taken away once the operator has come in again.

use std::time::Duration;

use super::{Host, LIMIT, setting};
use crate::agent::{Context, Result};
use crate::resources::host::Access;

const UNIT: &str = "ocrctl-firewall-revert";
const COPIES: &str = "/var/lib/ocrctl/firewall-revert";
const FILES: [&str; 4] = [
    "/etc/ufw/ufw.conf",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/etc/default/ufw",
];

/// Copies the rules in force, and has systemd put them back `after` this time.
pub(super) async fn arm(host: &Host, after: Duration) -> Result<()> {
    disarm(host).await?;
    for file in FILES {
        if let Some(bytes) = host.read(file)? {
            let access = host.access(file)?.unwrap_or(Access::root(0o640));
            host.write(&format!("{COPIES}{file}"), &bytes, access)?;
        }
    }
    let executable = std::env::current_exe().context("finding the agent's executable")?;
    let executable = executable.to_string_lossy();
    let seconds = format!("--on-active={}", after.as_secs());
    host.run(
        "systemd-run",
        &[
            "--quiet",
            "--collect",
            "--unit",
            UNIT,
            &seconds,
            "--timer-property=AccuracySec=1s",
            &executable,
            "agent",
            "revert-firewall",
        ],
        LIMIT,
    )
    .await?;
    Ok(())
}

/// Takes the timer and the copies away.
pub(super) async fn disarm(host: &Host) -> Result<()> {
    // Without a timer there is nothing to stop.
    let timer = format!("{UNIT}.timer");
    let _ = host.run("systemctl", &["stop", &timer], LIMIT).await;
    match std::fs::remove_dir_all(host.path(COPIES)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).context("removing the copies of the old rules")
        }
        _ => Ok(()),
    }
}

/// Puts the copies back and loads them. Runs from the timer, or at once when the controller can't
/// come in.
pub async fn revert(host: &Host) -> Result<()> {
    for file in FILES {
        if let Some(bytes) = host.read(&format!("{COPIES}{file}"))? {
            let access = host.access(file)?.unwrap_or(Access::root(0o640));
            host.write(file, &bytes, access)?;
        }
    }
    let conf = host.read_text("/etc/ufw/ufw.conf")?.unwrap_or_default();
    let enabled = setting(&conf, "ENABLED").is_some_and(|v| v.eq_ignore_ascii_case("yes"));
    let arguments: &[&str] = if enabled {
        &["reload"]
    } else {
        &["--force", "disable"]
    };
    host.run("ufw", arguments, LIMIT).await?;
    Ok(())
}
