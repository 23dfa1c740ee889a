//! Cron and at jobs that no package brought: someone relies on them, and someone else will not know.

use super::packaged::{files, unowned};
use super::{Seen, quoted};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

const CRONTABS: &str = "/var/spool/cron/crontabs";
const AT: &str = "/var/spool/cron/atjobs";
const DIRECTORIES: [&str; 5] = [
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
];

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let mut jobs = Vec::new();
    for path in files(host, CRONTABS)? {
        if !active(&host.read_text(&path)?.unwrap_or_default()).is_empty() {
            let account = path.rsplit('/').next().unwrap_or_default();
            let name = format!("crontab of {account}");
            jobs.push((name, format!("crontab -r -u {}", quoted(account))));
        }
    }
    let crontab = host.read_text("/etc/crontab")?.unwrap_or_default();
    let by_hand = active(&crontab)
        .iter()
        .any(|line| !line.contains("run-parts"));
    if by_hand {
        jobs.push((
            "/etc/crontab".to_owned(),
            "remove the job from /etc/crontab".to_owned(),
        ));
    }
    let mut paths = Vec::new();
    for directory in DIRECTORIES {
        // run-parts(8) and cron(8) pass over files with a dot in their name.
        let runs = |path: &String| !path.rsplit('/').next().unwrap_or_default().contains('.');
        paths.extend(files(host, directory)?.into_iter().filter(runs));
    }
    for path in unowned(host, paths)? {
        let fix = format!("rm {}", quoted(&path));
        jobs.push((path, fix));
    }
    for path in files(host, AT)?
        .into_iter()
        .filter(|path| !path.ends_with("/.SEQ"))
    {
        let fix = format!("rm {}", quoted(&path));
        jobs.push((path, fix));
    }
    Ok(compare(jobs, &scope.ownership.jobs))
}

/// Lines that are jobs: neither comments nor settings.
fn active(crontab: &str) -> Vec<&str> {
    let job = |line: &&str| {
        let setting = line.split_once('=').is_some_and(|(name, _)| {
            name.trim()
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        !line.is_empty() && !line.starts_with('#') && !setting
    };
    crontab.lines().map(str::trim).filter(job).collect()
}

/// Names of jobs, each with what removes it.
fn compare(jobs: Vec<(String, String)>, known: &[String]) -> Seen {
    let mut seen = Seen::ok("none but those of packages and of the inventory");
    for (name, fix) in jobs {
        if !known.contains(&name) {
            seen.find(
                format!("{name} was made by hand"),
                format!("{fix}; or add it to `ownership.jobs`"),
            );
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    #[tokio::test]
    async fn jobs_of_packages_are_passed_over_and_others_found_wherever_they_are() {
        let (_root, host) = host_with(&[
            (
                "/etc/crontab",
                "SHELL=/bin/sh\n# m h\n17 * * * * root cd / && run-parts /etc/cron.hourly\n",
            ),
            ("/etc/cron.d/e2scrub", "x"),
            ("/etc/cron.d/report", "x"),
            ("/etc/cron.d/.placeholder", ""),
            ("/etc/cron.daily/tidy", "x"),
            (
                "/var/spool/cron/crontabs/ann",
                "# comment\nMAILTO=ann\n@daily backup\n",
            ),
            ("/var/spool/cron/crontabs/bob", "# nothing\n"),
            ("/var/spool/cron/atjobs/.SEQ", "1"),
            (
                "/var/lib/dpkg/info/e2fsprogs.list",
                "/.\n/etc/cron.d\n/etc/cron.d/e2scrub\n",
            ),
        ]);
        let mut scope = scope();
        let seen = check(&host, &scope).await.unwrap();
        let found: Vec<&str> = seen.findings.iter().map(|f| f.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "crontab of ann was made by hand",
                "/etc/cron.d/report was made by hand",
                "/etc/cron.daily/tidy was made by hand",
            ]
        );
        let known = [
            "crontab of ann",
            "/etc/cron.d/report",
            "/etc/cron.daily/tidy",
        ];
        scope.ownership.jobs = known.map(str::to_owned).into();
        assert_eq!(check(&host, &scope).await.unwrap().findings, []);
    }

    #[tokio::test]
    async fn a_job_in_the_systems_own_crontab_is_found() {
        let (_root, host) = host_with(&[("/etc/crontab", "* * * * * root /opt/x\n")]);
        assert_eq!(check(&host, &scope()).await.unwrap().findings.len(), 1);
    }
}
