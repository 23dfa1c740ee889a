//! The registry that Docker pulls from: on loopback, for the time of a pull, without TLS, which Docker allows there.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pull>

use std::collections::HashMap;
use std::io;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::pieces::Pieces;
use ocrctl_protocol::{ArchivedImage, ArchivedManifest, hex};

/// Of a request of Docker's, without a body.
const LONGEST_HEAD: usize = 16 << 10;
/// The first byte of a TLS connection, which Docker tries first.
pub(super) const HANDSHAKE: u8 = 0x16;

/// The part of a registry that a pull by digest needs.
pub(super) struct Registry {
    /// By digest.
    manifests: HashMap<String, ArchivedManifest>,
    /// Bytes by digest.
    blobs: HashMap<String, u64>,
    pieces: Pieces,
}

impl Registry {
    pub(super) fn new(archive: &ArchivedImage, pieces: Pieces) -> Self {
        let digest = |text: &str| format!("sha256:{}", hex(&Sha256::digest(text)));
        let manifests = archive.manifests.iter();
        Self {
            manifests: manifests.map(|it| (digest(&it.text), it.clone())).collect(),
            blobs: archive
                .platforms
                .iter()
                .flat_map(|it| it.blobs.clone())
                .collect(),
            pieces,
        }
    }

    pub(super) async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(head) = head(&mut stream).await? else {
            // Docker takes it for a registry without TLS, which it allows on loopback.
            return say(&mut stream, "400 Bad Request", &[], b"no TLS here\n", true).await;
        };
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let body = match method {
            "GET" => true,
            "HEAD" => false,
            _ => return say(&mut stream, "405 Method Not Allowed", &[], b"", true).await,
        };
        let digest = path.rsplit('/').next().unwrap_or_default();
        if path.contains("/manifests/")
            && let Some(manifest) = self.manifests.get(digest)
        {
            let headers = [
                ("Content-Type", manifest.media_type.clone()),
                ("Docker-Content-Digest", digest.to_owned()),
            ];
            let text = manifest.text.as_bytes();
            return say(&mut stream, "200 OK", &headers, text, body).await;
        }
        if path.contains("/blobs/")
            && let Some(size) = self.blobs.get(digest)
        {
            let from = range(&head).filter(|from| from < size);
            return self.blob(&mut stream, digest, (from, *size), body).await;
        }
        let status = if path == "/v2/" {
            "200 OK"
        } else {
            "404 Not Found"
        };
        let headers = [("Content-Type", "application/json".to_owned())];
        say(&mut stream, status, &headers, b"{}", body).await
    }

    async fn blob(
        &self,
        stream: &mut TcpStream,
        digest: &str,
        (from, size): (Option<u64>, u64),
        body: bool,
    ) -> io::Result<()> {
        let offset = from.unwrap_or(0);
        let mut headers = vec![
            ("Content-Type", "application/octet-stream".to_owned()),
            ("Docker-Content-Digest", digest.to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
        ];
        let status = match from {
            Some(from) => {
                headers.push(("Content-Range", format!("bytes {from}-{}/{size}", size - 1)));
                "206 Partial Content"
            }
            None => "200 OK",
        };
        begin(stream, status, &headers, size - offset).await?;
        if body {
            let mut blob = self.pieces.of(digest, offset, size);
            while let Some(piece) = blob.next().await? {
                stream.write_all(&piece).await?;
            }
        }
        stream.shutdown().await
    }
}

/// The head of a request; `None` if it is the beginning of TLS.
async fn head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 || head.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if head[0] == HANDSHAKE {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

/// Where a download that was cut shall go on: of `Range: bytes=N-`.
fn range(head: &str) -> Option<u64> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let from = value.trim().strip_prefix("bytes=")?.strip_suffix('-')?;
        name.eq_ignore_ascii_case("range")
            .then(|| from.parse().ok())?
    })
}

async fn begin(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, String)],
    length: u64,
) -> io::Result<()> {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let head = format!(
        "HTTP/1.1 {status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\n{headers}\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await
}

async fn say(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, String)],
    text: &[u8],
    body: bool,
) -> io::Result<()> {
    begin(stream, status, headers, text.len() as u64).await?;
    if body {
        stream.write_all(text).await?;
    }
    stream.shutdown().await
}
