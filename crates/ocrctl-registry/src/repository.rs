//! One repository of a registry, as the operator's machine sees it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use oci_client::client::BlobResponse;
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::challenge::Challenge;
use super::error::{RegistryError, SILENCE};
use super::manifest::{ACCEPTED, Manifest};
use ocrctl_protocol::causes::chain;
use ocrctl_protocol::{Credentials, ImageRef, Registry};

pub type Result<T> = std::result::Result<T, RegistryError>;

/// Tags that are asked for at once. A list that is shorter is the last.
const PAGE: usize = 1000;
/// Bytes of a configuration that is worth reading.
const CONFIG_MAX: u64 = 4 << 20;

/// Reads go through `oci-client`. It has no uploads that resume, no scope for mounts and no manifests pushed by their
/// digest, so writes are our own requests; see `upload.rs`.
pub struct Repository {
    /// With its registry, such as `ghcr.io/example-org/ocr-service`.
    pub place: String,
    registry: String,
    name: String,
    client: Client,
    auth: RegistryAuth,
    http: reqwest::Client,
    base: Url,
    credentials: Option<Credentials>,
    /// Values of `Authorization` that were accepted, by what they are for.
    authorizations: Mutex<HashMap<String, String>>,
}

impl Repository {
    /// The repository of an image. Nothing is asked yet.
    pub fn of(image: &ImageRef, access: &Registry) -> Result<Self> {
        let place = format!("{}/{}", image.registry, image.repository);
        let broken = |reason: String| RegistryError::Failed {
            place: place.clone(),
            doing: "making a client".into(),
            reason,
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(SILENCE)
            .user_agent(concat!("ocrctl/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = &access.ca {
            let ca = reqwest::Certificate::from_pem_bundle(ca.as_bytes());
            http = http.tls_certs_only(ca.map_err(|error| broken(chain(&error)))?);
        }
        // Docker Hub's API is elsewhere than its name says; the client knows where.
        let whole = Reference::with_tag(
            image.registry.clone(),
            image.repository.clone(),
            "latest".into(),
        );
        let base = format!(
            "https://{}/v2/{}/",
            whole.resolve_registry(),
            image.repository
        );
        let auth = match &access.credentials {
            Some(it) => RegistryAuth::Basic(it.username.clone(), it.password.expose().to_owned()),
            None => RegistryAuth::Anonymous,
        };
        Ok(Self {
            registry: image.registry.clone(),
            name: image.repository.clone(),
            client: super::client(access, SILENCE).map_err(|failure| broken(failure.message))?,
            auth,
            http: http.build().map_err(|error| broken(chain(&error)))?,
            base: Url::parse(&base).map_err(|error| broken(error.to_string()))?,
            credentials: access.credentials.clone(),
            authorizations: Mutex::default(),
            place,
        })
    }

    /// Returns whether both are in one registry, so that blobs of one can be mounted into the other.
    pub fn beside(&self, other: &Self) -> bool {
        self.registry == other.registry
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn reference(&self, reference: &str) -> Reference {
        let (registry, name) = (self.registry.clone(), self.name.clone());
        if reference.contains(':') {
            Reference::with_digest(registry, name, reference.to_owned())
        } else {
            Reference::with_tag(registry, name, reference.to_owned())
        }
    }

    /// Asks for a token, where the registry works with them: wrong credentials are reported at once.
    pub async fn log_in(&self, operation: RegistryOperation) -> Result<()> {
        let reference = self.reference("latest");
        let token = self.client.auth(&reference, &self.auth, operation).await;
        RegistryError::sort(&self.place, "logging in", token).map(|_| ())
    }

    /// The digest that a tag or digest stands for; `None` if there is none.
    pub async fn digest(&self, reference: &str) -> Result<Option<String>> {
        let asked = self
            .client
            .fetch_manifest_digest(&self.reference(reference), &self.auth)
            .await;
        RegistryError::sort(&self.place, &format!("looking up {reference}"), asked)
    }

    /// The bytes are what the digest says.
    pub async fn manifest(&self, digest: &str) -> Result<Manifest> {
        let read = self
            .client
            .pull_manifest_raw(&self.reference(digest), &self.auth, &ACCEPTED)
            .await;
        let what = format!("the manifest {digest}");
        let read = RegistryError::sort(&self.place, &format!("reading {what}"), read)?;
        let Some((bytes, digest)) = read else {
            let place = self.place.clone();
            return Err(RegistryError::Missing { place, what });
        };
        Manifest::parse(&digest, bytes).ok_or_else(|| RegistryError::Unknown {
            place: self.place.clone(),
            what,
        })
    }

    /// Returns the platforms of an image, such as `linux/amd64`.
    pub async fn platforms(&self, digest: &str) -> Result<Vec<String>> {
        let manifest = self.manifest(digest).await?;
        if !manifest.children.is_empty() {
            return Ok(manifest.platforms().map(str::to_owned).collect());
        }
        // A single image says it in its configuration, which comes first.
        let Some(config) = manifest.blobs.first().filter(|it| it.size < CONFIG_MAX) else {
            return Ok(Vec::new());
        };
        let stream = self.read_blob(&config.digest, 0).await?;
        let parts: std::io::Result<Vec<Bytes>> = stream.try_collect().await;
        let parts = parts.map_err(|error| RegistryError::Failed {
            place: self.place.clone(),
            doing: format!("reading {}", config.digest),
            reason: error.to_string(),
        })?;
        let config: serde_json::Value = serde_json::from_slice(&parts.concat()).unwrap_or_default();
        let field = |name: &str| config[name].as_str();
        Ok(match (field("os"), field("architecture")) {
            (Some(os), Some(architecture)) => vec![format!("{os}/{architecture}")],
            _ => Vec::new(),
        })
    }

    pub async fn tags(&self) -> Result<Vec<String>> {
        let reference = self.reference("latest");
        let mut tags: Vec<String> = Vec::new();
        loop {
            let last = tags.last().cloned();
            let page = self
                .client
                .list_tags(&reference, &self.auth, Some(PAGE), last.as_deref())
                .await;
            let page = match page {
                // `"tags": null`, where there are none.
                Err(OciDistributionError::JsonError(_)) => return Ok(tags),
                page => RegistryError::sort(&self.place, "listing the tags", page)?,
            };
            let page = page.map(|page| page.tags).unwrap_or_default();
            let count = page.len();
            tags.extend(page);
            // One that ignores the question for a page gives the same again.
            if count != PAGE || tags.last().cloned() == last {
                return Ok(tags);
            }
        }
    }

    /// The digests of what refers to a manifest: by the registry's own list, or by OCI's fallback tag.
    pub async fn referrers(&self, digest: &str) -> Result<Vec<String>> {
        let listed = self
            .client
            .pull_referrers(&self.reference(digest), None)
            .await;
        let listed = RegistryError::sort(&self.place, "listing the referrers", listed)?;
        let entries = listed.map(|index| index.manifests).unwrap_or_default();
        Ok(entries.into_iter().map(|entry| entry.digest).collect())
    }

    pub async fn has_blob(&self, digest: &str) -> Result<bool> {
        let asked = self
            .client
            .blob_exists(&self.reference("latest"), digest)
            .await;
        let asked = RegistryError::sort(&self.place, &format!("looking for {digest}"), asked)?;
        Ok(asked.unwrap_or(false))
    }

    /// A blob's bytes from `offset` on.
    pub async fn read_blob(
        &self,
        digest: &str,
        offset: u64,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>> {
        let reference = self.reference("latest");
        // The first is verified on the way; the end of one can't be, but the target verifies the whole.
        let read = if offset == 0 {
            let whole = self.client.pull_blob_stream(&reference, digest).await;
            whole.map(BlobResponse::Full)
        } else {
            self.client
                .pull_blob_stream_partial(&reference, digest, offset, None)
                .await
        };
        match RegistryError::sort(&self.place, &format!("reading {digest}"), read)? {
            Some(BlobResponse::Partial(stream)) => Ok(stream.stream),
            Some(BlobResponse::Full(stream)) => Ok(skip(stream.stream, offset)),
            None => Err(RegistryError::Missing {
                place: self.place.clone(),
                what: format!("the blob {digest}"),
            }),
        }
    }

    /// Pushes a manifest by its digest or by a tag. Whatever the tag was before is gone: ask first.
    pub async fn push_manifest(&self, reference: &str, kind: &str, bytes: &Bytes) -> Result<()> {
        let url = self.url(&format!("manifests/{reference}"))?;
        let doing = format!("pushing the manifest {reference}");
        let put = self.send("", &doing, Method::PUT, &url, |request| {
            request.header("content-type", kind).body(bytes.clone())
        });
        self.accepted(&doing, put.await?).await.map(|_| ())
    }

    pub fn url(&self, path: &str) -> Result<Url> {
        self.base.join(path).map_err(|error| RegistryError::Failed {
            place: self.place.clone(),
            doing: format!("asking for {path}"),
            reason: error.to_string(),
        })
    }

    /// Sends a request, answering the registry's challenge where it has one. `purpose` tells authorizations apart
    /// that are for more than this repository.
    pub async fn send(
        &self,
        purpose: &str,
        doing: &str,
        method: Method,
        url: &Url,
        build: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        let failed = |error: reqwest::Error| {
            RegistryError::of_request(&self.place, doing, &error.without_url())
        };
        // An upload may go on at a storage provider, who must not see the credentials
        // (distribution specification, "Pushing a blob").
        let ours = url.origin() == self.base.origin();
        let mut known = if ours {
            self.authorizations.lock().await.get(purpose).cloned()
        } else {
            None
        };
        for attempt in 0..2 {
            let mut request = build(self.http.request(method.clone(), url.clone()));
            if let Some(authorization) = &known {
                request = request.header("authorization", authorization);
            }
            let response = request.send().await.map_err(failed)?;
            if response.status() != StatusCode::UNAUTHORIZED || !ours || attempt > 0 {
                return Ok(response);
            }
            // The first time, or a token has expired.
            let header = response.headers().get("www-authenticate");
            let challenge = header
                .and_then(|header| header.to_str().ok())
                .and_then(Challenge::parse);
            let Some(challenge) = challenge else {
                return Ok(response);
            };
            let answer = challenge.answer(&self.http, self.credentials.as_ref());
            let Some(answer) = answer.await.map_err(failed)? else {
                return Ok(response);
            };
            let mut all = self.authorizations.lock().await;
            all.insert(purpose.to_owned(), answer.clone());
            known = Some(answer);
        }
        Err(self.refused(doing))
    }

    /// An answer that is a success, or what the registry said instead.
    pub async fn accepted(&self, doing: &str, response: Response) -> Result<Response> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(self.refused(doing));
        }
        let said: String = response
            .text()
            .await
            .unwrap_or_default()
            .trim()
            .chars()
            .take(300)
            .collect();
        Err(RegistryError::Failed {
            place: self.place.clone(),
            doing: doing.to_owned(),
            reason: format!("{status}: {said}"),
        })
    }

    fn refused(&self, doing: &str) -> RegistryError {
        RegistryError::Refused {
            place: self.place.clone(),
            doing: doing.to_owned(),
        }
    }
}

impl std::fmt::Debug for Repository {
    /// Without what it logs in with.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A registry that gives the whole although the end was asked for.
fn skip(
    stream: BoxStream<'static, std::io::Result<Bytes>>,
    mut bytes: u64,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    stream
        .try_filter_map(move |mut part| {
            let cut = usize::try_from(bytes).unwrap_or(usize::MAX).min(part.len());
            bytes -= cut as u64;
            let rest = part.split_off(cut);
            async move { Ok((!rest.is_empty()).then_some(rest)) }
        })
        .boxed()
}
