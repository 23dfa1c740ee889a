//! Answers of `/healthz` and `/readyz`.

use serde::{Deserialize, Serialize};

/// Answer of `GET /healthz`: the process answers. The status is always 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    pub status: HealthStatus,
    pub release: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    Ok,
}

/// Answer of `POST /healthz/recognize`, for the host itself. The status is 200 unless recognition failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognition {
    pub status: RecognitionStatus,
    pub release: String,
    /// Reason of a failure.
    pub error: Option<String>,
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecognitionStatus {
    /// Every free worker has just read the embedded sample correctly.
    Ok,
    /// All workers were reading pages of documents, within their time limits.
    Busy,
    Failed,
}

/// Answer of `GET /readyz` without a key. The status is 200 if `ready`, otherwise 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ready {
    pub ready: bool,
}

/// Answer of `GET /readyz` with a key, and over the Unix socket. The status is 200 if `ready`, otherwise 503 with the
/// same body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// True if every worker has read an embedded sample correctly and the service is not stopping.
    pub ready: bool,
    pub release: String,
    pub workers: Workers,
    /// Releases before this field leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    pub keys: Keys,
    /// Releases before this field leave it out.
    #[serde(default)]
    pub rules: Rules,
    pub engine: Engine,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Workers {
    pub total: u32,
    pub ready: u32,
    /// Error of the latest start of a worker, as long as not all are ready.
    pub error: Option<String>,
}

/// Load of the service. It does not affect readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Load {
    /// Workers that are reading a page.
    pub busy: u32,
    /// Pages, and counts of pages, that wait for a worker.
    pub waiting: u32,
    /// Documents in the service, being read or waiting.
    pub documents: u64,
}

/// API keys in force. They do not affect readiness: without keys, the service rightly refuses all requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Keys {
    /// Number of keys in force, including expired and revoked ones.
    pub loaded: u32,
    /// Error of the current file. The keys that were last loaded stay in force.
    pub error: Option<String>,
    /// Digest of the keys in force. Releases before this field leave it out.
    #[serde(default)]
    pub digest: Option<String>,
}

/// Rules in force. They do not affect readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rules {
    pub loaded: u32,
    /// Error of the current file. The rules that were last loaded stay in force.
    pub error: Option<String>,
}

/// Versions of the programs that read documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engine {
    /// Version of Tesseract. `null` until a worker is ready.
    pub tesseract: Option<String>,
    /// Build of Tesseract that the loader chose: `distribution`, or `x86-64-v3` for the service's own build for newer
    /// CPUs.
    #[serde(default)]
    pub library: Option<String>,
    /// PP-OCR's version, such as `pp-ocrv6`. `null` if its models are missing.
    #[serde(default, alias = "second_recognizer")]
    pub pp_ocr: Option<String>,
    /// Loaded languages, as Tesseract names them.
    pub languages: Vec<String>,
    /// True if PDFs can be read.
    pub pdf: bool,
    /// Restrictions of a worker, in case that a document takes it over.
    #[serde(default)]
    pub sandbox: Sandbox,
}

/// Restrictions in force in each worker before it parses anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sandbox {
    /// True if a worker can't gain privileges by starting a program.
    pub no_new_privs: bool,
    /// True if memory, file sizes, descriptors and processes are limited.
    pub rlimits: bool,
    /// Version of Landlock's interface that forbids writing, removing and creating files. `null` without Landlock.
    pub landlock: Option<u32>,
    /// True if Landlock also forbids signals to other processes and their abstract sockets, from its version 6 on
    /// (Linux 6.12). Otherwise, only seccomp forbids them.
    #[serde(default)]
    pub landlock_scopes: bool,
    /// True if system calls for sockets, programs and other processes are refused.
    pub seccomp: bool,
}

impl Sandbox {
    /// Least version of Landlock's interface in a complete sandbox, which is that of Linux 5.13. It denies access to
    /// files. Seccomp forbids on every kernel what later versions add: truncating, TCP, ioctl of devices, signals.
    pub const LEAST_LANDLOCK: u32 = 1;
    /// Version of Landlock's interface from which on [`Sandbox::landlock_scopes`] is true.
    pub const SCOPES: u32 = 6;

    /// Missing restrictions, in words. Empty if the sandbox is complete.
    pub fn missing(&self) -> Vec<&'static str> {
        [
            (self.no_new_privs, "no_new_privs"),
            (self.rlimits, "limits"),
            (self.landlock >= Some(Self::LEAST_LANDLOCK), "Landlock"),
            (self.seccomp, "seccomp"),
        ]
        .into_iter()
        .filter_map(|(achieved, name)| (!achieved).then_some(name))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_has_the_form_that_ocrctl_expects() {
        let json = serde_json::json!({
            "ready": true, "release": "r1",
            "workers": {"total": 2, "ready": 2, "error": null},
            "load": {"busy": 1, "waiting": 3, "documents": 2},
            "keys": {"loaded": 1, "error": null, "digest": "ab12"},
            "rules": {"loaded": 2, "error": null},
            "engine": {
                "tesseract": "5.5.0", "library": "x86-64-v3", "pp_ocr": "pp-ocrv6",
                "languages": ["eng"], "pdf": true,
                "sandbox": {
                    "no_new_privs": true, "rlimits": true, "landlock": 3, "landlock_scopes": false, "seccomp": true
                }
            }
        });
        let read: Readiness = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), json);
    }
}
