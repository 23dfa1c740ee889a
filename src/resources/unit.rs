//! systemd units that shall be enabled and active, and known to systemd as they are on disk; all read with one
//! `systemctl show`.

use std::time::Duration;

use super::{Host, package};
use crate::agent::{Operation, Result};
use crate::protocol::{Action, Change, Detail, Failure};

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct Units {
    pub units: Vec<Unit>,
}

#[derive(Debug)]
pub struct Unit {
    pub name: &'static str,
    /// The package that brings it; `None`: its file is a resource of its own, or several packages may bring it.
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
        let installed = |name| package::is_installed(host, name).unwrap_or(false);
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
                "systemctl told the state of {} units, asked for {}",
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

/// Starts a unit, also one that has met its start limit.
pub async fn start(host: &Host, name: &str) -> Result<()> {
    let _ = host.run("systemctl", &["reset-failed", name], LIMIT).await;
    host.run("systemctl", &["start", name], LIMIT)
        .await
        .map(|_| ())
}

/// Whether a unit is running now; false where there is no such unit.
pub async fn is_active(host: &Host, name: &str) -> bool {
    host.is_machine()
        && (has_process(host, name)
            || host
                .run("systemctl", &["is-active", "--quiet", name], LIMIT)
                .await
                .is_ok())
}

/// Whether the process is there that the service has named in its file, as Docker and NGINX do: asking systemctl takes ten
/// times as long. `false`: it takes that to tell.
fn has_process(host: &Host, name: &str) -> bool {
    let text = |path: &str| host.read_text(path).ok().flatten();
    let cgroup = || {
        let pid: u32 = text(&format!("/run/{name}.pid"))?.trim().parse().ok()?;
        text(&format!("/proc/{pid}/cgroup"))
    };
    // systemd's own mark: not somebody else's process of that number.
    let service = format!("/{name}.service");
    cgroup().is_some_and(|cgroup| cgroup.lines().any(|line| line.ends_with(&service)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_runs_while_the_process_that_it_named_does() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(!has_process(&host, "docker"));
        put("run/docker.pid", "1063\n");
        assert!(!has_process(&host, "docker"));
        put("proc/1063/cgroup", "0::/system.slice/docker.service\n");
        assert!(has_process(&host, "docker"));
        // The number is somebody else's by now.
        put("proc/1063/cgroup", "0::/system.slice/cron.service\n");
        assert!(!has_process(&host, "docker"));
        put("run/docker.pid", "");
        assert!(!has_process(&host, "docker"));
    }

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
