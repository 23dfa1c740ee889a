//! Kernel features that the workers' sandbox and the container's limits need: Landlock, seccomp, control groups.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::Result;

const MODULES: &str = "/sys/kernel/security/lsm";
const ACTIONS: &str = "/proc/sys/kernel/seccomp/actions_avail";
const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.controllers";
const V1: &str = "/proc/cgroups";

#[derive(Debug, Default)]
struct Kernel {
    /// Security modules in force; `None` if the kernel does not report them.
    modules: Option<String>,
    /// The actions that seccomp supports.
    actions: Option<String>,
    controllers: Option<String>,
    release: String,
}

pub(super) async fn check(host: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let controllers = match host.read_text(CONTROLLERS)? {
        Some(text) => Some(text),
        None => host.read_text(V1)?.map(|table| enabled(&table)),
    };
    let kernel = Kernel {
        modules: host.read_text(MODULES)?,
        actions: host.read_text(ACTIONS)?,
        controllers,
        release: host
            .read_text("/proc/sys/kernel/osrelease")?
            .unwrap_or_default()
            .trim()
            .to_owned(),
    };
    Ok(compare(&kernel, asked.scope.require_sandbox))
}

/// Control groups of the first version that are switched on: `name hierarchy groups enabled`.
fn enabled(table: &str) -> String {
    let rows = table.lines().map(|line| line.split_whitespace());
    let names = rows.filter_map(|mut row| {
        let name = row.next()?;
        (row.nth(2) == Some("1")).then_some(name)
    });
    names.collect::<Vec<_>>().join(" ")
}

fn compare(kernel: &Kernel, required: bool) -> Seen {
    let mut seen = Seen::default();
    let mut lacking = Vec::new();
    match &kernel.modules {
        None => seen.unread.push(format!(
            "{MODULES} is not there (in a container it is hidden), so that only a deploy shows whether there is Landlock"
        )),
        Some(modules) if !modules.trim().split(',').any(|module| module == "landlock") => {
            lacking.push((
                "Landlock is not in force",
                "boot with `lsm=landlock,…` before the modules of /sys/kernel/security/lsm (a kernel of 5.13 or newer has it)",
            ));
        }
        Some(_) => {}
    }
    match &kernel.actions {
        Some(actions)
            if ["kill_process", "errno"]
                .iter()
                .all(|wanted| actions.split_whitespace().any(|action| action == *wanted)) => {}
        _ => lacking.push((
            "seccomp can't filter calls",
            "boot the distribution's own kernel",
        )),
    }
    for (found, fix) in lacking {
        if required {
            seen.find(
                format!("{found}, and the service is never ready without its whole sandbox"),
                format!("{fix}; or accept less: `service.require_sandbox: false`"),
            );
        }
    }
    let has = |wanted: &str| {
        let controllers = kernel.controllers.as_deref().unwrap_or_default();
        controllers.split_whitespace().any(|name| name == wanted)
    };
    let missing: Vec<&str> = ["memory", "cpu", "pids"]
        .into_iter()
        .filter(|name| !has(name))
        .collect();
    if !missing.is_empty() {
        seen.find(
            format!(
                "the kernel sets no limits of {} to a container",
                missing.join(", ")
            ),
            "boot with `cgroup_enable=memory`, and without `cgroup_disable`",
        );
    }
    seen.summary = format!("{}: Landlock, seccomp, control groups", kernel.release);
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel {
            modules: Some("lockdown,capability,landlock,yama,apparmor\n".into()),
            actions: Some(
                "kill_process kill_thread trap errno user_notif trace log allow\n".into(),
            ),
            controllers: Some("cpuset cpu io memory hugetlb pids\n".into()),
            release: "6.1.0-41-amd64".into(),
        }
    }

    #[test]
    fn names_missing_features_that_are_needed() {
        assert_eq!(
            compare(&kernel(), true),
            Seen::ok("6.1.0-41-amd64: Landlock, seccomp, control groups")
        );
        let without = Kernel {
            modules: Some("capability,yama".into()),
            ..kernel()
        };
        assert!(
            compare(&without, true).findings[0]
                .found
                .starts_with("Landlock")
        );
        assert_eq!(compare(&without, false).findings, []);
        let hidden = Kernel {
            modules: None,
            ..kernel()
        };
        assert_eq!(
            (
                compare(&hidden, true).findings.len(),
                compare(&hidden, true).unread.len()
            ),
            (0, 1)
        );
        let unlimited = Kernel {
            controllers: Some("cpu pids".into()),
            ..kernel()
        };
        assert!(
            compare(&unlimited, false).findings[0]
                .found
                .contains("limits of memory")
        );
        let old = Kernel {
            actions: None,
            ..kernel()
        };
        assert!(compare(&old, true).findings[0].found.contains("seccomp"));
    }

    #[test]
    fn the_first_version_of_control_groups_has_a_table() {
        let table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t80\t1\nmemory\t0\t80\t0\npids\t5\t80\t1\n";
        assert_eq!(enabled(table), "cpu pids");
    }
}
