//! Packages with a known weakness and a fix that is not installed: what apt would take from the
//! distribution's security archive.

use std::time::Duration;

use jiff::Timestamp;

use super::life::{changed, days};
use super::packaged::files;
use super::{Seen, count};
use crate::host::Host;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{Failure, Result};

const LIMIT: Duration = Duration::from_secs(60);
const LISTS: &str = "/var/lib/apt/lists";
/// Files that change when apt fetches its lists or finds them unchanged.
const FETCHED: [&str; 4] = [
    "/var/lib/apt/periodic/update-success-stamp",
    "/var/lib/apt/lists/partial",
    LISTS,
    "/var/cache/apt/pkgcache.bin",
];
/// Days after which lists say nothing about today.
const STALE: i64 = 7;
const SHOWN: usize = 5;

pub(super) async fn check(host: &Host, _: &Scope) -> Result<Seen> {
    let lists: Vec<String> = files(host, LISTS)?;
    let fetched = FETCHED.iter().filter_map(|path| changed(host, path)).max();
    if let Some(answer) = known(&lists, fetched, Timestamp::now()) {
        return answer;
    }
    let arguments = [
        "--simulate",
        "--quiet",
        "-o",
        "Debug::NoLocking=1",
        "--with-new-pkgs",
        "upgrade",
    ];
    let upgrade = host.run("apt-get", &arguments, LIMIT).await?;
    Ok(compare(&upgrade))
}

/// Judges the lists alone; `None` if they are recent, so that apt can be asked.
fn known(lists: &[String], fetched: Option<Timestamp>, now: Timestamp) -> Option<Result<Seen>> {
    let update = "run `apt-get update` on the host";
    let is_list = |path: &&String| path.ends_with("Release");
    if !lists.iter().any(|path| is_list(&path)) {
        return Some(Err(
            Failure::new("apt has never fetched its lists").hint(update)
        ));
    }
    if !lists
        .iter()
        .filter(is_list)
        .any(|path| path.contains("security"))
    {
        return Some(Ok(Seen::finding(
            "apt has no security archive among its sources",
            "add it to /etc/apt/sources.list, such as `deb http://security.debian.org/debian-security CODENAME-security main`",
        )));
    }
    let age = fetched.map(|at| days(at, now));
    match age {
        Some(age) if age <= STALE => None,
        Some(age) => Some(Err(
            Failure::new(format!("apt's lists are {age} days old")).hint(update)
        )),
        None => Some(Err(Failure::new("apt's lists have no date").hint(update))),
    }
}

/// `Inst NAME [OLD] (NEW ORIGIN:VERSION/SUITE, … [ARCHITECTURE])`, of which the origins matter.
fn compare(simulation: &str) -> Seen {
    let pending: Vec<&str> = simulation
        .lines()
        .filter_map(|line| line.strip_prefix("Inst "))
        .filter(|line| {
            let origins = line.split_once('(').map_or("", |(_, origins)| origins);
            origins.contains("Debian-Security") || origins.contains("-security")
        })
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if pending.is_empty() {
        return Seen::ok("none pending");
    }
    let mut shown = pending[..pending.len().min(SHOWN)].join(", ");
    if pending.len() > SHOWN {
        shown.push_str(", …");
    }
    let number = count(pending.len(), "security update is", "security updates are");
    Seen::finding(
        format!("{number} not installed: {shown}"),
        "apt-get -y --with-new-pkgs upgrade",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_updates_from_a_security_archive_count() {
        let seen = compare(
            "Reading package lists...\n\
             Inst libc6 [2.36-9] (2.36-9+deb12u9 Debian:12.8/stable, Debian-Security:12/stable-security [amd64]) []\n\
             Inst tzdata [2024a] (2024b Debian:12.8/stable [all])\n\
             Inst openssl [3.0.2-0ubuntu1.1] (3.0.2-0ubuntu1.9 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\n\
             Conf libc6 (2.36-9+deb12u9 Debian:12.8/stable, Debian-Security:12/stable-security [amd64])\n",
        );
        assert_eq!(
            seen.findings[0].found,
            "2 security updates are not installed: libc6, openssl"
        );
        assert_eq!(
            compare("Inst tzdata [1] (2 Debian:12.8/stable [all])\n").findings,
            []
        );
    }

    #[test]
    fn without_fresh_lists_nothing_is_known() {
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let lists = [
            "/l/deb_dists_bookworm_InRelease",
            "/l/sec_dists_bookworm-security_InRelease",
        ]
        .map(str::to_owned);
        let why = |answer: Option<Result<Seen>>| answer.unwrap().unwrap_err().message;
        assert!(known(&lists, Some(at(0)), at(7)).is_none());
        assert!(why(known(&lists, Some(at(0)), at(8))).contains("8 days old"));
        assert!(why(known(&lists, None, at(8))).contains("no date"));
        assert!(why(known(&[], Some(at(0)), at(0))).contains("never"));
        let seen = known(&lists[..1], Some(at(0)), at(0)).unwrap().unwrap();
        assert!(seen.findings[0].found.contains("no security archive"));
    }
}
