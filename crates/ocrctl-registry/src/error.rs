//! Why a registry did not do what the operator's machine asked of it.

use ocrctl_protocol::causes::chain;
use std::time::Duration;

use oci_client::errors::{OciDistributionError, OciErrorCode};

/// `place` is a repository with its registry, such as `ghcr.io/example-org/ocr-service`.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("{place} refuses these credentials, for {doing}")]
    Refused { place: String, doing: String },
    #[error("{place} can't be reached, for {doing}: {reason}")]
    Unreachable {
        place: String,
        doing: String,
        reason: String,
    },
    #[error("{place} has no {what}")]
    Missing { place: String, what: String },
    #[error("{place} failed at {doing}: {reason}")]
    Failed {
        place: String,
        doing: String,
        reason: String,
    },
    #[error("the tag {tag} of {place} is another image: {there} there, {here} to be copied")]
    TagDiffers {
        place: String,
        tag: String,
        there: String,
        here: String,
    },
    #[error("{place} does not have what was copied there: {what}")]
    NotVerified { place: String, what: String },
    #[error("{what} of {place} is of a kind that can't be copied")]
    Unknown { place: String, what: String },
    #[error("the state of half-sent uploads can't be kept in {path}: {source}")]
    State {
        path: String,
        source: std::io::Error,
    },
    #[error("stopped as asked; nothing but blobs has been written to {place} yet")]
    Stopped { place: String },
}

impl RegistryError {
    /// The repository that it is about; empty where it is about this machine.
    pub fn place(&self) -> &str {
        match self {
            Self::Refused { place, .. }
            | Self::Unreachable { place, .. }
            | Self::Missing { place, .. }
            | Self::Failed { place, .. }
            | Self::TagDiffers { place, .. }
            | Self::NotVerified { place, .. }
            | Self::Unknown { place, .. }
            | Self::Stopped { place } => place,
            Self::State { .. } => "",
        }
    }

    pub fn hint(&self) -> String {
        match self {
            Self::Refused { .. } => {
                "check user and password, and what they may do in this repository".into()
            }
            Self::Unreachable { .. } => {
                "check the registry's name and port, and the network between it and this machine"
                    .into()
            }
            Self::Missing { .. } => {
                "check the name, the tag or digest, and that it was pushed".into()
            }
            Self::Failed { .. } => "run this again: what is there already is not sent again".into(),
            Self::TagDiffers { tag, .. } => format!(
                "a tag is never overwritten: remove {tag} there, or copy to another repository"
            ),
            Self::NotVerified { .. } => {
                "the registry lost or changed something: run this again, and report it to its administrator"
                    .into()
            }
            Self::Unknown { .. } => "build and push the image anew with today's tools".into(),
            Self::State { .. } => "free space, or name another directory with --state".into(),
            Self::Stopped { .. } => "run this again: it goes on from here".into(),
        }
    }

    /// Returns whether the same request may succeed a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Failed { .. })
    }

    /// `Ok(None)`: there is no such thing.
    pub fn sort<T>(
        place: &str,
        doing: &str,
        result: Result<T, OciDistributionError>,
    ) -> Result<Option<T>, Self> {
        let error = match result {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error,
        };
        let (place, doing) = (place.to_owned(), doing.to_owned());
        let status = match &error {
            OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_) => 401,
            OciDistributionError::ServerError { code, .. } => *code,
            OciDistributionError::ImageManifestNotFoundError(_) => 404,
            OciDistributionError::RequestError(error) => error.status().map_or(0, |s| s.as_u16()),
            OciDistributionError::RegistryError { envelope, .. } => envelope
                .errors
                .iter()
                .map(|error| match error.code {
                    OciErrorCode::Unauthorized | OciErrorCode::Denied => 403,
                    OciErrorCode::BlobUnknown
                    | OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound => 404,
                    _ => 400,
                })
                .max()
                .unwrap_or(400),
            _ => 1,
        };
        match status {
            404 => Ok(None),
            401 | 403 => Err(Self::Refused { place, doing }),
            0 => Err(Self::Unreachable {
                place,
                doing,
                reason: chain(&error),
            }),
            _ => Err(Self::Failed {
                place,
                doing,
                reason: chain(&error),
            }),
        }
    }

    pub fn of_request(place: &str, doing: &str, error: &reqwest::Error) -> Self {
        let (place, doing) = (place.to_owned(), doing.to_owned());
        match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => Self::Refused { place, doing },
            _ => Self::Unreachable {
                place,
                doing,
                reason: chain(error),
            },
        }
    }
}

/// The longest silence of a registry.
pub const SILENCE: Duration = Duration::from_secs(60);
