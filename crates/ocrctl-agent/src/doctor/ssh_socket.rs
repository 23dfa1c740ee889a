//! Checks that sshd is where systemd's socket unit expects it: one that was reloaded by hand listens by itself, while connections to
//! the socket's port hang, and at the next boot the port changes.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use crate::resources::logins::acceptors::{self, Left};
use ocrctl_protocol::Result;

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let (acceptors, left) = acceptors::read_with_left(host).await?;
    let mut ports: Vec<u16> = acceptors.iter().map(|acceptor| acceptor.port).collect();
    ports.sort_unstable();
    ports.dedup();
    Ok(judge(&ports, &left))
}

/// `ports` are those where SSH's connections are accepted.
fn judge(ports: &[u16], left: &[Left]) -> Seen {
    let mut seen = Seen {
        summary: match ports {
            [] => "nothing on this host listens for SSH".into(),
            ports => format!("SSH on {}", named(ports)),
        },
        ..Seen::default()
    };
    for Left {
        service,
        port,
        socket,
        active,
        socket_ports,
    } in left
    {
        let socket_ports = named(socket_ports);
        let meanwhile = if *active {
            format!("connections to {socket_ports} are never answered")
        } else {
            format!("after the next boot, SSH is on {socket_ports}")
        };
        seen.find(
            format!(
                "sshd listens on port {port} by itself, although {socket} is enabled: it has left its socket, and {meanwhile}"
            ),
            format!(
                "`systemctl stop {service} && systemctl restart {socket}`, after which SSH is on {socket_ports} (sessions go on; \
                 keep one open until you are in again); or `systemctl disable --now {socket} && systemctl enable {service}` to \
                 stay on port {port}"
            ),
        );
    }
    seen
}

fn named(ports: &[u16]) -> String {
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    match ports {
        [_] => format!("port {}", list.concat()),
        _ => format!("ports {}", list.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sshd_that_has_left_its_socket_is_a_finding_with_what_to_run() {
        assert_eq!(judge(&[22], &[]), Seen::ok("SSH on port 22"));
        let left = |active| Left {
            service: "ssh.service".into(),
            port: 22,
            socket: "ssh.socket".into(),
            active,
            socket_ports: vec![2222],
        };
        let finding = judge(&[22, 2222], &[left(true)]).findings.remove(0);
        assert!(
            finding.found.contains("port 2222 are never answered"),
            "{finding:?}"
        );
        assert!(
            finding
                .fix
                .starts_with("`systemctl stop ssh.service && systemctl restart ssh.socket`"),
            "{finding:?}"
        );
        let finding = judge(&[22], &[left(false)]).findings.remove(0);
        assert!(finding.found.contains("after the next boot"), "{finding:?}");
    }
}
