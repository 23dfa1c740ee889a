//! The way back from a firewall change: copies of UFW's files, a transient timer that restores them, and a unit that
//! does so at a boot, should the host go down meanwhile; armed before the change and taken away once the operator has
//! come in again. As long as there are copies, the rules in force are unconfirmed.

use std::time::Duration;

use super::{Host, LIMIT, setting};
use crate::agent::{Context, Result};
use crate::resources::host::Access;

const UNIT: &str = "ocrctl-firewall-revert";
const COPIES: &str = "/var/lib/ocrctl/firewall-revert";
const NEW_COPIES: &str = "/var/lib/ocrctl/firewall-revert.new";
/// Enabled by a link of its own: it is for a boot, and systemd need not know of it before.
const AT_BOOT: &str = "/etc/systemd/system/ocrctl-firewall-unconfirmed.service";
const AT_BOOT_WANTED: &str =
    "/etc/systemd/system/multi-user.target.wants/ocrctl-firewall-unconfirmed.service";
const FILES: [&str; 4] = [
    "/etc/ufw/ufw.conf",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/etc/default/ufw",
];

/// Whether an earlier change was never confirmed: its agent was killed, or the host went down.
pub(super) fn pending(host: &Host) -> Result<bool> {
    Ok(host.access(COPIES)?.is_some())
}

/// Copies the rules in force, and has systemd put them back `after` this time. Rules that are unconfirmed themselves
/// are not what to go back to: then the copies that are there stay.
pub(super) async fn arm(host: &Host, after: Duration) -> Result<()> {
    stop_timer(host).await;
    if !pending(host)? {
        for file in FILES {
            if let Some(bytes) = host.read(file)? {
                let access = host.access(file)?.unwrap_or(Access::root(0o640));
                host.write(&format!("{NEW_COPIES}{file}"), &bytes, access)?;
            }
        }
        // All of them at once.
        std::fs::rename(host.path(NEW_COPIES), host.path(COPIES))
            .context("keeping the old rules")?;
    }
    let executable = std::env::current_exe().context("finding the agent's executable")?;
    let executable = executable.to_string_lossy();
    let text = format!(
        "[Unit]\nDescription=Put the firewall back, whose change was never confirmed\nAfter=ufw.service\n\n\
         [Service]\nType=oneshot\nExecStart={executable} agent revert-firewall\n"
    );
    host.write(AT_BOOT, text.as_bytes(), Access::root(0o644))?;
    host.make_dir("/etc/systemd/system/multi-user.target.wants", 0o755)?;
    host.link(AT_BOOT_WANTED, AT_BOOT)?;
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
    stop_timer(host).await;
    forget(host)
}

async fn stop_timer(host: &Host) {
    // Without a timer there is nothing to stop.
    let timer = format!("{UNIT}.timer");
    let _ = host.run("systemctl", &["stop", &timer], LIMIT).await;
}

/// What is in force stays.
fn forget(host: &Host) -> Result<()> {
    host.remove(AT_BOOT_WANTED)?;
    host.remove(AT_BOOT)?;
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
    forget(host)
}
