//! Binding of sockets, and closing without losing a connected client.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixSocket, UnixStream};

use super::prompt::Prompt;
use super::{Address, Peer, Stream};

/// Length of the backlog. The kernel limits it to `net.core.somaxconn`. A proxy that finds the backlog of a Unix socket
/// full fails at once.
const BACKLOG: u32 = 4096;
/// Send buffer of a TCP connection, in bytes; the kernel uses twice as much. Data in it is not charged, and it is
/// unknown whether the client has read it. Linux would let the buffer grow to megabytes.
const SEND_BUFFER: u32 = 256 << 10;
/// Mode of the socket. The proxy is in the group of the socket's directory (set-group-id); other users can't connect.
const SOCKET_MODE: u32 = 0o660;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Unix {
        listener: UnixListener,
        file: SocketFile,
    },
    Tcp(TcpListener),
}

/// Reason for which the service can't listen on an address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("another process listens on {0} already")]
    InUse(PathBuf),
    #[error("{0} exists and is not a socket; it was not changed")]
    NotASocket(PathBuf),
    #[error("can't listen on {address}: {source}")]
    Io { address: Address, source: io::Error },
}

impl Stream for UnixStream {
    fn peer(&self) -> Option<Peer> {
        Some(Peer::Proxy)
    }
}

impl Listener {
    /// Listens on an address. Replaces a socket file without a listener, but not one with a listener.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        let inner = match address {
            Address::Unix(path) => {
                refuse_if_taken(path)?;
                bind_unix(path).map(|(listener, file)| Inner::Unix { listener, file })
            }
            Address::Tcp(address) => bind_tcp(*address).map(Inner::Tcp),
        };
        inner
            .map(|inner| Self { inner })
            .map_err(|source| BindError::Io {
                address: address.clone(),
                source,
            })
    }

    /// The listening address, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// The system's error.
    pub fn address(&self) -> io::Result<Address> {
        match &self.inner {
            Inner::Unix { file, .. } => Ok(Address::Unix(file.path.clone())),
            Inner::Tcp(listener) => listener.local_addr().map(Address::Tcp),
        }
    }

    /// The next connection. The future may be dropped at any time without losing one.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.inner {
            Inner::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
            Inner::Tcp(listener) => Ok(Box::new(Prompt::new(listener.accept().await?.0))),
        }
    }

    /// Stops listening, and returns every connection made so far. A proxy regards a connection as made as soon as it is
    /// in the backlog.
    pub(super) fn close(self) -> Vec<Box<dyn Stream>> {
        let mut streams: Vec<Box<dyn Stream>> = Vec::new();
        // Asks the system directly, because the runtime may not know yet of connections that are there.
        match self.inner {
            Inner::Unix { listener, file } => {
                // Without the socket's name, no client can connect any more. Those that have connected are in the
                // backlog.
                file.remove();
                if let Ok(listener) = listener.into_std() {
                    while let Ok((stream, _)) = listener.accept() {
                        if let Ok(stream) = nonblocking(stream, StdUnixStream::set_nonblocking)
                            .and_then(UnixStream::from_std)
                        {
                            streams.push(Box::new(stream));
                        }
                    }
                }
            }
            Inner::Tcp(listener) => {
                if let Ok(listener) = listener.into_std() {
                    while let Ok((stream, _)) = listener.accept() {
                        if let Ok(stream) =
                            nonblocking(stream, std::net::TcpStream::set_nonblocking)
                                .and_then(TcpStream::from_std)
                        {
                            streams.push(Box::new(Prompt::new(stream)));
                        }
                    }
                }
            }
        }
        streams
    }
}

fn nonblocking<S>(stream: S, set: fn(&S, bool) -> io::Result<()>) -> io::Result<S> {
    set(&stream, true)?;
    Ok(stream)
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    // Connections inherit the size from the listening socket.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn refuse_if_taken(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(BindError::NotASocket(path.into())),
        Ok(_) if StdUnixStream::connect(path).is_ok() => Err(BindError::InUse(path.into())),
        // A killed service left the file, or there is none.
        _ => Ok(()),
    }
}

/// Binds to a name beside the path and renames the socket, so that it never exists with another mode or without a
/// listener.
fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixSocket::new_stream()?;
    socket.bind(&beside)?;
    fs::set_permissions(&beside, Permissions::from_mode(SOCKET_MODE))?;
    let listener = socket.listen(BACKLOG)?;
    let inode = fs::symlink_metadata(&beside)?.ino();
    fs::rename(&beside, path)?;
    let file = SocketFile {
        path: path.into(),
        inode,
    };
    Ok((listener, file))
}

/// Name of the socket in the file system.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    /// Removes the socket, unless a successor has replaced it.
    fn remove(&self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "can't remove the socket");
        }
    }
}
