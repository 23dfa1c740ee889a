//! Checks that logins get through to sshd, as far as the host itself can see: by SSH handshakes at the addresses and ports where
//! it accepted connections before a change.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::acceptors::Acceptor;
use super::handshake::{HandshakeFailure, handshake};

/// One handshake.
const LIMIT: Duration = Duration::from_secs(5);
/// A service that has been restarted may need this long.
const SETTLE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(300);
/// An sshd that is about to reload or to end may still answer once.
const HOLD: Duration = Duration::from_secs(1);

/// Where logins are to be tried: where the operator came in, and one address for each socket that this one is not.
pub(super) fn endpoints(acceptors: &[Acceptor], operators: Option<SocketAddr>) -> Vec<SocketAddr> {
    let mut endpoints: Vec<SocketAddr> = operators.into_iter().collect();
    for acceptor in acceptors {
        let covers = |it: &SocketAddr| {
            it.port() == acceptor.port
                && it.is_ipv4() == acceptor.address.is_ipv4()
                && (acceptor.address.is_unspecified() || acceptor.address == it.ip())
        };
        let address = match acceptor.address {
            IpAddr::V4(it) if it.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(it) if it.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        if !endpoints.iter().any(covers) {
            endpoints.push(SocketAddr::new(address, acceptor.port));
        }
    }
    endpoints
}

/// Those of them where a login gets through now.
pub(super) async fn working(endpoints: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let tried = join_all(endpoints.into_iter().map(async |endpoint| {
        let answered = handshake(endpoint, LIMIT).await;
        answered.is_ok().then_some(endpoint)
    }))
    .await;
    tried.into_iter().flatten().collect()
}

/// Waits until a login gets through at all of them, and still does a moment later. Gives what failed otherwise.
pub(super) async fn proven(endpoints: &[SocketAddr]) -> Result<(), String> {
    let each = join_all(endpoints.iter().map(async |&endpoint| {
        let deadline = Instant::now() + SETTLE;
        while let Err(error) = handshake(endpoint, LIMIT).await {
            if Instant::now() > deadline {
                return Err(refused(endpoint, &error));
            }
            sleep(AGAIN).await;
        }
        sleep(HOLD).await;
        let again = handshake(endpoint, LIMIT).await;
        again.map_err(|error| refused(endpoint, &error))
    }))
    .await;
    each.into_iter().collect()
}

fn refused(endpoint: SocketAddr, error: &HandshakeFailure) -> String {
    format!("sshd does not answer at {endpoint}: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::acceptors::By;
    use super::*;
    use crate::test_support::sshd::Sshd;

    fn listening(addresses: &[&str]) -> Vec<Acceptor> {
        let acceptor = |address: &&str| {
            let address: SocketAddr = address.parse().unwrap();
            Acceptor {
                address: address.ip(),
                port: address.port(),
                by: By::Service("ssh.service".into()),
            }
        };
        addresses.iter().map(acceptor).collect()
    }

    fn tried(acceptors: &[&str], operators: Option<&str>) -> Vec<String> {
        let operators = operators.map(|address| address.parse().unwrap());
        let endpoints = endpoints(&listening(acceptors), operators);
        endpoints.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tries_where_the_operator_came_in_and_every_other_socket() {
        assert_eq!(
            tried(&["0.0.0.0:22", "[::]:22"], Some("192.0.2.9:22")),
            ["192.0.2.9:22", "[::1]:22"]
        );
        assert_eq!(
            tried(
                &["192.0.2.9:22", "127.0.0.1:22", "0.0.0.0:2222"],
                Some("192.0.2.9:22")
            ),
            ["192.0.2.9:22", "127.0.0.1:22", "127.0.0.1:2222"]
        );
        assert_eq!(tried(&["[::]:22"], None), ["[::1]:22"]);
    }

    #[tokio::test]
    async fn a_login_is_proven_where_sshd_answers_and_nowhere_else() {
        let mut sshd = Sshd::start();
        let address = SocketAddr::from(([127, 0, 0, 1], sshd.port));
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(working(vec![address, closed]).await, [address]);
        proven(&[address]).await.unwrap();
        sshd.stop();
        let failed = proven(&[address]).await.unwrap_err();
        assert!(failed.contains(&address.to_string()), "{failed}");
    }
}
