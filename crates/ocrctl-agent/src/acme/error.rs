//! Why a certificate authority gave no certificate.

use jiff::Timestamp;

/// An error of ACME in the operator's words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct AcmeError {
    pub kind: Kind,
    pub message: String,
    pub hint: Option<String>,
    /// The authority wants to hear nothing before this moment.
    pub retry_after: Option<Timestamp>,
}

/// The kinds of error that a caller decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not reached, or it answered that it can't serve now.
    Unavailable,
    RateLimited,
    /// The account is deactivated or unknown.
    NoAccount,
    /// An external account is needed, and none fits.
    ExternalAccount,
    /// It could not validate a name.
    Validation,
    /// The request makes no sense to it, or is not allowed.
    Refused,
}

impl AcmeError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            retry_after: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The kind of a problem document, by its type (RFC 8555, 6.7).
pub(super) fn kind_of(problem: &instant_acme::Problem) -> Kind {
    let name = problem
        .r#type
        .as_deref()
        .and_then(|urn| urn.strip_prefix("urn:ietf:params:acme:error:"))
        .unwrap_or_default();
    match name {
        "rateLimited" => Kind::RateLimited,
        "accountDoesNotExist" => Kind::NoAccount,
        "externalAccountRequired" => Kind::ExternalAccount,
        "serverInternal" => Kind::Unavailable,
        "caa" | "connection" | "dns" | "incorrectResponse" | "tls" | "compound" => Kind::Validation,
        _ if problem.status.is_some_and(|status| status >= 500) => Kind::Unavailable,
        _ => Kind::Refused,
    }
}

/// Suggests a fix, where there is one.
pub(super) fn hint_for(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Validation => Some(
            "the authority must reach port 80 of every name: check its DNS records, and firewalls in front of the host",
        ),
        Kind::ExternalAccount => Some(
            "add `tls.external_account` to the inventory, with what the authority hands out, and deploy",
        ),
        Kind::Unavailable => {
            Some("the host must reach the authority; it is tried again by the host's own timer")
        }
        Kind::RateLimited => {
            Some("it is tried again by the host's own timer, when the authority allows")
        }
        Kind::NoAccount | Kind::Refused => None,
    }
}
