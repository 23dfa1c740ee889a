//! The ports of clients, tried from the operator's machine: only somebody else can tell whether they are reached.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use ocrctl_protocol::check::Verdict;
use ocrctl_protocol::doctor::Port;

const LIMIT: Duration = Duration::from_secs(5);

/// The outcome of an attempt to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    Connected,
    /// By the host, or by something that answers for it.
    Refused,
    Silent,
    /// A router on the way says that there is none.
    Unreachable(String),
    /// It did not leave this machine, which may have no IPv6.
    NoRoute,
}

/// Tries a port at all addresses at once.
pub async fn attempt(addresses: &[IpAddr], port: u16) -> Vec<(IpAddr, Attempt)> {
    let tries = addresses.iter().map(async |address| {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        let attempt = match timeout(LIMIT, connecting).await {
            Err(_) => Attempt::Silent,
            Ok(Ok(_)) => Attempt::Connected,
            Ok(Err(error)) => match error.kind() {
                ErrorKind::ConnectionRefused => Attempt::Refused,
                ErrorKind::TimedOut => Attempt::Silent,
                ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => Attempt::NoRoute,
                _ => Attempt::Unreachable(error.to_string()),
            },
        };
        (*address, attempt)
    });
    join_all(tries).await
}

/// Judges the attempts by the host's own report. `None` if the host could not be asked.
pub fn judge(attempts: &[(IpAddr, Attempt)], port: u16, host: Option<&Port>) -> Verdict {
    let mut verdicts: Vec<Verdict> = attempts
        .iter()
        .filter(|(_, attempt)| *attempt != Attempt::NoRoute)
        .map(|(address, attempt)| one(*address, attempt, port, host))
        .collect();
    // The worst says most.
    let weight = |verdict: &Verdict| match verdict {
        Verdict::Finding { .. } => 0,
        Verdict::CouldNotRun { .. } => 1,
        Verdict::Ok { .. } => 2,
    };
    verdicts.sort_by_key(weight);
    let first = verdicts.into_iter().next();
    first.unwrap_or_else(|| Verdict::CouldNotRun {
        why: match attempts {
            [] => "no address is known by which clients reach the host".into(),
            [(address, _), ..] => format!("this machine has no way to {address}"),
        },
    })
}

fn one(address: IpAddr, attempt: &Attempt, port: u16, host: Option<&Port>) -> Verdict {
    let listener = host.and_then(|host| host.listener.as_deref());
    let ok = |seen: String| Verdict::Ok { seen };
    let failed = |found: String, fix: &str| Verdict::Finding {
        found,
        fix: fix.to_owned().into(),
    };
    let could_not_run = |why: String| Verdict::CouldNotRun { why };
    let network = format!(
        "open TCP {port} for everyone in what stands before the host: a cloud's security group, a router, or \
         rules beside UFW's on the host (`nft list ruleset`)"
    );
    let silent = match attempt {
        Attempt::Connected if host.is_some() && listener.is_none() => {
            return failed(
                format!(
                    "something answers at {address}, and it is not this host: nothing listens there on it"
                ),
                "correct the name's record, or what stands before the host and passes connections on",
            );
        }
        Attempt::Connected => return ok(format!("reached at {address}")),
        Attempt::Refused => {
            return match (host, listener) {
                (None, _) => could_not_run(format!(
                    "{address} refuses connections, and the host could not be asked what listens there"
                )),
                (_, None) => ok(format!(
                    "{address} is reached, and nothing listens there yet"
                )),
                (_, Some(who)) => failed(
                    format!("{address} refuses connections, although {who} listens on the host"),
                    &network,
                ),
            };
        }
        Attempt::Silent => format!("no answer from {address} within {} s", LIMIT.as_secs()),
        Attempt::Unreachable(why) => format!("{address} can't be reached: {why}"),
        Attempt::NoRoute => return could_not_run(format!("this machine has no way to {address}")),
    };
    match host.map(|host| host.let_in) {
        Some(Some(false)) => could_not_run(format!(
            "{silent}: the host's own firewall is closed there until a deploy opens it, which hides what stands before it"
        )),
        None | Some(None) => could_not_run(format!(
            "{silent}, and whether the host's own firewall does that could not be asked"
        )),
        Some(Some(true)) => failed(
            format!("{silent}, and UFW on the host does not do that"),
            &network,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(attempt: Attempt, listener: Option<&str>, let_in: Option<bool>) -> Verdict {
        let address = IpAddr::from([192, 0, 2, 1]);
        let host = Port {
            number: 443,
            listener: listener.map(str::to_owned),
            let_in,
        };
        judge(&[(address, attempt)], 443, Some(&host))
    }

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Ok { .. } => "ok",
            Verdict::Finding { .. } => "failed",
            Verdict::CouldNotRun { .. } => "could not run",
        }
    }

    #[test]
    fn silence_is_judged_by_who_may_be_silent() {
        use Attempt::{Connected, NoRoute, Refused, Silent};
        let open = Some(true);
        let cases = [
            // Before a deploy, nothing listens and no firewall of the host's own is in the way.
            (Refused, None, open, "ok"),
            (Silent, None, open, "failed"),
            (Silent, None, Some(false), "could not run"),
            (Silent, None, None, "could not run"),
            // After it.
            (Connected, Some("nginx"), open, "ok"),
            (Refused, Some("nginx"), open, "failed"),
            (Silent, Some("nginx"), open, "failed"),
            // A router's own page.
            (Connected, None, open, "failed"),
            (NoRoute, None, open, "could not run"),
        ];
        for (attempt, listener, let_in, wanted) in cases {
            let verdict = judged(attempt.clone(), listener, let_in);
            assert_eq!(
                word(&verdict),
                wanted,
                "{attempt:?} {listener:?} {let_in:?}"
            );
        }
        assert_eq!(word(&judge(&[], 80, None)), "could not run");
    }

    #[test]
    fn one_address_that_fails_is_what_counts_and_one_without_a_way_is_not() {
        let v4 = IpAddr::from([192, 0, 2, 1]);
        let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
        let host = Port {
            number: 443,
            listener: Some("nginx".into()),
            let_in: Some(true),
        };
        let both = |other| judge(&[(v4, Attempt::Connected), (v6, other)], 443, Some(&host));
        assert_eq!(word(&both(Attempt::Silent)), "failed");
        assert_eq!(word(&both(Attempt::NoRoute)), "ok");
    }

    #[tokio::test]
    async fn a_port_is_open_or_closed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let here = [IpAddr::from([127, 0, 0, 1])];
        assert_eq!(attempt(&here, port).await, [(here[0], Attempt::Connected)]);
        drop(listener);
        assert_eq!(attempt(&here, port).await, [(here[0], Attempt::Refused)]);
    }
}
