//! The desired state of a host.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ArchivedImage, ImageRef, alerts};

/// All that a host shall be: its part of an environment, with references to secrets resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Desired {
    pub environment: String,
    /// DNS names served; the first one is the certificate's common name.
    pub names: Vec<String>,
    pub tls: Tls,
    pub image: ImageRef,
    /// The image is in an archive of the operator's, and no registry is asked.
    pub archive: Option<ArchivedImage>,
    pub registry: Registry,
    pub service: Service,
    /// Text of `/etc/ocr/rules.yaml`; `None` leaves the host's file as it is.
    pub rules: Option<String>,
    pub firewall: Firewall,
    pub packages: Packages,
    pub hygiene: Hygiene,
    pub alerts: alerts::Alerts,
    pub watcher: alerts::Watcher,
}

/// Where the certificate comes from, and what of it is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "issuer", rename_all = "snake_case")]
pub enum Tls {
    /// An authority of the environment's own, kept on the host.
    SelfSigned,
    /// The operator's certificate: PEM texts.
    Files { chain: String, key: Secret },
    /// A certificate authority asked by ocrctl itself.
    Acme {
        authority: Authority,
        external_account: Option<ExternalAccount>,
    },
    /// The same authority, asked by the distribution's certbot.
    Certbot {
        authority: Authority,
        external_account: Option<ExternalAccount>,
    },
}

/// A certificate authority that speaks ACME (RFC 8555), and what is asked of it. Kept on the host, which
/// renews by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// URL of its directory.
    pub directory: String,
    /// PEM of the authority behind the directory's own HTTPS; `None` stands for a public one.
    pub directory_ca: Option<String>,
    /// E-mail address that it may write to.
    pub contact: Option<String>,
    pub key_type: KeyType,
    /// Certificate profile, where the authority offers several.
    pub profile: Option<String>,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    EcdsaP256,
    /// Of 2048 bits, as Mozilla's intermediate configuration has it.
    Rsa2048,
}

/// Binds a new ACME account to one that the authority knows already (RFC 8555, 7.3.4). Never stored on the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExternalAccount {
    pub key_id: String,
    /// Base64url, as authorities hand it out.
    pub hmac_key: Secret,
}

/// The host's access to the image's registry. Never stored on the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registry {
    pub credentials: Option<Credentials>,
    /// PEM of a private authority.
    pub ca: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials<S = Secret> {
    pub username: String,
    pub password: S,
}

/// Settings of the release; a change of any is a new container in the idle slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Worker processes; `None` stands for one per core.
    pub workers: Option<u32>,
    /// Tesseract's names of the languages whose models the image must have.
    pub languages: Vec<String>,
    #[serde(default)]
    pub engine: PageEngine,
    /// Bytes.
    pub max_upload: u64,
    /// Pages that a request may ask for; `None` stands for the image's own limit, which is [`Self::MAX_PAGES`].
    pub max_pages: Option<u32>,
    pub page_timeout: Duration,
    pub deadline: Duration,
    /// Time for an old release to finish its requests.
    pub drain: Duration,
    /// Time for a new release to become ready.
    pub ready_timeout: Duration,
    /// Time for which a new release's first answers are watched.
    pub watch: Duration,
    /// Limit in bytes.
    pub memory: u64,
    /// Limit in thousandths of a core; `None` stands for all cores.
    pub millicpus: Option<u64>,
    pub pids: u32,
    /// Never ready where the kernel does not give the whole of the workers' sandbox.
    pub require_sandbox: bool,
    /// Docker's name of the OCI runtime that the container runs in; `None` stands for Docker's own choice.
    pub runtime: Option<String>,
}

/// Recognizer of pages, unless a request names one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum PageEngine {
    /// The image's own choice: PP-OCR, or Tesseract for languages and scripts that PP-OCR does not read.
    #[default]
    Auto,
    Ppocr,
    Tesseract,
}

impl Service {
    /// The default for inventories without the field.
    pub const READY_TIMEOUT: Duration = Duration::from_secs(60);
    pub const MAX_PAGES: u32 = 2000;
}

/// The reachable ports of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Beside SSH, 80 and 443.
    pub allow: Vec<AllowRule>,
    /// Ports that containers publish are closed too, unless `allow` names them; otherwise they are only reported.
    pub close_published: bool,
    /// An address that opens six SSH connections in 30 s is kept out for a while.
    pub limit_ssh: bool,
}

/// Permitted changes to packages that the host has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// Those that apt may remove, where that is what installing others takes.
    pub may_remove: Vec<String>,
}

/// Settings kept in order beside the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hygiene {
    /// unattended-upgrades.
    pub security_upgrades: bool,
    /// sshd takes keys only.
    pub sshd: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowRule {
    pub port: u16,
    pub protocol: Protocol,
    /// Network in CIDR form; `None` stands for any address.
    pub from: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// A secret in transit over standard input. It serializes in the clear there and nowhere else:
/// `Debug` hides it, and no event has a field of this type.
#[derive(Clone)]
pub struct Secret(pub SecretString);

impl Secret {
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(SecretString::from(String::deserialize(deserializer)?)))
    }
}
