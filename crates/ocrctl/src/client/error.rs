//! Why a document was not read, in its sender's words.

use std::path::PathBuf;

use ocr_api::answer::DocumentType;
use ocr_api::problem::{Problem, ProblemKind};
use reqwest::{StatusCode, Url};

use ocrctl_protocol::causes::chain;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{} can't be read: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{base} can't be reached: {reason}")]
    Unreachable { base: String, reason: String },
    #[error("{base} can't be verified: {reason}")]
    Untrusted { base: String, reason: String },
    /// It may have been read.
    #[error("the connection to {base} was lost: {reason}")]
    Lost { base: String, reason: String },
    #[error("{}", refusal(problem, key))]
    Refused { key: String, problem: Box<Problem> },
    #[error("the service answers {status}")]
    Status { status: StatusCode },
    #[error("the answer ended before its last line")]
    Cut,
    #[error("the answer can't be understood: {source}")]
    NotUnderstood { source: serde_json::Error },
}

fn refusal(problem: &Problem, key: &str) -> String {
    match problem.kind {
        ProblemKind::Key => format!("the service does not take the key `{key}` for this (403)"),
        ProblemKind::KeyAttempts => format!(
            "the service does not take the key `{key}`, and this address has tried too many (429)"
        ),
        _ => {
            let title = &problem.title;
            format!("{title} ({}): {}", problem.status, problem.detail)
        }
    }
}

impl ClientError {
    /// Its URL has been said already, or is nobody's business.
    pub(super) fn of(base: &Url, error: reqwest::Error) -> Self {
        let (connecting, error) = (error.is_connect(), error.without_url());
        let reason = chain(&error);
        let base = base.as_str().trim_end_matches('/').to_owned();
        if reason.contains("invalid peer certificate") {
            Self::Untrusted { base, reason }
        } else if connecting {
            Self::Unreachable { base, reason }
        } else {
            Self::Lost { base, reason }
        }
    }

    /// The service's kind of problem.
    pub fn kind(&self) -> Option<ProblemKind> {
        match self {
            Self::Refused { problem, .. } => Some(problem.kind),
            _ => None,
        }
    }

    /// Returns whether every other document would fail alike.
    pub fn is_of_all(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Untrusted { .. })
            || matches!(
                self.kind(),
                Some(ProblemKind::Key | ProblemKind::KeyAttempts)
            )
    }

    /// 69: nothing answered. 1: something did, and it went wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 69,
            _ => 1,
        }
    }

    /// Suggests a fix. `environment` is the service's name in the inventory, if it has one.
    pub fn hint(&self, environment: Option<&str>) -> String {
        let env = environment.unwrap_or("ENV");
        match self {
            Self::File { .. } => "give the path of a document; `-` is standard input".to_owned(),
            Self::Unreachable { .. } => format!(
                "--at says where it answers, if not at its name's address and port 443; `ocrctl status {env}` shows how its hosts are"
            ),
            Self::Untrusted { reason, .. } if reason.contains("UnknownIssuer") => format!(
                "if its authority is its own, `ocrctl cert ca {env} > ca.pem` gets it over SSH: then --ca ca.pem"
            ),
            Self::Untrusted { .. } => format!(
                "`ocrctl cert status {env}` shows the certificate that the hosts have; --ca names the authority to verify by"
            ),
            Self::Lost { .. } | Self::Cut => format!(
                "send it again; `ocrctl logs {env} --nginx` says what happened on the hosts"
            ),
            Self::Status { status } if status.is_server_error() => {
                format!("`ocrctl status {env}` shows how the hosts are")
            }
            Self::Status { .. } | Self::NotUnderstood { .. } => {
                "something else than the service answers there, or a newer one: look at the address, or get a newer ocrctl".to_owned()
            }
            Self::Refused { problem, .. } => of_problem(problem, env),
        }
    }
}

fn of_problem(problem: &Problem, env: &str) -> String {
    let request = problem.request_id.as_deref();
    match problem.kind {
        ProblemKind::Key | ProblemKind::KeyAttempts => format!(
            "--key-file names another; `ocrctl keys list {env}` shows which are in force and their scopes, `ocrctl keys add {env} --name CLIENT` makes one"
        ),
        ProblemKind::TooLarge => format!(
            "split it, or scan it at 300 dpi in gray; `service.max_upload` of {env} in the inventory is the limit"
        ),
        ProblemKind::Type | ProblemKind::EmptyBody => format!(
            "{} can be read: export it as one of them",
            DocumentType::names()
        ),
        ProblemKind::Corrupt | ProblemKind::NoPages => {
            "open it in a viewer and export it anew, or scan it again".to_owned()
        }
        ProblemKind::Encrypted | ProblemKind::Password => {
            "save it without its password".to_owned()
        }
        ProblemKind::PageTooLarge => {
            "make it smaller: 300 dpi are enough to be read".to_owned()
        }
        ProblemKind::Incomplete => "without --strict, the other pages are printed".to_owned(),
        ProblemKind::Malformed => {
            "--lang, --pages and --codes are the service's to understand: `ocrctl ocr --help` has examples".to_owned()
        }
        ProblemKind::Quota => format!(
            "`ocrctl keys list {env}` shows the key's use; its limits are given to a new one by `ocrctl keys add`"
        ),
        ProblemKind::Busy => format!(
            "it was busy at each try: send fewer at once; `ocrctl status {env}` shows its queue"
        ),
        ProblemKind::TooManyPages => format!(
            "ask for a part of it at a time, such as --pages 1-1000; `service.max_pages` of {env} in the inventory is the limit"
        ),
        ProblemKind::Deadline => {
            "send fewer pages at once: --pages 1-20".to_owned()
        }
        _ => match request {
            Some(id) => format!("`ocrctl logs {env} --request {id}` says more"),
            None => format!("`ocrctl logs {env}` says more"),
        },
    }
}
