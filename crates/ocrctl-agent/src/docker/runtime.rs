//! OCI runtimes that the host's Docker can be asked for, such as gVisor's `runsc`.

use std::path::Path;

use serde::Deserialize;

use super::Engine;
use crate::host::{Host, systemd};
use ocrctl_protocol::{Context, Failure, Result};

/// Where runtimes are registered.
const SETTINGS: &str = "/etc/docker/daemon.json";
/// The runtime that every Docker has.
const OWN: &str = "runc";

/// The part of Docker's settings that is read.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    #[serde(default)]
    runtimes: std::collections::BTreeMap<String, Registered>,
}

#[derive(Debug, Default, Deserialize)]
struct Registered {
    path: Option<String>,
}

/// Returns why this runtime can't be used; `None` if it can.
pub async fn lacking(host: &Host, name: &str) -> Result<Option<Failure>> {
    let registered = match systemd::is_active(host, "docker").await {
        true => Engine::connect().await?.runtimes().await?,
        // It will know those of its settings when it starts.
        false => configured(host)?,
    };
    let is_there = |path: &str| host.path(path).exists();
    Ok(judge(name, &registered, is_there))
}

/// Adds what to do where Docker refuses to make a container because of its runtime.
pub(super) fn explain(failure: Failure, runtime: Option<&str>) -> Failure {
    match runtime {
        Some(runtime) if failure.message.contains("runtime") => failure.hint(format!(
            "the host's Docker must know the runtime `{runtime}`: `docker info` lists those that it does"
        )),
        _ => failure,
    }
}

/// Names and executables.
type Runtimes = Vec<(String, Option<String>)>;

fn configured(host: &Host) -> Result<Runtimes> {
    let settings: Settings = match host.read_text(SETTINGS)? {
        Some(text) => serde_json::from_str(&text).context(format_args!("reading {SETTINGS}"))?,
        None => Settings::default(),
    };
    let mut runtimes = vec![(OWN.to_owned(), None)];
    let registered = settings.runtimes.into_iter();
    runtimes.extend(registered.map(|(name, it)| (name, it.path)));
    Ok(runtimes)
}

fn judge(name: &str, registered: &Runtimes, is_there: impl Fn(&str) -> bool) -> Option<Failure> {
    let undo = "or leave out `service.runtime`";
    let Some((_, path)) = registered.iter().find(|(known, _)| known == name) else {
        let mut known: Vec<&str> = registered.iter().map(|(name, _)| name.as_str()).collect();
        known.sort_unstable();
        return Some(
            Failure::new(format!(
                "the host's Docker knows no runtime `{name}`, which `service.runtime` names (it knows {})",
                known.join(", ")
            ))
            .hint(format!(
                "install it on the host and name it under `runtimes` in {SETTINGS}, then `systemctl reload docker`; {undo}"
            )),
        );
    };
    let path = path
        .as_deref()
        .filter(|path| Path::new(path).is_absolute())?;
    (!is_there(path)).then(|| {
        Failure::new(format!(
            "the runtime `{name}`, which `service.runtime` names, is {path}, and the host has no such file"
        ))
        .hint(format!(
            "install it on the host, or correct its path in {SETTINGS} and `systemctl reload docker`; {undo}"
        ))
    })
}

impl Engine {
    async fn runtimes(&self) -> Result<Runtimes> {
        let info = self.0.info().await.context("asking Docker about itself")?;
        let runtimes = info.runtimes.unwrap_or_default().into_iter();
        Ok(runtimes.map(|(name, it)| (name, it.path)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_is_known_once_it_is_registered_and_installed() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let put = |path: &str, text: &str| {
            let path = host.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(lacking(&host, "runc").await.unwrap(), None);
        let missing = lacking(&host, "runsc").await.unwrap().unwrap();
        assert!(missing.message.contains("`runsc`") && missing.message.contains("knows runc"));
        assert!(missing.hint.unwrap().contains(SETTINGS));
        put(
            SETTINGS,
            r#"{"runtimes": {"runsc": {"path": "/usr/local/bin/runsc"}, "kata": {"runtimeType": "io.containerd.kata.v2"}}}"#,
        );
        let absent = lacking(&host, "runsc").await.unwrap().unwrap();
        assert!(absent.message.contains("/usr/local/bin/runsc"), "{absent}");
        put("/usr/local/bin/runsc", "");
        assert_eq!(lacking(&host, "runsc").await.unwrap(), None);
        assert_eq!(lacking(&host, "kata").await.unwrap(), None);
    }
}
