//! The rollback of a change that can lock the operator out: copies of the files that hold it, a transient timer that
//! puts them back, and a unit that does so at a boot, should the host go down meanwhile; armed before the change and
//! taken away once the operator has come in over a new connection. As long as there are copies, what is in force is
//! unconfirmed.
//!
//! A rollback has succeeded when a login is proven, not when its commands have run (`guard/rollback.rs`).

mod rollback;

use std::time::Duration;

use super::logins::Logins;
use super::ufw;
use crate::host::{Access, Confirmation, Host, Operation};
use ocrctl_protocol::{Context, Detail, Failure, Result};

const LIMIT: Duration = Duration::from_secs(60);
/// The controller has this long to open a new connection.
const CONFIRM: Duration = Duration::from_secs(45);
/// The change itself, and trying logins on the host.
const CHANGE: Duration = Duration::from_secs(60);
/// All steps of a rollback; one that was cut short begins again after that.
const ROLLBACK: Duration = Duration::from_secs(240);
/// Beside a copy's path, where there was no file.
const ABSENT: &str = ".absent";
/// Beside the copies: how logins worked before.
const LOGINS: &str = "/logins.json";

/// Our files of sshd's configuration. sshd takes the first value that it meets, so ours come before those of an
/// installer.
pub(super) const SSHD: [&str; 1] = ["/etc/ssh/sshd_config.d/00-ocrctl.conf"];

/// The guarded part of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Firewall,
    Sshd,
}

impl Guard {
    fn name(self) -> &'static str {
        match self {
            Self::Firewall => "firewall",
            Self::Sshd => "sshd",
        }
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Firewall => &ufw::FILES,
            Self::Sshd => &SSHD,
        }
    }

    fn unit(self) -> String {
        format!("ocrctl-{}-revert", self.name())
    }

    fn copies(self) -> String {
        format!("/var/lib/ocrctl/{}-revert", self.name())
    }

    /// Enabled by a link of its own: it is for a boot, and systemd need not know of it before.
    fn at_boot(self) -> [String; 2] {
        let unit = format!("ocrctl-{}-unconfirmed.service", self.name());
        [
            format!("/etc/systemd/system/{unit}"),
            format!("/etc/systemd/system/multi-user.target.wants/{unit}"),
        ]
    }

    /// Returns whether an earlier change was never confirmed: its agent was killed, or the host went down.
    pub(super) fn pending(self, host: &Host) -> Result<bool> {
        Ok(host.access(&self.copies())?.is_some())
    }

    /// Describes a pending confirmation in the plan.
    pub(super) fn unconfirmed() -> Detail {
        Detail::Field {
            name: "confirmed".into(),
            from: Some("false".into()),
            to: Some("true".into()),
        }
    }

    /// Makes a change and has the operator come in anew; where one of the two fails, rolls back.
    pub(super) async fn over(
        self,
        host: &Host,
        operation: &mut Operation,
        change: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        self.arm(host, CHANGE + CONFIRM).await?;
        let changed = async {
            change.await?;
            self.confirmed(host, operation).await
        };
        let Err(failure) = changed.await else {
            self.stop_timer(host).await;
            return self.forget(host);
        };
        // Begun again by the timer where this process ends before it does. Without a timer it is worth a try all the same.
        let _ = self.start_timer(host, ROLLBACK).await;
        match self.roll_back(host, operation).await {
            Ok(proof) => {
                self.stop_timer(host).await;
                let message = format!(
                    "{}; the old {} is back{proof}",
                    failure.message,
                    self.name()
                );
                Err(Failure { message, ..failure })
            }
            Err(unproven) => Err(
                Failure::new(format!("{}; {unproven}", failure.message)).hint(self.console(
                    &format!("the host tries again in {} min", ROLLBACK.as_secs() / 60),
                )),
            ),
        }
    }

    /// That logins work after the change: as far as the host can see, and over a new connection of the operator's.
    async fn confirmed(self, host: &Host, operation: &mut Operation) -> Result<()> {
        let name = self.name();
        let failed = |what: &str| Failure::new(format!("{what} after the change to the {name}"));
        self.logins(host)?.proven().await.map_err(|what| {
            failed(&what).hint("`journalctl -u ssh.service -u ssh.socket` on the host says why")
        })?;
        match operation.confirmation(name, CONFIRM).await {
            Confirmation::Confirmed => Ok(()),
            Confirmation::Unconfirmed | Confirmation::Gone => Err(failed(
                "no new SSH connection came in",
            )
            .hint("check that the port you connect to reaches the host's sshd, then deploy again")),
        }
    }

    /// Copies what is in force, and has systemd put it back `after` this time. What is unconfirmed itself is not what to
    /// go back to: then the copies that are there stay.
    async fn arm(self, host: &Host, after: Duration) -> Result<()> {
        self.stop_timer(host).await;
        let logins = match self {
            Self::Firewall => Logins::default(),
            Self::Sshd => Logins::read(host).await?,
        };
        if !self.pending(host)? {
            self.copy(host)?;
        }
        let text = serde_json::to_vec(&logins).context("noting how logins work")?;
        let path = format!("{}{LOGINS}", self.copies());
        host.write(&path, &text, Access::root(0o600))?;
        let executable = executable()?;
        let name = self.name();
        let text = format!(
            "[Unit]\nDescription=Put the {name} back, whose change was never confirmed\n\
             Wants=network-online.target\nAfter=network-online.target ufw.service ssh.service ssh.socket\n\n\
             [Service]\nType=oneshot\nExecStart={executable} agent revert {name}\n"
        );
        let [at_boot, wanted] = self.at_boot();
        host.write(&at_boot, text.as_bytes(), Access::root(0o644))?;
        host.make_dir("/etc/systemd/system/multi-user.target.wants", 0o755)?;
        host.link(&wanted, &at_boot)?;
        self.start_timer(host, after).await
    }

    async fn start_timer(self, host: &Host, after: Duration) -> Result<()> {
        self.stop_timer(host).await;
        let executable = executable()?;
        let (unit, seconds) = (self.unit(), format!("--on-active={}", after.as_secs()));
        let mut arguments = vec!["--quiet", "--collect", "--unit", &unit, &seconds];
        arguments.extend(["--timer-property=AccuracySec=1s", &executable]);
        arguments.extend(["agent", "revert", self.name()]);
        host.run("systemd-run", &arguments, LIMIT).await?;
        Ok(())
    }

    /// Reads how logins worked before the change. An earlier version of ocrctl has recorded nothing.
    fn logins(self, host: &Host) -> Result<Logins> {
        let path = format!("{}{LOGINS}", self.copies());
        match host.read(&path)? {
            Some(text) => serde_json::from_slice(&text).context(format_args!("reading {path}")),
            None => Ok(Logins::default()),
        }
    }

    fn copy(self, host: &Host) -> Result<()> {
        let (copies, new) = (self.copies(), format!("{}.new", self.copies()));
        for file in self.files() {
            match host.read(file)? {
                Some(bytes) => {
                    let access = host.access(file)?.unwrap_or(Access::root(0o640));
                    host.write(&format!("{new}{file}"), &bytes, access)?;
                }
                None => host.write(&format!("{new}{file}{ABSENT}"), b"", Access::root(0o600))?,
            }
        }
        // All of them at once.
        std::fs::rename(host.path(&new), host.path(&copies))
            .context(format_args!("keeping the old {}", self.name()))
    }

    async fn stop_timer(self, host: &Host) {
        // Without a timer there is nothing to stop.
        let timer = format!("{}.timer", self.unit());
        let _ = host.run("systemctl", &["stop", &timer], LIMIT).await;
    }

    /// Drops the copies: the present configuration stays in force.
    fn forget(self, host: &Host) -> Result<()> {
        for path in self.at_boot() {
            host.remove(&path)?;
        }
        match std::fs::remove_dir_all(host.path(&self.copies())) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).context(format_args!(
                "removing the copies of the old {}",
                self.name()
            )),
            _ => Ok(()),
        }
    }

    /// The rollback that the timer and the unit of a boot run.
    pub async fn revert(self, host: &Host) -> Result<()> {
        let rolled_back = self.roll_back(host, &mut Operation::alone()).await;
        rolled_back.map(|_| ()).map_err(|unproven| {
            Failure::new(unproven).hint(self.console("the host tries again at its next boot"))
        })
    }

    fn console(self, and: &str) -> String {
        let units = match self {
            Self::Firewall => "ufw.service",
            Self::Sshd => "ssh.socket ssh.service",
        };
        format!(
            "keep the SSH sessions that are open; at the host's console, `systemctl status {units}` shows more; {and}"
        )
    }

    fn put_back(self, host: &Host) -> Result<()> {
        let copies = self.copies();
        for file in self.files() {
            if let Some(bytes) = host.read(&format!("{copies}{file}"))? {
                let access = host
                    .access(&format!("{copies}{file}"))?
                    .unwrap_or(Access::root(0o640));
                host.write(file, &bytes, access)?;
            } else if host.read(&format!("{copies}{file}{ABSENT}"))?.is_some() {
                host.remove(file)?;
            }
        }
        Ok(())
    }
}

fn executable() -> Result<String> {
    let executable = std::env::current_exe().context("finding the agent's executable")?;
    Ok(executable.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_old_files_and_removes_new_ones() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let write = |path: &str, text: &str, mode| {
            host.write(path, text.as_bytes(), Access::root(mode))
                .unwrap();
        };
        let [present, .., absent] = ufw::FILES;
        write(present, "old", 0o600);
        assert!(!Guard::Firewall.pending(&host).unwrap());
        Guard::Firewall.copy(&host).unwrap();
        assert!(Guard::Firewall.pending(&host).unwrap());
        write(present, "new", 0o644);
        write(absent, "new", 0o644);

        Guard::Firewall.put_back(&host).unwrap();
        assert_eq!(host.read_text(present).unwrap().unwrap(), "old");
        assert_eq!(host.access(present).unwrap().unwrap(), Access::root(0o600));
        assert_eq!(host.read_text(absent).unwrap(), None);
        Guard::Firewall.forget(&host).unwrap();
        assert!(!Guard::Firewall.pending(&host).unwrap());
    }

    #[test]
    fn a_file_of_which_no_copy_knows_stays() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        Guard::Sshd.copy(&host).unwrap();
        std::fs::remove_dir_all(host.path("/var/lib/ocrctl/sshd-revert/etc")).unwrap();
        let [file] = SSHD;
        host.write(file, b"x", Access::root(0o644)).unwrap();
        Guard::Sshd.put_back(&host).unwrap();
        assert_eq!(host.read_text(file).unwrap().unwrap(), "x");
    }
}
