//! Checks that something keeps the clock right: a clock that is right today drifts, and certificates and keys end by it.

use std::time::Duration;

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

const LIMIT: Duration = Duration::from_secs(10);
/// The right to set the clock, in the masks of capabilities(7).
const CAP_SYS_TIME: u32 = 25;
/// The kernel's own word for it, so that it holds for chrony as for systemd-timesyncd.
const ASK: [&str; 7] = ["show", "-p", "CanNTP", "-p", "NTP", "-p", "NTPSynchronized"];

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let status = host.read_text("/proc/self/status")?.unwrap_or_default();
    if !may_set_clock(&status) {
        return Ok(Seen {
            unread: vec![
                "a container, whose clock is that of the machine it runs on: see there whether it is synchronised"
                    .into(),
            ],
            ..Seen::default()
        });
    }
    let answer = host.run("timedatectl", &ASK, LIMIT).await.map_err(|failure| {
        Failure::new(failure.message).hint(
            "`timedatectl` needs systemd and D-Bus (`apt install dbus`); with chrony, `chronyc tracking` shows it",
        )
    })?;
    judge(&answer)
}

/// Root on a machine of its own may; in a container the bounding set lacks it.
fn may_set_clock(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> CAP_SYS_TIME & 1 == 1)
}

fn judge(answer: &str) -> Result<Seen> {
    let field = |name: &str| {
        let mut lines = answer.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')? == "yes"))
    };
    let (Some(synchronized), Some(running)) = (field("NTPSynchronized"), field("NTP")) else {
        return Err(Failure::new(format!(
            "`timedatectl show` says something else: {}",
            answer.trim()
        )));
    };
    Ok(match (synchronized, running, field("CanNTP")) {
        (true, true, _) => Seen::ok("synchronised"),
        (true, false, _) => Seen::ok("synchronised, by something that systemd does not know"),
        (false, true, _) => Seen::finding(
            "a time service runs, and has not synchronised the clock",
            "`timedatectl timesync-status`, or with chrony `chronyc sources`, shows what it waits for: mostly UDP port 123 out, \
             or other servers, which /etc/systemd/timesyncd.conf or /etc/chrony/chrony.conf names",
        ),
        (false, false, Some(true)) => Seen::finding(
            "nothing keeps the clock right: its time service is off",
            "`timedatectl set-ntp true`",
        ),
        (false, false, _) => Seen::finding(
            "nothing keeps the clock right: no time service is installed",
            "`apt install systemd-timesyncd`, which starts by itself",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_whether_the_clock_is_kept() {
        let seen = |can, ntp, synchronized| {
            judge(&format!(
                "CanNTP={can}\nNTP={ntp}\nNTPSynchronized={synchronized}\n"
            ))
            .unwrap()
        };
        assert_eq!(seen("yes", "yes", "yes"), Seen::ok("synchronised"));
        // Started by hand, or ntpd from elsewhere: the kernel's word counts.
        assert!(seen("no", "no", "yes").findings.is_empty());
        for (said, found, fix) in [
            (("yes", "yes", "no"), "has not synchronised", "UDP port 123"),
            (("yes", "no", "no"), "is off", "set-ntp true"),
            (("no", "no", "no"), "is installed", "apt install"),
        ] {
            let finding = seen(said.0, said.1, said.2).findings.remove(0);
            assert!(finding.found.contains(found), "{finding:?}");
            assert!(finding.fix.contains(fix), "{finding:?}");
        }
        assert!(judge("Unknown property").is_err());
    }

    #[test]
    fn a_container_without_the_right_is_not_judged() {
        assert!(may_set_clock("CapInh:\t0\nCapBnd:\t000001ffffffffff\n"));
        assert!(!may_set_clock("CapBnd:\t000001fffdffffff\n"));
    }
}
