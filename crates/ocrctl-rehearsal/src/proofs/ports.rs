//! Reachable ports of the host, seen from a second machine.

use std::collections::BTreeMap;

use super::audit;
use crate::{ProofError, Provider, Rehearsal, Seen, wrong};
use ocrctl_command::quoted;

const SCAN: &str = include_str!("../scan.pl");
/// SSH, HTTP and HTTPS: the rehearsal's inventory names no more.
const NAMED: [u16; 3] = [22, 80, 443];
const ALL: u16 = u16::MAX;
const SOME: u16 = 9000;

pub(super) async fn outside_in(rehearsal: &mut Rehearsal) -> Seen {
    let scanned = scan(rehearsal, ALL).await?;
    let addresses = only(rehearsal, &scanned, &NAMED)?;

    // Somebody publishes a port, which Docker leads past UFW: reported with each plan, and really open.
    audit::publish(rehearsal, None).await?;
    let leak = "the container planted publishes 0.0.0.0:8099->3000/tcp past the firewall";
    let plan = rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    plan.expect_said(&[leak, "firewall.published: close"])?;
    let open = scan(rehearsal, SOME).await?;
    if !open.values().any(|ports| ports.contains(&8099)) {
        return wrong(format!(
            "the published port is not open, so closing it proves nothing: {open:?}"
        ));
    }

    rehearsal.amend_inventory("    firewall: {published: close}\n")?;
    let closed = rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    if closed.stderr.contains("past the firewall: ") {
        return wrong("what is closed is still told");
    }
    only(rehearsal, &scan(rehearsal, SOME).await?, &NAMED)?;
    // Named, it is open again: by the inventory this time.
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal.amend_inventory("    firewall: {published: close, allow: [{port: 8099}]}\n")?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    let open = scan(rehearsal, SOME).await?;
    if !open.values().any(|ports| ports.contains(&8099)) {
        return wrong(format!(
            "the port that the inventory names is closed: {open:?}"
        ));
    }

    let planted = "/containers/planted?force=true";
    rehearsal.prod1()?.docker("DELETE", planted, "").await?;
    rehearsal.write_inventory(&rehearsal.first)?;
    rehearsal
        .ocrctl(&["deploy", "rehearsal", "--yes"])
        .await?
        .expect(0)?;
    rehearsal.ocrctl(&["plan", "rehearsal"]).await?.expect(0)?;
    Ok(format!(
        "22, 80 and 443 at {addresses}, of all 65535; a container's port was told, closed, and open where the inventory names it"
    ))
}

/// Of each address of the host, the ports up to `last` that take a connection.
async fn scan(rehearsal: &Rehearsal, last: u16) -> Result<BTreeMap<String, Vec<u16>>, ProofError> {
    let scan = format!("perl -e {} prod1.rehearsal.test {last}", quoted(SCAN));
    let text = rehearsal.infra()?.run(&scan).await?;
    let line = |line: &str| {
        let (address, ports) = line.split_once(' ').unwrap_or((line, ""));
        let ports = ports.split(' ').filter_map(|port| port.parse().ok());
        (address.to_owned(), ports.collect())
    };
    Ok(text.lines().map(line).collect())
}

/// Gives the addresses, where each has exactly these ports.
fn only(
    rehearsal: &Rehearsal,
    scanned: &BTreeMap<String, Vec<u16>>,
    ports: &[u16],
) -> Result<String, ProofError> {
    // The network between VMs has no IPv6.
    let v6 = std::path::Path::new("/proc/net/if_inet6");
    let docker = rehearsal.settings.provider == Provider::Docker;
    let expected = if docker && std::fs::read(v6).is_ok_and(|text| !text.is_empty()) {
        2
    } else {
        1
    };
    if scanned.len() != expected || scanned.values().any(|open| open != ports) {
        return wrong(format!(
            "{expected} addresses with the ports {ports:?} were expected: {scanned:?}"
        ));
    }
    Ok(scanned.keys().cloned().collect::<Vec<_>>().join(" and "))
}
