//! The way back from a change that can lock the operator out: copies of the files that hold it, a transient timer that
//! puts them back, and a unit that does so at a boot, should the host go down meanwhile; armed before the change and
//! taken away once the operator has come in over a new connection. As long as there are copies, what is in force is
//! unconfirmed.

use std::time::Duration;

use clap::ValueEnum;

use super::{Host, firewall, sshd};
use crate::agent::{Context, Operation, Result};
use crate::protocol::{Detail, Event, Failure};
use crate::resources::host::Access;

const LIMIT: Duration = Duration::from_secs(60);
/// The controller has this long to open a new connection.
const CONFIRM: Duration = Duration::from_secs(45);
/// Beside a copy's path, where there was no file.
const ABSENT: &str = ".absent";

/// What is guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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
            Self::Firewall => &firewall::FILES,
            Self::Sshd => &sshd::FILES,
        }
    }

    /// Puts in force what the files say.
    async fn load(self, host: &Host) -> Result<()> {
        match self {
            Self::Firewall => firewall::load(host).await,
            Self::Sshd => sshd::load(host).await,
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

    /// Whether an earlier change was never confirmed: its agent was killed, or the host went down.
    pub(super) fn pending(self, host: &Host) -> Result<bool> {
        Ok(host.access(&self.copies())?.is_some())
    }

    /// What the plan says of one that is pending.
    pub(super) fn unconfirmed() -> Detail {
        Detail::Field {
            name: "confirmed".into(),
            from: Some("false".into()),
            to: Some("true".into()),
        }
    }

    /// Makes a change, has the operator come in anew, and goes back where one of the two fails.
    pub(super) async fn over(
        self,
        host: &Host,
        operation: &mut Operation,
        change: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        self.arm(host, CONFIRM + Duration::from_secs(30)).await?;
        if let Err(failure) = change.await {
            self.revert(host).await?;
            self.stop_timer(host).await;
            return Err(failure);
        }
        operation.events.send(Event::ConfirmReachable {
            seconds: CONFIRM.as_secs(),
        });
        if operation.confirmed(CONFIRM).await {
            self.stop_timer(host).await;
            return self.forget(host);
        }
        self.revert(host).await?;
        self.stop_timer(host).await;
        Err(Failure::new(format!(
            "no new SSH connection came in after the change to the {0}; the old {0} is back",
            self.name()
        ))
        .hint("check that the port you connect to reaches the host's sshd, then deploy again"))
    }

    /// Copies what is in force, and has systemd put it back `after` this time. What is unconfirmed itself is not what to
    /// go back to: then the copies that are there stay.
    async fn arm(self, host: &Host, after: Duration) -> Result<()> {
        self.stop_timer(host).await;
        if !self.pending(host)? {
            self.copy(host)?;
        }
        let executable = std::env::current_exe().context("finding the agent's executable")?;
        let executable = executable.to_string_lossy();
        let name = self.name();
        let text = format!(
            "[Unit]\nDescription=Put the {name} back, whose change was never confirmed\nAfter=ufw.service ssh.service\n\n\
             [Service]\nType=oneshot\nExecStart={executable} agent revert {name}\n"
        );
        let [at_boot, wanted] = self.at_boot();
        host.write(&at_boot, text.as_bytes(), Access::root(0o644))?;
        host.make_dir("/etc/systemd/system/multi-user.target.wants", 0o755)?;
        host.link(&wanted, &at_boot)?;
        let (unit, seconds) = (self.unit(), format!("--on-active={}", after.as_secs()));
        let mut arguments = vec!["--quiet", "--collect", "--unit", &unit, &seconds];
        arguments.extend(["--timer-property=AccuracySec=1s", &executable]);
        arguments.extend(["agent", "revert", name]);
        host.run("systemd-run", &arguments, LIMIT).await?;
        Ok(())
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

    /// What is in force stays.
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

    /// Puts the copies back and in force. Runs from the timer, at a boot, or at once when the controller can't come in.
    pub async fn revert(self, host: &Host) -> Result<()> {
        self.put_back(host)?;
        self.load(host).await?;
        self.forget(host)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_comes_back_and_what_was_not_goes() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let write = |path: &str, text: &str, mode| {
            host.write(path, text.as_bytes(), Access::root(mode))
                .unwrap();
        };
        let [present, .., absent] = firewall::FILES;
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
        let [file] = sshd::FILES;
        host.write(file, b"x", Access::root(0o644)).unwrap();
        Guard::Sshd.put_back(&host).unwrap();
        assert_eq!(host.read_text(file).unwrap().unwrap(), "x");
    }
}
