//! The port of this host that SSH comes in by. A forwarded or mapped port is seen here as it is on the host, which is what
//! the firewall must leave open.

use std::net::{IpAddr, SocketAddr};

use super::acceptors::{self, Acceptor};
use crate::host::Host;
use ocrctl_protocol::Result;

/// The host's end of the operator's SSH connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// `None` where it holds on one network interface only.
    pub address: Option<IpAddr>,
    pub port: u16,
}

impl Arrival {
    /// From the environment of this process and its parents: sudo keeps SSH_CONNECTION from its child, but was started
    /// with it. `None` at a console.
    pub fn of_operator(host: &Host) -> Option<Self> {
        Self::of_process(host, std::process::id())
    }

    fn of_process(host: &Host, mut process: u32) -> Option<Self> {
        for _ in 0..16 {
            let environment = host.read(&format!("/proc/{process}/environ")).ok()??;
            let connection = environment
                .split(|byte| *byte == 0)
                .filter_map(|entry| std::str::from_utf8(entry).ok())
                .find_map(|entry| entry.strip_prefix("SSH_CONNECTION="));
            if let Some(connection) = connection {
                return Self::parse(connection);
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

    /// "client-address client-port server-address server-port"
    fn parse(connection: &str) -> Option<Self> {
        let mut server = connection.split(' ').skip(2);
        let address = server.next()?.parse().ok();
        Some(Self {
            address: address.map(|it: IpAddr| it.to_canonical()),
            port: server.next()?.parse().ok()?,
        })
    }

    pub fn endpoint(self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.address?, self.port))
    }
}

/// From the connection itself; at a console, from the sockets where SSH is accepted, and where there are none, from sshd's
/// configuration.
pub async fn ssh_port(host: &Host) -> Result<u16> {
    if let Some(arrival) = Arrival::of_operator(host) {
        return Ok(arrival.port);
    }
    // A host whose sockets can't be read has its configuration.
    let acceptors = acceptors::read(host, None).await.unwrap_or_default();
    match outermost(&acceptors) {
        Some(port) => Ok(port),
        None => configured(host),
    }
}

/// The port that others can reach, and the lowest of several.
fn outermost(acceptors: &[Acceptor]) -> Option<u16> {
    let ports = acceptors.iter();
    ports
        .map(|acceptor| (acceptor.address.is_loopback(), acceptor.port))
        .min()
        .map(|(_, port)| port)
}

fn configured(host: &Host) -> Result<u16> {
    let config = host.read_text("/etc/ssh/sshd_config")?.unwrap_or_default();
    Ok(config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Port "))
        .find_map(|port| port.trim().parse().ok())
        .unwrap_or(22))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        for (path, text) in files {
            let path = host.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (root, host)
    }

    #[test]
    fn a_parents_environment_knows_the_connection() {
        let (_root, host) = host(&[
            ("/proc/30/environ", "PATH=/bin\0"),
            ("/proc/30/status", "Name:\tx\nPPid:\t20\n"),
            (
                "/proc/20/environ",
                "A=b\0SSH_CONNECTION=192.0.2.1 50000 192.0.2.9 2222\0",
            ),
        ]);
        let arrival = Arrival::of_process(&host, 30).unwrap();
        let endpoint = "192.0.2.9:2222".parse().unwrap();
        assert_eq!((arrival.port, arrival.endpoint()), (2222, Some(endpoint)));
        assert_eq!(Arrival::of_process(&host, 31), None);
        // The interface of a link-local address is known to the client only.
        let local = Arrival::parse("fe80::1%eth0 50000 fe80::2%eth0 22").unwrap();
        assert_eq!((local.port, local.endpoint()), (22, None));
    }

    #[tokio::test]
    async fn without_a_connection_the_sockets_count_and_then_sshds_configuration() {
        let (_bare, bare) = host(&[]);
        assert_eq!(ssh_port(&bare).await.unwrap(), 22);
        let config = ("/etc/ssh/sshd_config", "#Port 1\nPort 2200\n");
        let (_root, configured) = host(&[config]);
        assert_eq!(ssh_port(&configured).await.unwrap(), 2200);

        let line = |address: &str, inode: u32| {
            format!(
                "0: {address} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n"
            )
        };
        let table = [
            "head\n",
            &line("0100007F:0016", 5),
            &line("00000000:08AE", 6),
        ]
        .concat();
        let (_root, listening) = host(&[
            config,
            ("/proc/net/tcp", &table),
            ("/proc/60/comm", "sshd\n"),
            ("/proc/60/fd/0", ""),
        ]);
        for inode in [5, 6] {
            let link = listening.path(&format!("/proc/60/fd/{inode}"));
            std::os::unix::fs::symlink(format!("socket:[{inode}]"), link).unwrap();
        }
        assert_eq!(ssh_port(&listening).await.unwrap(), 2222);
    }
}
