//! The port of this host that the operator's SSH connection came in by. A forwarded or mapped port is
//! seen here as it is on the host, which is what the firewall must leave open.

use crate::agent::Result;
use crate::resources::Host;

/// From the connection itself; without one (an administrator's console), from sshd's configuration.
pub fn ssh_port(host: &Host) -> Result<u16> {
    if let Some(port) = of_connection(host, std::process::id()) {
        return Ok(port);
    }
    let config = host.read_text("/etc/ssh/sshd_config")?.unwrap_or_default();
    Ok(config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Port "))
        .find_map(|port| port.trim().parse().ok())
        .unwrap_or(22))
}

/// sudo keeps SSH_CONNECTION from its child, but was started with it: look at the parents.
fn of_connection(host: &Host, mut process: u32) -> Option<u16> {
    for _ in 0..16 {
        let environment = host.read(&format!("/proc/{process}/environ")).ok()??;
        let connection = environment
            .split(|byte| *byte == 0)
            .filter_map(|entry| std::str::from_utf8(entry).ok())
            .find_map(|entry| entry.strip_prefix("SSH_CONNECTION="));
        if let Some(connection) = connection {
            // "client-address client-port server-address server-port"
            return connection.split(' ').nth(3)?.parse().ok();
        }
        let status = host.read_text(&format!("/proc/{process}/status")).ok()??;
        process = status
            .lines()
            .find_map(|line| line.strip_prefix("PPid:"))?
            .trim()
            .parse()
            .ok()
            .filter(|parent| *parent > 1)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parents_environment_knows_the_connection() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        for (process, parent, environment) in [
            (30, 20, "PATH=/bin\0"),
            (
                20,
                10,
                "A=b\0SSH_CONNECTION=192.0.2.1 50000 192.0.2.9 2222\0",
            ),
        ] {
            std::fs::create_dir_all(host.path(&format!("/proc/{process}"))).unwrap();
            std::fs::write(host.path(&format!("/proc/{process}/environ")), environment).unwrap();
            std::fs::write(
                host.path(&format!("/proc/{process}/status")),
                format!("Name:\tx\nPPid:\t{parent}\n"),
            )
            .unwrap();
        }
        assert_eq!(of_connection(&host, 30), Some(2222));
    }

    #[test]
    fn without_a_connection_sshds_configuration_counts() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(ssh_port(&host).unwrap(), 22);
        std::fs::create_dir_all(host.path("/etc/ssh")).unwrap();
        std::fs::write(host.path("/etc/ssh/sshd_config"), "#Port 1\nPort 2200\n").unwrap();
        assert_eq!(ssh_port(&host).unwrap(), 2200);
    }
}
