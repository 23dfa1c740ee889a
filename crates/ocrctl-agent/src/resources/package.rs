//! Packages of the distribution, installed by apt. What apt would remove for them is shown first, and goes only where the
//! inventory consents to it by name.

pub mod apt;

use std::time::{Duration, Instant};

use crate::docker::elsewhere::{self, Elsewhere};
use crate::host::{Host, Operation, dpkg};
use apt::{Removed, Simulated};
use ocrctl_protocol::{Action, Change, Detail, Failure, Result, refused};

/// The distribution's Docker, which is installed where the host has none.
pub const DOCKER: &str = "docker.io";
const LIMIT: Duration = Duration::from_secs(1800);
/// Another dpkg may hold its lock for so long.
const LOCK_WAIT: Duration = Duration::from_secs(600);
const LOCK_RETRY: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Packages {
    pub names: Vec<&'static str>,
    /// Packages that the inventory lets apt remove.
    pub may_remove: Vec<String>,
}

/// Packages to install on a host, and the reason if that is impossible.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub names: Vec<&'static str>,
    pub blocked: Option<Detail>,
}

impl Packages {
    pub async fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let missing = self.missing(host).await?;
        if missing.names.is_empty() {
            return Ok(missing.blocked.map(|blocked| Change {
                resource: "packages".into(),
                action: Action::Create,
                reason: "the host's Docker can't be used".into(),
                details: vec![blocked],
            }));
        }
        let simulated = match host.is_machine() {
            true => apt::simulate(host, &missing.names).await,
            false => Ok(Simulated::default()),
        };
        // apt's lists are old or missing, or a dpkg was cut off: what is removed will be known once that is put right.
        let possible = match &simulated {
            Ok(_) => Vec::new(),
            Err(_) => {
                let status = dpkg::status(host)?;
                let mut possible = self.may_remove.clone();
                possible.retain(|name| dpkg::is_present(&status, base(name)));
                possible
            }
        };
        Ok(Some(self.compare(missing, simulated, &possible)))
    }

    /// `possible`: packages that may be removed, where the simulation failed.
    fn compare(
        &self,
        missing: Missing,
        simulated: Result<Simulated>,
        possible: &[String],
    ) -> Change {
        let mut reason = format!("{} not installed", missing.names.join(", "));
        let added = |name: &&str| Detail::Added {
            text: (*name).to_owned(),
        };
        let removed = |name: &String| Detail::Removed { text: name.clone() };
        let mut details: Vec<Detail> = missing.names.iter().map(added).collect();
        match simulated {
            Ok(simulated) => {
                if !simulated.removed.is_empty() {
                    reason.push_str(&format!("; apt removes {}", listed(&simulated.removed)));
                }
                details.extend(simulated.removed.iter().map(|it| removed(&it.name)));
                details.extend(simulated.replaced.iter().map(|it| Detail::Field {
                    name: it.name.clone(),
                    from: Some(it.from.clone()),
                    to: Some(it.to.clone()),
                }));
                details.extend(self.refusal(&missing.names, &simulated.removed));
            }
            Err(failure) => {
                let why = failure.message.lines().last().unwrap_or_default();
                reason.push_str(&format!(
                    "; apt can't say yet what that changes ({})",
                    why.trim_start_matches("E: ")
                ));
                if !possible.is_empty() {
                    reason.push_str(&format!(
                        ", at most {} will be removed",
                        possible.join(", ")
                    ));
                }
                details.extend(possible.iter().map(removed));
            }
        }
        details.extend(missing.blocked);
        Change {
            resource: "packages".into(),
            action: Action::Create,
            reason,
            details,
        }
    }

    /// Why these removals can't be made, if the inventory does not consent to all of them.
    pub fn refusal(&self, wanted: &[&str], removed: &[Removed]) -> Option<Detail> {
        let unconsented: Vec<&Removed> = removed
            .iter()
            .filter(|it| !consented(&self.may_remove, &it.name))
            .collect();
        if unconsented.is_empty() {
            return None;
        }
        let names: Vec<&str> = removed.iter().map(|it| base(&it.name)).collect();
        Some(Detail::Blocked {
            text: format!(
                "to install {}, apt would remove {}, which the inventory does not allow",
                wanted.join(", "),
                listed(unconsented)
            ),
            hint: format!(
                "if nothing on the host needs them any more, write `packages: {{may_remove: [{}]}}` into the environment",
                names.join(", ")
            ),
        })
    }

    pub async fn apply(
        &self,
        host: &Host,
        change: &Change,
        operation: &mut Operation,
    ) -> Result<()> {
        let missing = self.missing(host).await?.names;
        let tell = |what: &str| operation.events.progress("packages", what, None);
        // A run that was killed half way leaves packages unpacked but not configured.
        tell("completing what an interrupted dpkg left");
        host.run("dpkg", &["--configure", "-a"], LIMIT).await?;
        tell("apt-get update");
        apt::update(host).await?;
        // Again, by the lists as they are now.
        let removed = apt::simulate(host, &missing).await?.removed;
        self.agreed(change, &missing, &removed)?;
        if !removed.is_empty() {
            // Nothing goes before its successor is on the disk.
            tell(&format!("downloading {}", missing.join(" ")));
            apt::download(host, &missing).await?;
            let names: Vec<&str> = removed.iter().map(|it| it.name.as_str()).collect();
            tell(&format!("dpkg --remove {}", names.join(" ")));
            remove(host, &names).await?;
        }
        tell(&format!("apt-get install {}", missing.join(" ")));
        apt::install(host, &missing).await
    }

    /// Refuses removals that the inventory does not allow, or that the plan did not show.
    fn agreed(&self, change: &Change, missing: &[&str], removed: &[Removed]) -> Result<()> {
        if let Some(Detail::Blocked { text, hint }) = self.refusal(missing, removed) {
            return Err(refused(format!("{text}; nothing was installed")).hint(hint));
        }
        let shown = |it: &&Removed| {
            let matches = |detail: &Detail| matches!(detail, Detail::Removed { text } if *text == it.name || *text == base(&it.name));
            change.details.iter().any(matches)
        };
        let (_, more): (Vec<&Removed>, Vec<&Removed>) = removed.iter().partition(shown);
        if more.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "apt would now remove {}, which the plan did not show; nothing was installed",
            listed(more)
        ))
        .hint("run the command again to see the plan as it is now"))
    }

    /// Of the packages that the host shall have.
    pub async fn missing(&self, host: &Host) -> Result<Missing> {
        let status = dpkg::status(host)?;
        let installed = dpkg::installed(&status);
        let mut names = self.names.clone();
        names.retain(|name| !installed.contains(name));
        let mut blocked = None;
        // One that was left half installed is completed.
        if names.contains(&DOCKER) && !dpkg::is_present(&status, DOCKER) {
            match elsewhere::read(host).await? {
                None => {}
                Some(Elsewhere::Usable { .. }) => names.retain(|name| *name != DOCKER),
                Some(Elsewhere::Unusable(unusable)) => {
                    let replaced = unusable
                        .package
                        .is_some_and(|it| self.may_remove.iter().any(|name| name == it));
                    if !replaced {
                        names.retain(|name| *name != DOCKER);
                        blocked = Some(Detail::Blocked {
                            text: unusable.why,
                            hint: unusable.hint,
                        });
                    }
                }
            }
        }
        Ok(Missing { names, blocked })
    }
}

/// Removes exactly these packages. dpkg takes no other along: it refuses where another needs one of them.
async fn remove(host: &Host, names: &[&str]) -> Result<()> {
    let mut arguments = vec!["--remove"];
    arguments.extend(names);
    let began = Instant::now();
    loop {
        match host.run("dpkg", &arguments, LIMIT).await {
            // apt can be asked to wait for the lock, dpkg can't.
            Err(failure) if is_locked(&failure.message) && began.elapsed() < LOCK_WAIT => {
                tokio::time::sleep(LOCK_RETRY).await;
            }
            other => return other.map(|_| ()),
        }
    }
}

fn is_locked(message: &str) -> bool {
    message.contains("locked by another process")
}

/// Without the architecture.
fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

fn consented(may_remove: &[String], name: &str) -> bool {
    may_remove.iter().any(|it| it == name || it == base(name))
}

fn listed<'a>(removed: impl IntoIterator<Item = &'a Removed>) -> String {
    let words = removed
        .into_iter()
        .map(|it| format!("{} {}", it.name, it.version).trim_end().to_owned());
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
