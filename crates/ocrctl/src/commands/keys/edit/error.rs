//! Why a set of keys is not changed as asked, and what fixes it.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::commands) enum EditError {
    #[error("{name} has a key already: {}", ids.join(", "))]
    HasKey { name: String, ids: Vec<String> },
    #[error("there is no key `{id}`")]
    NoSuchKey {
        id: String,
        closest: Option<String>,
        /// Keys of a client that is named like this.
        of_client: Vec<String>,
    },
    #[error("the key that was given is not the one with the id `{id}`, which is a key of {name}")]
    OtherSecret { id: String, name: String },
    #[error("no client has a key in force")]
    NoClients,
    #[error("several clients have keys: {}", clients.join(", "))]
    WhichClient { clients: Vec<String> },
    #[error("no client `{client}` has a key in force")]
    NoSuchClient {
        client: String,
        closest: Option<String>,
        clients: Vec<String>,
    },
    #[error("the key `{id}` is a different one on {host} than on another host")]
    Conflict { id: String, host: String },
}

impl EditError {
    /// Suggests a fix for this environment.
    pub(in crate::commands) fn hint(&self, environment: &str) -> String {
        match self {
            Self::HasKey { name, .. } => format!(
                "`ocrctl rotate-key {environment} --client \"{name}\"` gives it a new one; another client takes another --name"
            ),
            Self::NoSuchKey { of_client, .. } if !of_client.is_empty() => {
                format!("that is a client; its keys: {}", of_client.join(", "))
            }
            Self::NoSuchKey {
                closest: Some(closest),
                ..
            }
            | Self::NoSuchClient {
                closest: Some(closest),
                ..
            } => format!("did you mean `{closest}`?"),
            Self::NoSuchKey { .. } => format!("`ocrctl keys list {environment}` shows the ids"),
            Self::OtherSecret { .. } => format!(
                "it may be a key of another environment; `ocrctl keys list {environment}` shows the keys of this one"
            ),
            Self::NoClients => format!("`ocrctl keys add {environment} --name CLIENT` makes one"),
            Self::WhichClient { .. } => "name one by --client".into(),
            Self::NoSuchClient { clients, .. } if clients.is_empty() => {
                format!("`ocrctl keys add {environment} --name CLIENT` makes one")
            }
            Self::NoSuchClient { clients, .. } => format!("there are {}", clients.join(", ")),
            Self::Conflict { .. } => {
                "revoke it, or take it out of the file on the host where it is wrong".into()
            }
        }
    }
}
