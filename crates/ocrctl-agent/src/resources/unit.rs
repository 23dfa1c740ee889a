//! systemd units that shall be enabled and active, and known to systemd as they are on disk; all read with one
//! `systemctl show`.

use std::time::Duration;

use crate::host::{Host, Operation, dpkg};
use ocrctl_protocol::{Action, Change, Detail, Failure, Result};

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct Units {
    pub units: Vec<Unit>,
}

#[derive(Debug)]
pub struct Unit {
    pub name: &'static str,
    /// The package that brings it; `None` if its file is a resource of its own, or several packages may bring it.
    pub package: Option<&'static str>,
}

#[derive(Debug, PartialEq, Eq)]
struct State {
    active: String,
    enabled: String,
    /// systemd has yet to read its file again.
    stale: bool,
}

impl State {
    fn is_right(&self) -> bool {
        self.active == "active" && self.enabled == "enabled" && !self.stale
    }
}

impl Units {
    pub async fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let mut details = Vec::new();
        for (unit, state) in self.units.iter().zip(self.read(host).await?) {
            if state.is_right() {
                continue;
            }
            let loaded = if state.stale { "outdated" } else { "current" };
            for (name, from, to) in [
                ("state", state.active, "active"),
                ("at boot", state.enabled, "enabled"),
                ("as loaded", loaded.to_owned(), "current"),
            ] {
                if from != to {
                    details.push(Detail::Field {
                        name: format!("{} {name}", unit.name),
                        from: (!from.is_empty()).then_some(from),
                        to: Some(to.to_owned()),
                    });
                }
            }
        }
        if details.is_empty() {
            return Ok(None);
        }
        Ok(Some(Change {
            resource: "units".into(),
            action: Action::Start,
            reason: "not enabled and active".into(),
            details,
        }))
    }

    pub async fn apply(&self, host: &Host, operation: &mut Operation) -> Result<()> {
        // A file that has just been written is not known yet, or known as it was.
        host.run("systemctl", &["daemon-reload"], LIMIT).await?;
        for (unit, state) in self.units.iter().zip(self.read(host).await?) {
            if state.is_right() {
                continue;
            }
            operation.events.progress("units", unit.name, None);
            // A masked unit can't be enabled; a failed one may have met its start limit.
            if state.enabled == "masked" {
                host.run("systemctl", &["unmask", unit.name], LIMIT).await?;
            }
            let _ = host
                .run("systemctl", &["reset-failed", unit.name], LIMIT)
                .await;
            host.run("systemctl", &["enable", "--now", unit.name], LIMIT)
                .await
                .map_err(|f| {
                    f.hint(format!(
                        "`journalctl -u {}` on the host says why",
                        unit.name
                    ))
                })?;
            // A timer goes by what it was started with.
            if state.stale && unit.name.ends_with(".timer") {
                host.run("systemctl", &["restart", unit.name], LIMIT)
                    .await?;
            }
        }
        Ok(())
    }

    async fn read(&self, host: &Host) -> Result<Vec<State>> {
        let properties = "--property=Id,ActiveState,UnitFileState,NeedDaemonReload";
        let mut arguments = vec!["show", properties];
        arguments.extend(self.units.iter().map(|unit| unit.name));
        let installed = |name| dpkg::is_installed(host, name).unwrap_or(false);
        if !self
            .units
            .iter()
            .filter_map(|unit| unit.package)
            .any(installed)
        {
            // A bare host: nothing to ask.
            return Ok(self
                .units
                .iter()
                .map(|_| State {
                    active: String::new(),
                    enabled: String::new(),
                    stale: false,
                })
                .collect());
        }
        let text = host.run("systemctl", &arguments, LIMIT).await?;
        let states = parse(&text);
        if states.len() != self.units.len() {
            return Err(Failure::new(format!(
                "systemctl reported the state of {} units, not of {}",
                states.len(),
                self.units.len()
            )));
        }
        Ok(states)
    }
}

/// `systemctl show` of several units: blocks in the order asked for, parted by empty lines.
fn parse(text: &str) -> Vec<State> {
    text.trim()
        .split("\n\n")
        .map(|block| {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                    .unwrap_or_default()
                    .to_owned()
            };
            State {
                active: field("ActiveState"),
                enabled: field("UnitFileState"),
                stale: field("NeedDaemonReload") == "yes",
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_units_of_one_answer() {
        let states = parse(
            "Id=nginx.service\nActiveState=active\nUnitFileState=enabled\n\n\
             Id=docker.service\nActiveState=inactive\nUnitFileState=\n",
        );
        assert!(states[0].is_right());
        assert_eq!(
            states[1],
            State {
                active: "inactive".into(),
                enabled: String::new(),
                stale: false,
            }
        );
    }
}
