//! The beginning of a login, up to where it would need a key: shows that an SSH server accepts connections and serves them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::Disconnect;
use russh::client::{Config, Handler};
use russh::keys::PublicKeyOrCertificate;
use tokio::net::TcpStream;
use tokio::time::timeout;

use ocrctl_protocol::ssh_algorithms::preferred;

/// Why it did not come to an agreement.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFailure {
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("a connection, but no SSH handshake: {0}")]
    Protocol(#[from] russh::Error),
    #[error("no SSH handshake within {} s", .0.as_secs())]
    Timeout(Duration),
}

/// Takes any host key: nothing is sent that a wrong host could use.
struct Stranger;

impl Handler for Stranger {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _presented: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

pub async fn handshake(address: SocketAddr, limit: Duration) -> Result<(), HandshakeFailure> {
    let shaking = async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(HandshakeFailure::Connect)?;
        let config = Arc::new(Config {
            preferred: preferred(),
            nodelay: true,
            ..Config::default()
        });
        let handle = russh::client::connect_stream(config, stream, Stranger).await?;
        // A server that has gone by now has answered all the same.
        let _ = handle
            .disconnect(Disconnect::ByApplication, "checked", "")
            .await;
        Ok(())
    };
    let shaken = timeout(limit, shaking).await;
    shaken.unwrap_or(Err(HandshakeFailure::Timeout(limit)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::test_support::sshd::Sshd;

    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn completes_a_handshake_without_a_login() {
        let sshd = Sshd::start();
        let address = SocketAddr::from(([127, 0, 0, 1], sshd.port));
        handshake(address, LIMIT).await.unwrap();
        assert_eq!(sshd.logins(), 0);
    }

    #[tokio::test]
    async fn a_port_that_only_accepts_is_no_sshd() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let silent = handshake(address, Duration::from_millis(200)).await;
        assert!(matches!(silent, Err(HandshakeFailure::Timeout(_))));
        drop(listener);
        let closed = handshake(address, LIMIT).await;
        assert!(matches!(closed, Err(HandshakeFailure::Connect(_))));
    }
}
