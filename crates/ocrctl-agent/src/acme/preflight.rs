//! Checks before an order, for everything that would make it fail: failed orders count against the authority's
//! limits. Each name's records are looked up, and a token is fetched back over port 80 from each address.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;

use super::caa;
use super::dns::Dns;

const TIMEOUT: Duration = Duration::from_secs(8);

/// A file that is served to everyone under `/.well-known/acme-challenge/`, as an answer to a challenge would be.
#[derive(Debug, Clone)]
pub struct Token {
    pub name: String,
    pub content: String,
}

/// Where and as whom the preflight looks.
#[derive(Debug)]
pub struct Preflight<'a> {
    pub dns: &'a Dns,
    pub names: &'a [String],
    /// Names of the authority in CAA records.
    pub caa_identities: &'a [String],
    /// Addresses of the host itself.
    pub own: &'a [IpAddr],
    pub token: &'a Token,
    /// 80, but for tests.
    pub port: u16,
}

/// Results of the checks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// An order would fail: which record is wrong, and how.
    pub failures: Vec<String>,
    /// Can't be judged from this host.
    pub doubts: Vec<String>,
}

/// An address's answer to a request for the token.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fetched {
    Token,
    /// Something else: its status, or what is wrong with it.
    Other(String),
    Nothing(String),
}

impl Preflight<'_> {
    pub async fn run(&self) -> Findings {
        let mut findings = Findings::default();
        for found in join_all(self.names.iter().map(|name| self.name(name))).await {
            findings.failures.extend(found.failures);
            findings.doubts.extend(found.doubts);
        }
        findings
    }

    async fn name(&self, name: &str) -> Findings {
        let mut findings = Findings::default();
        match self.dns.addresses(name).await {
            Err(error) => findings.failures.push(error.to_string()),
            Ok(addresses) if addresses.is_empty() => findings.failures.push(format!(
                "{name} has no A or AAAA record; add one with the host's public address"
            )),
            Ok(addresses) => {
                let fetched = join_all(addresses.iter().map(|at| self.fetch(name, *at))).await;
                for (address, fetched) in addresses.into_iter().zip(fetched) {
                    match judge(address, &fetched, self.own) {
                        Verdict::Good => {}
                        Verdict::Wrong(why) => {
                            findings.failures.push(record(name, address, &why));
                        }
                        Verdict::Doubtful(why) => {
                            findings.doubts.push(record(name, address, &why));
                        }
                    }
                }
            }
        }
        if !self.caa_identities.is_empty() {
            match caa::check(self.dns, name, self.caa_identities).await {
                Ok(None) => {}
                Ok(Some(forbidden)) => findings.failures.push(format!(
                    "the CAA record of {} allows {} to issue for {name}; add {}",
                    forbidden.at,
                    match forbidden.allowed.as_slice() {
                        [] => "no authority".to_owned(),
                        allowed => format!("only {}", allowed.join(", ")),
                    },
                    self.caa_identities[0]
                )),
                // The authority asks from elsewhere, and may get its answer.
                Err(error) => findings.doubts.push(error.to_string()),
            }
        }
        findings
    }

    async fn fetch(&self, name: &str, address: IpAddr) -> Fetched {
        // Like an authority, this follows redirections and accepts any certificate on the way.
        let client = reqwest::Client::builder()
            .resolve(name, SocketAddr::new(address, 0))
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .timeout(TIMEOUT)
            .build();
        let url = format!(
            "http://{name}:{}/.well-known/acme-challenge/{}",
            self.port, self.token.name
        );
        let answer = match client {
            Ok(client) => client.get(url).send().await,
            Err(error) => return Fetched::Nothing(error.to_string()),
        };
        match answer {
            Err(error) if error.is_timeout() => Fetched::Nothing("no answer".to_owned()),
            Err(error) if error.is_connect() => Fetched::Nothing(root(&error)),
            Err(error) => Fetched::Other(root(&error)),
            Ok(answer) if !answer.status().is_success() => {
                Fetched::Other(answer.status().to_string())
            }
            Ok(answer) => match answer.text().await {
                Ok(body) if body.trim() == self.token.content => Fetched::Token,
                Ok(_) => Fetched::Other("another server's page".to_owned()),
                Err(error) => Fetched::Other(root(&error)),
            },
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Wrong(String),
    Doubtful(String),
}

/// Judges a record by the answer of its address. A host behind NAT often can't reach its own public address, so that
/// silence proves nothing there. It does where the host has public addresses of that family itself.
fn judge(address: IpAddr, fetched: &Fetched, own: &[IpAddr]) -> Verdict {
    match fetched {
        Fetched::Token => Verdict::Good,
        Fetched::Other(what) => Verdict::Wrong(format!(
            "port 80 there is not this host's: it answers {what}"
        )),
        Fetched::Nothing(why) if own.contains(&address) => Verdict::Wrong(format!(
            "this host does not answer on its port 80 there ({why})"
        )),
        Fetched::Nothing(why) => {
            let translated =
                address.is_ipv4() && !own.iter().any(|own| own.is_ipv4() && is_public(*own));
            if translated && is_public(address) {
                Verdict::Doubtful(format!(
                    "it is not reached from the host itself ({why}), which may be its router's way"
                ))
            } else {
                Verdict::Wrong(format!(
                    "that is not an address of this host, and nothing answers there on port 80 ({why})"
                ))
            }
        }
    }
}

fn record(name: &str, address: IpAddr, why: &str) -> String {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("the {kind} record of {name} is {address}: {why}")
}

/// Returns whether an address can be reachable on the internet (RFC 6890), as far as it matters to an authority.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || shared)
        }
        IpAddr::V6(v6) => {
            let unique_local = v6.segments()[0] & 0xfe00 == 0xfc00;
            let link_local = v6.segments()[0] & 0xffc0 == 0xfe80;
            !(v6.is_loopback() || v6.is_unspecified() || unique_local || link_local)
        }
    }
}

/// The innermost cause: `connection refused` and not `error sending request`.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_judged_by_who_could_have_answered() {
        let silent = Fetched::Nothing("connection refused".to_owned());
        let public: IpAddr = "198.51.100.7".parse().unwrap();
        let private: IpAddr = "10.0.0.5".parse().unwrap();
        let own_v6: IpAddr = "2001:db8::5".parse().unwrap();
        let dead_v6: IpAddr = "2001:db8::dead".parse().unwrap();
        let is = |address, own: &[IpAddr]| judge(address, &silent, own);
        assert!(matches!(is(public, &[private]), Verdict::Doubtful(_)));
        assert!(matches!(is(public, &[public]), Verdict::Wrong(_)));
        assert!(matches!(
            is("198.51.100.9".parse().unwrap(), &[public]),
            Verdict::Wrong(_)
        ));
        // IPv6 is not translated: a dead AAAA record is wrong.
        assert!(matches!(is(dead_v6, &[private]), Verdict::Wrong(_)));
        assert!(matches!(is(dead_v6, &[own_v6]), Verdict::Wrong(_)));
        assert!(matches!(
            is("10.9.9.9".parse().unwrap(), &[private]),
            Verdict::Wrong(_)
        ));
    }

    #[test]
    fn another_servers_answer_is_wrong_wherever_it_comes_from() {
        let other = Fetched::Other("404 Not Found".to_owned());
        let Verdict::Wrong(why) = judge("198.51.100.7".parse().unwrap(), &other, &[]) else {
            panic!("not wrong");
        };
        assert!(why.contains("404"), "{why}");
    }
}
