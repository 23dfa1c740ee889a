//! From a name to a connected socket.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::transport::error::Unreachable;
use crate::transport::{ALIVE_QUESTIONS, Options};

/// Connects to the first address that answers, each within the time.
pub(super) async fn connect(
    host: &str,
    port: u16,
    options: &Options,
) -> Result<TcpStream, Unreachable> {
    let place = format!(" ({host}, port {port})");
    let addresses = timeout(options.connect_timeout, resolve(host))
        .await
        .unwrap_or_default();
    let mut reason = Unreachable::Name(host.to_owned());
    for address in addresses {
        let connecting = TcpStream::connect(SocketAddr::new(address, port));
        match timeout(options.connect_timeout, connecting).await {
            Ok(Ok(stream)) => {
                prepare(&stream, options.alive_interval);
                return Ok(stream);
            }
            Ok(Err(error)) => reason = unreachable(&error, &place),
            Err(_) => reason = Unreachable::Timeout(place.clone()),
        }
    }
    Err(reason)
}

/// Nothing: the name does not resolve. The C library can't be asked: this executable is static.
pub(in crate::transport) async fn resolve(host: &str) -> Vec<IpAddr> {
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    let Ok(resolver) = TokioResolver::builder_tokio().and_then(|builder| builder.build()) else {
        return Vec::new();
    };
    match resolver.lookup_ip(host).await {
        Ok(found) => found.iter().collect(),
        Err(_) => Vec::new(),
    }
}

/// A socket that fails when what was sent is not taken note of for as long as a silent host is waited for: the
/// protocol asks for signs of life only while it can send.
fn prepare(stream: &TcpStream, alive_interval: Duration) {
    let limit = alive_interval * u32::try_from(ALIVE_QUESTIONS + 1).unwrap_or(u32::MAX);
    let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = setsockopt(stream, TcpUserTimeout, &limit) {
        tracing::debug!(%error, "the socket takes no time-out");
    }
}

pub(super) fn unreachable(error: &io::Error, place: &str) -> Unreachable {
    let place = place.to_owned();
    match error.kind() {
        ErrorKind::ConnectionRefused => Unreachable::Refused(place),
        ErrorKind::TimedOut => Unreachable::Timeout(place),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied => Unreachable::NoRoute(place),
        _ => Unreachable::Closed(place),
    }
}
