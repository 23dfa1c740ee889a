//! Upload sessions: a blob in parts, each acknowledged, so that one that was cut off goes on where it was
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>).

use bytes::Bytes;
use reqwest::{Method, Response, Url};

use super::error::RegistryError;
use super::repository::{Repository, Result};

/// Bytes of a part. More is refused by some registries (GHCR), less by others (S3 behind one: 5 MB, which such a
/// registry tells by `OCI-Chunk-Min-Length`).
const PART: usize = 4 << 20;

/// A blob on its way into a repository.
#[derive(Debug)]
pub struct Upload<'a> {
    repository: &'a Repository,
    /// Where the next part goes. It stands for what has been acknowledged so far.
    pub location: Url,
    /// Bytes that were acknowledged.
    pub offset: u64,
    /// Bytes of a part, but for the last.
    pub part: usize,
}

/// The answer to a request for a mount.
#[derive(Debug)]
pub enum Begun<'a> {
    /// The blob is there already: nothing is to be sent.
    Mounted,
    Upload(Upload<'a>),
}

impl<'a> Upload<'a> {
    /// Begins an upload of a blob, or mounts it from a repository of the same registry.
    pub async fn begin(
        repository: &'a Repository,
        digest: &str,
        mount_from: Option<&str>,
    ) -> Result<Begun<'a>> {
        let doing = format!("uploading {digest}");
        let mut url = repository.url("blobs/uploads/")?;
        if let Some(from) = mount_from {
            url.query_pairs_mut()
                .append_pair("mount", digest)
                .append_pair("from", from);
        }
        let purpose = mount_from.map(|from| format!("mount from {from}"));
        let purpose = purpose.unwrap_or_default();
        let post = repository.send(&purpose, &doing, Method::POST, &url, |request| {
            request.header("content-length", 0)
        });
        let response = repository.accepted(&doing, post.await?).await?;
        if response.status() == reqwest::StatusCode::CREATED && mount_from.is_some() {
            return Ok(Begun::Mounted);
        }
        let least = header(&response, "oci-chunk-min-length").and_then(|text| text.parse().ok());
        let location = location(repository, &url, &response, &doing)?;
        Ok(Begun::Upload(Self {
            repository,
            location,
            offset: 0,
            part: PART.max(least.unwrap_or(0)),
        }))
    }

    /// Goes on with an upload that was begun before; `None` if the registry knows it no more.
    pub async fn resume(repository: &'a Repository, at: &str) -> Option<Self> {
        let url = Url::parse(at).ok()?;
        let doing = "asking for a half-sent upload";
        let get = repository.send("", doing, Method::GET, &url, |request| request);
        let response = get.await.ok().filter(|r| r.status().is_success())?;
        // `0-0` is said of none and of one byte; a part is never one byte.
        let last: u64 = header(&response, "range")?
            .trim_start_matches("bytes=")
            .split_once('-')?
            .1
            .parse()
            .ok()?;
        Some(Self {
            repository,
            location: location(repository, &url, &response, doing).unwrap_or(url),
            offset: if last == 0 { 0 } else { last + 1 },
            part: PART,
        })
    }

    pub async fn send(&mut self, part: Bytes) -> Result<()> {
        let doing = "sending a part of a blob";
        let end = self.offset + part.len() as u64;
        let range = format!("{}-{}", self.offset, end - 1);
        let patch = self
            .repository
            .send("", doing, Method::PATCH, &self.location, |request| {
                request
                    .header("content-type", "application/octet-stream")
                    .header("content-range", &range)
                    .body(part.clone())
            });
        let response = self.repository.accepted(doing, patch.await?).await?;
        self.location = location(self.repository, &self.location, &response, doing)?;
        self.offset = end;
        Ok(())
    }

    /// Ends it; the registry verifies that the blob is what its digest says.
    pub async fn finish(self, digest: &str) -> Result<()> {
        let doing = format!("completing {digest}");
        let mut url = self.location;
        url.query_pairs_mut().append_pair("digest", digest);
        let put = self
            .repository
            .send("", &doing, Method::PUT, &url, |request| {
                request.header("content-length", 0)
            });
        self.repository
            .accepted(&doing, put.await?)
            .await
            .map(|_| ())
    }
}

/// Where the registry wants the next request: a path or a whole URL.
fn location(repository: &Repository, at: &Url, response: &Response, doing: &str) -> Result<Url> {
    header(response, "location")
        .and_then(|text| at.join(text).ok())
        .ok_or_else(|| RegistryError::Failed {
            place: repository.place.clone(),
            doing: doing.to_owned(),
            reason: "the registry does not say where the next part goes".into(),
        })
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}
