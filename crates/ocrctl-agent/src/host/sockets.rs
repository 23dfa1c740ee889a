//! Sockets of the host that wait for others, and whose they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    pub address: IpAddr,
    pub port: u16,
    pub inode: String,
}

/// The kernel's numbers: TCP_LISTEN, and for UDP one that is not connected.
const TABLES: [(&str, &str, &str); 4] = [
    ("/proc/net/tcp", "tcp", "0A"),
    ("/proc/net/tcp6", "tcp", "0A"),
    ("/proc/net/udp", "udp", "07"),
    ("/proc/net/udp6", "udp", "07"),
];

pub fn listening(host: &Host) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    let mut tables = 0;
    for (path, protocol, state) in TABLES {
        if let Some(text) = host.read_text(path)? {
            tables += 1;
            listeners.extend(parse(&text, protocol, state));
        }
    }
    if tables == 0 {
        return Err(Failure::new("the kernel lists no sockets in /proc/net"));
    }
    Ok(listeners)
}

/// Sockets of a table in one state: `sl local_address rem_address st … inode`, addresses in hexadecimal
/// (proc_net(5)).
fn parse(table: &str, protocol: &'static str, state: &str) -> Vec<Listener> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.get(3) != Some(&state) {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        Some(Listener {
            protocol,
            address: parse_address(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            inode: (*fields.get(9)?).to_owned(),
        })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// Words of 32 bits as the machine has them in memory, each written as a number.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        u32::from_str_radix(hex.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub process: u32,
    pub name: String,
}

/// The processes that hold a socket; several do where one has handed it to another, as systemd does.
pub fn holders(host: &Host, inode: &str) -> Result<Vec<Holder>> {
    let socket = format!("socket:[{inode}]");
    let mut holders = Vec::new();
    for number in host.list("/proc")? {
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        // One that ends meanwhile is none.
        let process = format!("/proc/{number}");
        let descriptors = host.list(&format!("{process}/fd")).unwrap_or_default();
        let holds = descriptors.iter().any(|descriptor| {
            let target = host.link_target(&format!("{process}/fd/{descriptor}"));
            target.ok().flatten().as_ref() == Some(&socket)
        });
        if holds {
            let name = host.read_text(&format!("{process}/comm"))?;
            holders.push(Holder {
                process: number,
                name: name.unwrap_or_default().trim().to_owned(),
            });
        }
    }
    Ok(holders)
}

/// Finds the program that holds a socket.
pub fn program(host: &Host, inode: &str) -> Result<Option<String>> {
    let holders = holders(host, inode)?;
    // Where systemd has handed it on, the one that has it now.
    let holder = holders.iter().max_by_key(|holder| holder.process != 1);
    Ok(holder.map(|holder| format!("{} (process {})", holder.name, holder.process)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1\n   \
            1: 00000000:01BB 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 8 1\n";
        let [listener] = parse(table, "tcp", "0A").try_into().unwrap();
        assert_eq!(
            (listener.address.to_string().as_str(), listener.port),
            ("127.0.0.1", 80)
        );
        assert_eq!(listener.inode, "7");
        let v6 = |hex| parse_address(hex).unwrap().to_string();
        assert_eq!(v6("00000000000000000000000001000000"), "::1");
        assert_eq!(v6("0000000000000000FFFF00000100007F"), "127.0.0.1");
    }
}
