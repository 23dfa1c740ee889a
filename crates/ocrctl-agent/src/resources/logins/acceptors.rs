//! The process that accepts SSH's connections: sshd, or systemd by a socket unit. It is read from the sockets that listen: where systemd
//! listens, ports in sshd's configuration have no effect.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::host::Host;
use crate::host::sockets::{self, Holder, Listener};
use ocrctl_protocol::Result;

const LIMIT: Duration = Duration::from_secs(20);
/// The unit of a distribution's sshd.
pub(super) const SERVICE: &str = "ssh.service";

/// A socket that waits for SSH connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptor {
    pub address: IpAddr,
    pub port: u16,
    pub(super) by: By,
}

/// The program behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// An sshd that listens itself, of this unit.
    Service(String),
    /// systemd, which hands the socket to one service (`Accept=no`).
    Socket { socket: String, service: String },
    /// systemd, which starts an sshd for each connection (`Accept=yes`).
    EachConnection { socket: String },
}

/// An sshd that listens by itself, although a socket unit that is enabled would start its service.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    pub service: String,
    /// Where it listens.
    pub port: u16,
    pub socket: String,
    /// True if systemd listens there meanwhile, or will after the next boot.
    pub active: bool,
    pub socket_ports: Vec<u16>,
}

/// A socket unit of systemd's.
#[derive(Debug, Default, PartialEq, Eq)]
struct SocketUnit {
    name: String,
    active: bool,
    enabled: bool,
    each_connection: bool,
    service: Option<String>,
    addresses: Vec<SocketAddr>,
}

/// A listening socket and its holders.
type Held = (Listener, Vec<Holder>);

/// Reads them. A socket unit on `operators`, the port of the operator's connection, is SSH's, whatever its name is.
pub async fn read(host: &Host, operators: Option<u16>) -> Result<Vec<Acceptor>> {
    Ok(read_with_units(host, operators).await?.0)
}

/// Reads them, and which of them have left their socket units.
pub async fn read_with_left(host: &Host) -> Result<(Vec<Acceptor>, Vec<Left>)> {
    let (acceptors, units) = read_with_units(host, None).await?;
    let left = left(&acceptors, &units);
    Ok((acceptors, left))
}

async fn read_with_units(
    host: &Host,
    operators: Option<u16>,
) -> Result<(Vec<Acceptor>, Vec<SocketUnit>)> {
    let mut held: Vec<Held> = Vec::new();
    for listener in sockets::listening(host)? {
        if listener.protocol == "tcp" {
            let holders = sockets::holders(host, &listener.inode)?;
            held.push((listener, holders));
        }
    }
    let units = match host.is_machine() {
        true => {
            let properties = "--property=Id,ActiveState,UnitFileState,Accept,Triggers,Listen";
            parse(
                &host
                    .run("systemctl", &["show", properties, "*.socket"], LIMIT)
                    .await?,
            )
        }
        false => Vec::new(),
    };
    let acceptors = compare(held, &units, operators, |process| {
        let cgroup = host.read_text(&format!("/proc/{process}/cgroup"));
        cgroup.ok().flatten().and_then(|text| service_of(&text))
    });
    Ok((acceptors, units))
}

fn left(acceptors: &[Acceptor], units: &[SocketUnit]) -> Vec<Left> {
    let mut found: Vec<Left> = Vec::new();
    for acceptor in acceptors {
        let By::Service(service) = &acceptor.by else {
            continue;
        };
        let would_start =
            |unit: &&SocketUnit| unit.enabled && unit.service.as_ref() == Some(service);
        // It listens for IPv4 and for IPv6.
        let known = |it: &Left| it.service == *service && it.port == acceptor.port;
        if let Some(unit) = units.iter().find(would_start)
            && !found.iter().any(known)
        {
            let mut ports: Vec<u16> = unit.addresses.iter().map(SocketAddr::port).collect();
            ports.sort_unstable();
            ports.dedup();
            found.push(Left {
                service: service.clone(),
                port: acceptor.port,
                socket: unit.name.clone(),
                active: unit.active,
                socket_ports: ports,
            });
        }
    }
    found
}

fn compare(
    held: Vec<Held>,
    units: &[SocketUnit],
    operators: Option<u16>,
    service: impl Fn(u32) -> Option<String>,
) -> Vec<Acceptor> {
    let by = |listener: &Listener, holders: &[Holder]| {
        if let Some(unit) = units
            .iter()
            .find(|unit| unit.active && unit.listens(listener))
        {
            if !unit.is_for_ssh() && operators != Some(listener.port) {
                return None;
            }
            let socket = unit.name.clone();
            return Some(match &unit.service {
                Some(service) if !unit.each_connection => By::Socket {
                    socket,
                    service: service.clone(),
                },
                _ => By::EachConnection { socket },
            });
        }
        let sshd = holders.iter().find(|holder| holder.name == "sshd")?;
        let service = service(sshd.process).unwrap_or_else(|| SERVICE.to_owned());
        Some(By::Service(service))
    };
    held.into_iter()
        .filter_map(|(listener, holders)| {
            Some(Acceptor {
                by: by(&listener, &holders)?,
                address: listener.address,
                port: listener.port,
            })
        })
        .collect()
}

/// The service of a process, from its cgroups.
fn service_of(cgroups: &str) -> Option<String> {
    let names = cgroups
        .lines()
        .filter_map(|line| line.rsplit('/').next())
        .filter(|name| name.ends_with(".service"));
    names.map(str::to_owned).next()
}

impl SocketUnit {
    fn listens(&self, listener: &Listener) -> bool {
        self.addresses.iter().any(|address| {
            address.port() == listener.port && address.ip().to_canonical() == listener.address
        })
    }

    fn is_for_ssh(&self) -> bool {
        let sshs = |unit: &str| matches!(unit, "ssh" | "sshd");
        let stem = |name: &str| name.split('.').next().is_some_and(sshs);
        stem(&self.name) || self.service.as_deref().is_some_and(stem)
    }
}

/// The units of `systemctl show`: blocks with empty lines between them.
fn parse(text: &str) -> Vec<SocketUnit> {
    let block = |block: &str| {
        let mut unit = SocketUnit::default();
        for (name, value) in block.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "Id" => value.clone_into(&mut unit.name),
                "ActiveState" => unit.active = value == "active",
                "UnitFileState" => unit.enabled = value == "enabled",
                "Accept" => unit.each_connection = value == "yes",
                "Triggers" => unit.service = value.split(' ').next().map(str::to_owned),
                "Listen" => {
                    let address: Option<SocketAddr> =
                        value.split(' ').next().and_then(|it| it.parse().ok());
                    unit.addresses.extend(address);
                }
                _ => {}
            }
        }
        unit.service = unit.service.filter(|service| !service.is_empty());
        unit
    };
    text.split("\n\n").map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: &str = "Accept=no\nListen=[::]:2222 (Stream)\nId=ssh.socket\nTriggers=ssh.service\nActiveState=active\n\n\
         Accept=yes\nListen=/run/ssh-unix-local/socket (Stream)\nId=sshd-unix-local.socket\nTriggers=\nActiveState=active\n\n\
         Accept=yes\nListen=192.0.2.7:22022 (Stream)\nId=door.socket\nTriggers=\nActiveState=active\n\n\
         Accept=no\nListen=[::]:22 (Stream)\nId=sshd.socket\nTriggers=sshd.service\nActiveState=inactive\n\n\
         Accept=no\nListen=[::]:631 (Stream)\nId=cups.socket\nTriggers=cups.service\nActiveState=active\n";

    /// A socket and the processes that hold it.
    fn held(address: &str, port: u16, holders: &[(u32, &str)]) -> Held {
        let listener = Listener {
            protocol: "tcp",
            address: address.parse().unwrap(),
            port,
            inode: String::new(),
        };
        let holder = |&(process, name): &(u32, &str)| Holder {
            process,
            name: name.to_owned(),
        };
        (listener, holders.iter().map(holder).collect())
    }

    fn found(held: Vec<Held>, operators: Option<u16>) -> Vec<(u16, By)> {
        let service = |process| (process == 70).then(|| "own-sshd.service".to_owned());
        let found = compare(held, &parse(UNITS), operators, service);
        found.into_iter().map(|it| (it.port, it.by)).collect()
    }

    #[test]
    fn finds_the_service_that_a_socket_unit_starts() {
        let by = By::Socket {
            socket: "ssh.socket".into(),
            service: "ssh.service".into(),
        };
        let idle = held("::", 2222, &[(1, "systemd")]);
        assert_eq!(found(vec![idle], None), [(2222, by.clone())]);
        let started = held("::", 2222, &[(1, "systemd"), (60, "sshd")]);
        assert_eq!(found(vec![started], None), [(2222, by)]);
    }

    #[test]
    fn an_sshd_that_listens_itself_is_known_by_its_unit() {
        let both = vec![
            held("0.0.0.0", 22, &[(60, "sshd")]),
            held("0.0.0.0", 2200, &[(70, "sshd")]),
            held("0.0.0.0", 443, &[(80, "nginx")]),
        ];
        assert_eq!(
            found(both, None),
            [
                (22, By::Service("ssh.service".into())),
                (2200, By::Service("own-sshd.service".into())),
            ]
        );
    }

    #[test]
    fn an_sshd_that_has_left_its_enabled_socket_unit_is_found() {
        const UNITS: &str = "Accept=no\nListen=0.0.0.0:2222 (Stream)\nListen=[::]:2222 (Stream)\nId=ssh.socket\n\
             Triggers=ssh.service\nActiveState=active\nUnitFileState=enabled\n";
        let service = |_| Some("ssh.service".to_owned());
        let found = |units: &str| {
            let held = vec![
                held("0.0.0.0", 2222, &[(1, "systemd")]),
                held("0.0.0.0", 22, &[(60, "sshd")]),
                held("::", 22, &[(60, "sshd")]),
            ];
            let units = parse(units);
            left(&compare(held, &units, None, service), &units)
        };
        let wanted = |active| Left {
            service: "ssh.service".into(),
            port: 22,
            socket: "ssh.socket".into(),
            active,
            socket_ports: vec![2222],
        };
        assert_eq!(found(UNITS), [wanted(true)]);
        let inactive = UNITS.replace("ActiveState=active", "ActiveState=inactive");
        assert_eq!(found(&inactive), [wanted(false)]);
        // Debian's default: sshd listens by itself.
        let disabled = UNITS.replace("=enabled", "=disabled");
        assert_eq!(found(&disabled), []);
        let of_another = UNITS.replace("Triggers=ssh.service", "Triggers=other.service");
        assert_eq!(found(&of_another), []);
    }

    #[test]
    fn a_unit_of_another_name_counts_where_the_operator_came_in() {
        let sockets = || {
            vec![
                held("192.0.2.7", 22022, &[(1, "systemd")]),
                held("::", 631, &[(1, "systemd")]),
            ]
        };
        assert_eq!(found(sockets(), None), []);
        let socket = "door.socket".to_owned();
        assert_eq!(
            found(sockets(), Some(22022)),
            [(22022, By::EachConnection { socket })]
        );
    }

    #[test]
    fn the_service_is_read_from_cgroups_of_both_versions() {
        let service = Some("ssh.service".to_owned());
        assert_eq!(service_of("0::/system.slice/ssh.service\n"), service);
        let first = "9:name=systemd:/system.slice/ssh.service\n6:freezer:/\n0::/\n";
        assert_eq!(service_of(first), service);
        assert_eq!(service_of("0::/user.slice/session-3.scope\n"), None);
    }
}
