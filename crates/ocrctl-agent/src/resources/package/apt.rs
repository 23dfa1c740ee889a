//! Runs of apt-get: a simulation, and the installation that was simulated.

use std::time::Duration;

use crate::host::Host;
use ocrctl_protocol::Result;

/// apt waits this long for another apt (unattended upgrades run at boot).
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=600";
const LIMIT: Duration = Duration::from_secs(1800);
/// A simulation waits for nothing: it reads lists that are on the disk.
const SIMULATION: Duration = Duration::from_secs(60);
/// Of the simulation and of the installation, so that both choose the same. Settings of the host's own that would
/// remove more are switched off.
const OPTIONS: [&str; 13] = [
    "-o",
    LOCK_TIMEOUT,
    "-o",
    "Dpkg::Options::=--force-confdef",
    "-o",
    "Dpkg::Options::=--force-confold",
    "-o",
    "APT::Get::AutomaticRemove=false",
    "-o",
    "APT::Get::Purge=false",
    "-q",
    "-y",
    "--no-install-recommends",
];

/// The changes that apt would make to the host's packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    pub removed: Vec<Removed>,
    pub replaced: Vec<Replaced>,
}

/// A package that goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Removed {
    /// With `:ARCHITECTURE` if that is not the host's own.
    pub name: String,
    pub version: String,
}

/// A package that gets another version.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    pub name: String,
    pub from: String,
    pub to: String,
}

/// Asks apt what an installation of these packages would do, by the lists that the host has. Changes nothing.
pub async fn simulate(host: &Host, names: &[&str]) -> Result<Simulated> {
    let mut arguments = OPTIONS.to_vec();
    let simulation = ["--simulate", "-o", "Debug::NoLocking=true"];
    arguments.extend(simulation);
    arguments.extend(["-o", "APT::Get::Remove=true", "install"]);
    arguments.extend(names);
    let text = host.run("apt-get", &arguments, SIMULATION).await?;
    Ok(parse(&text))
}

pub(super) async fn update(host: &Host) -> Result<()> {
    host.run("apt-get", &["-o", LOCK_TIMEOUT, "-q", "update"], LIMIT)
        .await
        .map_err(|f| {
            f.hint("the host must reach its apt mirrors; check /etc/apt/sources.list* and its DNS")
        })?;
    Ok(())
}

/// Brings the packages onto the host's disk and installs nothing.
pub(super) async fn download(host: &Host, names: &[&str]) -> Result<()> {
    install_with(host, &["--download-only"], names).await
}

/// Installs packages. Where that would remove any other, apt refuses and does nothing.
pub(super) async fn install(host: &Host, names: &[&str]) -> Result<()> {
    install_with(host, &["--no-remove"], names).await
}

async fn install_with(host: &Host, more: &[&str], names: &[&str]) -> Result<()> {
    let mut arguments = OPTIONS.to_vec();
    arguments.extend(more);
    arguments.push("install");
    arguments.extend(names);
    host.run("apt-get", &arguments, LIMIT).await?;
    Ok(())
}

/// `Remv NAME [VERSION] …`, `Purg …` the same, `Inst NAME [OLD] (NEW ORIGIN …)`.
fn parse(simulation: &str) -> Simulated {
    let mut simulated = Simulated::default();
    for line in simulation.lines() {
        let mut words = line.split_whitespace();
        let (kind, name) = (words.next(), words.next().unwrap_or_default().to_owned());
        let bracketed = |word: &str| Some(word.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        let old = words.next().and_then(bracketed);
        match (kind, old) {
            (Some("Remv" | "Purg"), version) => simulated.removed.push(Removed {
                name,
                version: version.unwrap_or_default(),
            }),
            (Some("Inst"), Some(from)) => simulated.replaced.push(Replaced {
                name,
                from,
                to: words
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches('(')
                    .to_owned(),
            }),
            _ => {}
        }
    }
    simulated
}

#[cfg(test)]
mod tests;
