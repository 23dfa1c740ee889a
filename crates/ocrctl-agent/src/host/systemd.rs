//! Units of systemd: started, and asked whether they run.

use std::time::Duration;

use super::Host;
use ocrctl_protocol::Result;

const LIMIT: Duration = Duration::from_secs(120);

/// Starts a unit, also one that has met its start limit.
pub async fn start(host: &Host, name: &str) -> Result<()> {
    let _ = host.run("systemctl", &["reset-failed", name], LIMIT).await;
    host.run("systemctl", &["start", name], LIMIT)
        .await
        .map(|_| ())
}

/// Returns whether a unit is running; false if there is no such unit.
pub async fn is_active(host: &Host, name: &str) -> bool {
    host.is_machine()
        && (has_process(host, name)
            || host
                .run("systemctl", &["is-active", "--quiet", name], LIMIT)
                .await
                .is_ok())
}

/// Returns whether the process exists that the service's PID file names, as Docker and NGINX write one. Asking
/// systemctl takes ten times as long; it is needed only after `false`.
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
}
