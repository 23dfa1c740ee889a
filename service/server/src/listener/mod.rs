//! Listening for requests, on a Unix socket or a TCP port.

mod answered;
mod connection;
mod pace;
mod places;
mod prompt;
mod serve;
mod socket;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

pub use places::Standing;
pub use serve::{Drained, serve};
pub use socket::{BindError, Listener};

/// Limits on connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most open connections at a time.
    pub connections: usize,
    /// Least rate at which a client has to read its answer, in bytes per second.
    pub write_rate: u64,
}

/// The other end of a connection. Each request of the connection has it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// The proxy, over the Unix socket, to which only it can connect.
    Proxy,
    /// A client, over TCP.
    Client(IpAddr),
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The other end. `None` if it has disconnected already.
    fn peer(&self) -> Option<Peer>;
}

/// An address to listen on: `unix:/run/ocr/ocr.sock` or `127.0.0.1:3000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(format!(
                "the path in `{text}` is not absolute; write unix:/run/ocr/ocr.sock"
            )),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                format!(
                    "`{text}` is not an address; write 127.0.0.1:3000 or unix:/run/ocr/ocr.sock"
                )
            }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_from_their_own_text() {
        for text in ["unix:/run/ocr/ocr.sock", "127.0.0.1:3000", "[::1]:3000"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "unix:ocr.sock",
            "unix:",
            "localhost",
            "3000",
            "/run/ocr.sock",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
