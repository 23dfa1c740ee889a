//! What `/healthz` and `/readyz` answer.

use serde::{Deserialize, Serialize};

/// `GET /healthz`: the process answers. 200 whenever there is an answer at all.
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

/// `POST /healthz/recognize`, for the host itself: 200 unless it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognition {
    pub status: RecognitionStatus,
    pub release: String,
    /// Why, where it failed.
    pub error: Option<String>,
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecognitionStatus {
    /// Every worker that was free has read the embedded sample correctly just now.
    Ok,
    /// All were at pages of documents, as far as these may take.
    Busy,
    Failed,
}

/// `GET /readyz` without a key: 200 when `ready`, else 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ready {
    pub ready: bool,
}

/// `GET /readyz` with a key, and over the Unix socket: 200 when `ready`, else 503, with the same body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// Every worker has read an embedded sample correctly, and the service is not stopping.
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
    /// Why the latest start of a worker failed, while not all are ready.
    pub error: Option<String>,
}

/// How busy the service is. It does not decide readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Load {
    /// Workers that read a page at this moment.
    pub busy: u32,
    /// Pages, and counts of pages, that wait for a worker.
    pub waiting: u32,
    /// Documents in the service, being read or waiting.
    pub documents: u64,
}

/// The API keys in force. They do not decide readiness: without keys the service refuses everybody, rightly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Keys {
    /// Keys in force, also those that are expired or revoked.
    pub loaded: u32,
    /// What is wrong with the file now; the keys last read well stay in force.
    pub error: Option<String>,
    /// [`crate::keys::KeyFile::digest`] of the keys in force. Releases before this field leave it out.
    #[serde(default)]
    pub digest: Option<String>,
}

/// The rules in force. They do not decide readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rules {
    pub loaded: u32,
    /// What is wrong with the file now; the rules last read well stay in force.
    pub error: Option<String>,
}

/// What reads the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engine {
    /// Tesseract's version; `null` until a worker is ready.
    pub tesseract: Option<String>,
    /// Which build of it the loader took: `distribution`, or `x86-64-v3`, the service's own for newer CPUs.
    #[serde(default)]
    pub library: Option<String>,
    /// What reads a code's line besides Tesseract in a second look; `null` where its model was not found.
    #[serde(default)]
    pub second_recognizer: Option<String>,
    /// Languages loaded, as Tesseract names them.
    pub languages: Vec<String>,
    /// Whether PDFs can be read.
    pub pdf: bool,
    /// What keeps a worker that a document has taken over from doing harm.
    #[serde(default)]
    pub sandbox: Sandbox,
}

/// What was achieved in each worker, before it parsed anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sandbox {
    /// It can't gain privileges by starting a program.
    pub no_new_privs: bool,
    /// Memory, file sizes, descriptors and processes are limited.
    pub rlimits: bool,
    /// The version of Landlock's interface that forbids it to write, remove or make files; `null` where there is none.
    pub landlock: Option<u32>,
    /// Landlock forbids signals to and abstract sockets of other processes, too: from its version 6 on (Linux 6.12). Where it
    /// does not, seccomp alone does.
    #[serde(default)]
    pub landlock_scopes: bool,
    /// System calls for sockets, programs and other processes are refused.
    pub seccomp: bool,
}

impl Sandbox {
    /// The version of Landlock's interface that a whole sandbox has at least: that of Linux 5.13. It keeps files away. What later
    /// versions add (truncating, TCP, devices' ioctl, signals), seccomp forbids on every kernel.
    pub const LEAST_LANDLOCK: u32 = 1;
    /// The version that has [`Sandbox::landlock_scopes`].
    pub const SCOPES: u32 = 6;

    /// What was not achieved, in words; empty where the sandbox is whole.
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
    fn readiness_has_the_shape_that_ocrctl_waits_for() {
        let json = serde_json::json!({
            "ready": true, "release": "r1",
            "workers": {"total": 2, "ready": 2, "error": null},
            "load": {"busy": 1, "waiting": 3, "documents": 2},
            "keys": {"loaded": 1, "error": null, "digest": "ab12"},
            "rules": {"loaded": 2, "error": null},
            "engine": {
                "tesseract": "5.5.0", "library": "x86-64-v3", "second_recognizer": "pp-ocrv4",
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
