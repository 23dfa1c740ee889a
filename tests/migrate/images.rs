//! Images made up for a test, pushed to a registry and looked at there.

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::docker_registry::{DockerRegistry, Door};

pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A repository as its owner sees it.
pub struct Images<'a> {
    registry: &'a DockerRegistry,
    name: String,
    http: Client,
}

/// What [`Images::push`] made.
#[derive(Debug, Default)]
pub struct Pushed {
    /// Of the index.
    pub digest: String,
    /// Of everything that has one, the attached things included.
    pub digests: Vec<String>,
    /// Bytes of all blobs.
    pub bytes: u64,
}

impl<'a> Images<'a> {
    pub fn of(registry: &'a DockerRegistry, name: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = std::fs::read(registry.ca()).unwrap();
        let http = Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&ca).unwrap())
            .build()
            .unwrap();
        Self {
            registry,
            name: name.to_owned(),
            http,
        }
    }

    /// An image of two platforms with a layer in common, and what is attached to it: a signature by cosign's tag and a
    /// referrer by OCI's. `megabytes` of each of the five layers; they are random, so that no two are the same.
    pub async fn push(&self, tag: &str, megabytes: usize) -> Pushed {
        let mut pushed = Pushed::default();
        let shared = self.layer(megabytes, &mut pushed).await;
        let mut platforms = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({"os": "linux", "architecture": architecture}).to_string();
            let config = self.blob(CONFIG, config.into_bytes(), &mut pushed).await;
            let layers = [
                shared.clone(),
                self.layer(megabytes, &mut pushed).await,
                self.layer(megabytes, &mut pushed).await,
            ];
            let manifest = json!({
                "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers,
            });
            let mut descriptor = self.manifest(None, &manifest, &mut pushed).await;
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            platforms.push(descriptor);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms});
        let subject = self.manifest(Some(tag), &index, &mut pushed).await;
        pushed.digest = subject["digest"].as_str().unwrap().to_owned();

        let as_tag = pushed.digest.replace(':', "-");
        let signature = self.attached("a signature", None, &mut pushed).await;
        self.manifest(Some(&format!("{as_tag}.sig")), &signature, &mut pushed)
            .await;
        let sbom = self.attached("an SBOM", Some(subject), &mut pushed).await;
        let mut sbom = self.manifest(None, &sbom, &mut pushed).await;
        sbom["artifactType"] = json!("application/vnd.example.sbom");
        let referrers = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [sbom]});
        // Where the registry lists referrers itself, there is no such index: it is not looked for.
        self.manifest(Some(&as_tag), &referrers, &mut Pushed::default())
            .await;
        pushed
    }

    async fn attached(&self, what: &str, subject: Option<Value>, pushed: &mut Pushed) -> Value {
        let config = self
            .blob("application/vnd.example.sbom", b"{}".to_vec(), pushed)
            .await;
        let text = format!("{what} of {}", pushed.digest).into_bytes();
        let layer = self.blob("text/plain", text, pushed).await;
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [layer],
        });
        if let Some(subject) = subject {
            manifest["subject"] = subject;
        }
        manifest
    }

    async fn layer(&self, megabytes: usize, pushed: &mut Pushed) -> Value {
        self.blob(LAYER, random(megabytes), pushed).await
    }

    async fn blob(&self, kind: &str, bytes: Vec<u8>, pushed: &mut Pushed) -> Value {
        let (digest, size) = (digest(&bytes), bytes.len());
        let begun = self
            .request(Method::POST, "/blobs/uploads/", |request| request)
            .await;
        let location = begun.headers()["location"].to_str().unwrap().to_owned();
        let url = format!(
            "https://{}{location}&digest={digest}",
            self.registry.address()
        );
        let scope = self.authorization("pull,push").await;
        let put = self
            .http
            .put(url)
            .header("authorization", scope)
            .body(bytes);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
        if !pushed.digests.contains(&digest) {
            pushed.bytes += size as u64;
            pushed.digests.push(digest.clone());
        }
        json!({"mediaType": kind, "digest": digest, "size": size})
    }

    /// Under a tag, or else by its digest.
    pub async fn manifest(&self, tag: Option<&str>, json: &Value, pushed: &mut Pushed) -> Value {
        let bytes = json.to_string().into_bytes();
        let (digest, size) = (digest(&bytes), bytes.len());
        let kind = json["mediaType"].as_str().unwrap().to_owned();
        let path = format!("/manifests/{}", tag.unwrap_or(&digest));
        let put = self
            .request(Method::PUT, &path, |request| {
                request.header("content-type", &kind).body(bytes.clone())
            })
            .await;
        assert_eq!(put.status(), StatusCode::CREATED);
        pushed.digests.push(digest.clone());
        json!({"mediaType": kind, "digest": digest, "size": size})
    }

    /// What a tag or digest stands for.
    pub async fn digest_of(&self, reference: &str) -> Option<String> {
        let path = format!("/manifests/{reference}");
        let response = self
            .request(Method::HEAD, &path, |request| {
                request.header("accept", format!("{INDEX}, {IMAGE}"))
            })
            .await;
        let digest = response.headers().get("docker-content-digest")?;
        Some(digest.to_str().unwrap().to_owned())
    }

    pub async fn json(&self, reference: &str) -> Value {
        let path = format!("/manifests/{reference}");
        let response = self
            .request(Method::GET, &path, |request| {
                request.header("accept", format!("{INDEX}, {IMAGE}"))
            })
            .await;
        response.json().await.unwrap()
    }

    /// Those of `digests` that are neither manifest nor blob here.
    pub async fn lacks(&self, digests: &[String]) -> Vec<String> {
        let mut lacking = Vec::new();
        for digest in digests {
            let blob = format!("/blobs/{digest}");
            let blob = self.request(Method::HEAD, &blob, |request| request).await;
            if blob.status() != StatusCode::OK && self.digest_of(digest).await.is_none() {
                lacking.push(digest.clone());
            }
        }
        lacking
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        build: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Response {
        let url = format!("https://{}/v2/{}{path}", self.registry.address(), self.name);
        let authorization = self.authorization("pull,push").await;
        build(self.http.request(method, url))
            .header("authorization", authorization)
            .send()
            .await
            .unwrap()
    }

    async fn authorization(&self, actions: &str) -> String {
        use base64::Engine;
        let pair = format!("{}:{}", self.registry.user(), self.registry.password());
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let basic = format!("Basic {basic}");
        match self.registry.door {
            Door::Password(..) => basic,
            Door::Token(..) => {
                let realm = self.registry.realm();
                let url = format!(
                    "{realm}?service=test&scope=repository:{}:{actions}",
                    self.name
                );
                let asked = self.http.get(url).header("authorization", basic);
                let token: Value = asked.send().await.unwrap().json().await.unwrap();
                format!("Bearer {}", token["token"].as_str().unwrap())
            }
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn random(megabytes: usize) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let source = std::fs::File::open("/dev/urandom").unwrap();
    // Never a whole number of parts.
    source
        .take((megabytes * 1_000_000 + 777) as u64)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}
