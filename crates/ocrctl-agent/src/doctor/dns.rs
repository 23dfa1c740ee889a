//! The names that clients use lead to this host.

use std::net::IpAddr;

use futures_util::future::join_all;

use super::Asked;
use crate::acme::Dns;
use crate::acme::preflight::is_public;
use crate::checks::Seen;
use crate::host::Host;
use crate::resources::certificate::own_addresses;
use ocrctl_protocol::{Context, Result};

/// The addresses known to be the host's.
struct Known {
    /// On this host's interfaces, or where the operator reaches it.
    here: Vec<IpAddr>,
    others: Vec<IpAddr>,
    /// An address of this family may be a router's that passes connections on to this host.
    translated: bool,
}

pub(super) async fn check(_: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let scope = asked.scope;
    let dns = Dns::of_system().context("reading /etc/resolv.conf")?;
    let own = own_addresses()?;
    let known = Known {
        translated: !own.iter().any(|own| own.is_ipv4() && is_public(*own)),
        here: own.into_iter().chain(scope.reached_at.clone()).collect(),
        others: scope.others.clone(),
    };
    let found = join_all(scope.names.iter().map(|name| dns.addresses(name))).await;
    let mut seen = Seen::default();
    let mut led = Vec::new();
    for (name, found) in scope.names.iter().zip(found) {
        match found {
            Ok(addresses) => {
                compare(name, &addresses, &known, &mut seen);
                led.push(format!("{name} is {}", list(&addresses)));
            }
            Err(error) => seen.unread.push(error.to_string()),
        }
    }
    seen.summary = led.join("; ");
    Ok(seen)
}

fn compare(name: &str, addresses: &[IpAddr], known: &Known, seen: &mut Seen) {
    if addresses.is_empty() {
        return seen.find(
            format!("{name} has no A or AAAA record"),
            "add one with the address by which clients reach the host",
        );
    }
    let is_in = |list: &[IpAddr]| addresses.iter().any(|address| list.contains(address));
    let strangers: Vec<IpAddr> = addresses
        .iter()
        .filter(|address| !known.here.contains(address) && !known.others.contains(address))
        .copied()
        .collect();
    // IPv6 is hardly ever translated.
    if let [first, ..] = strangers[..] {
        let may_be = strangers
            .iter()
            .all(|address| address.is_ipv4() && is_public(*address));
        let text = format!(
            "{name} leads to {}, which is no address of this host",
            list(&strangers)
        );
        if known.translated && may_be {
            seen.unread.push(format!(
                "{text}: a router or load balancer may pass connections on; the host can't see that"
            ));
        } else {
            seen.find(text, format!("correct the record {}", record(first)));
        }
    } else if !is_in(&known.here) {
        seen.find(
            format!("{name} leads to other hosts of the environment alone"),
            "add a record with this host's address, or remove the host from the inventory",
        );
    }
}

fn record(address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("{kind} {address}")
}

fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn judged(addresses: &[&str], translated: bool) -> (usize, usize) {
        let known = Known {
            here: vec![ip("198.51.100.7"), ip("2001:db8::7")],
            others: vec![ip("198.51.100.8")],
            translated,
        };
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| ip(text)).collect();
        let mut seen = Seen::default();
        compare("ocr.example.org", &addresses, &known, &mut seen);
        (seen.findings.len(), seen.unread.len())
    }

    #[test]
    fn judges_names_of_this_host_of_others_and_behind_a_router() {
        const OK: (usize, usize) = (0, 0);
        const FAILED: (usize, usize) = (1, 0);
        const NOT_TOLD: (usize, usize) = (0, 1);
        assert_eq!(judged(&[], false), FAILED);
        assert_eq!(judged(&["198.51.100.7"], false), OK);
        assert_eq!(
            judged(&["198.51.100.7", "198.51.100.8", "2001:db8::7"], false),
            OK
        );
        assert_eq!(judged(&["198.51.100.8"], false), FAILED);
        assert_eq!(judged(&["203.0.113.1"], false), FAILED);
        assert_eq!(judged(&["203.0.113.1"], true), NOT_TOLD);
        // A record too many is one through which some clients do not arrive.
        assert_eq!(judged(&["198.51.100.7", "203.0.113.1"], false), FAILED);
        assert_eq!(judged(&["198.51.100.7", "2001:db8::1"], true), FAILED);
        assert_eq!(judged(&["10.9.9.9"], true), FAILED);
    }
}
