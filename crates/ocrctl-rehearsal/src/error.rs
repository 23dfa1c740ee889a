//! Errors of a rehearsal.

use std::path::PathBuf;

use ocrctl_command::CommandError;
use ocrctl_ssh::transport::TransportError;

/// Why a proof failed, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Program(#[from] CommandError),
    #[error(transparent)]
    Ssh(#[from] TransportError),
    #[error("`{script}` on {machine} ended with {code}: {stderr}")]
    Script {
        machine: &'static str,
        script: String,
        code: i32,
        stderr: String,
    },
    #[error("{doing}: {source}")]
    Request {
        doing: &'static str,
        source: reqwest::Error,
    },
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
}
