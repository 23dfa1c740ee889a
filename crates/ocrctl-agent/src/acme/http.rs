//! The HTTP client that ACME runs on: names by hickory, certificates by rustls, as everywhere in a static
//! executable. It tries again what may go better, and remembers what the authority asks of its clients.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected};
use instant_acme::{BodyWrapper, BytesResponse, CertificateIdentifier, Error, HttpClient};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Window;
use super::error::{AcmeError, Kind, hint_for, kind_of};
use ocrctl_protocol::causes::chain;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Pauses before a request is tried again. A nonce that was used up meanwhile is replaced by instant-acme.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// A Retry-After longer than this is not waited out; it becomes the caller's.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// RFC 9773, 4.3.2: what to assume where the authority does not say.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(6);

/// Tries again while the authority rejects nonces, which it may do at any time (RFC 8555, 6.5).
macro_rules! patiently {
    ($call:expr) => {{
        let mut tries = 5;
        loop {
            tries -= 1;
            match $call.await {
                Err(error) if tries > 0 && crate::acme::http::is_bad_nonce(&error) => {}
                outcome => break outcome,
            }
        }
    }};
}
pub(super) use patiently;

#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    seen: Arc<Mutex<Seen>>,
    #[cfg(test)]
    pub(super) faults: super::testing::Faults,
}

/// Headers of the last answers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) retry_after: Option<Timestamp>,
    pub(super) clock_ahead: Option<SignedDuration>,
}

impl Seen {
    /// Returns the time that the authority wants to be left alone from now on, unless it has passed.
    pub(super) fn wait(&self) -> Option<Duration> {
        let left = self.retry_after?.duration_since(Timestamp::now());
        Some(left.max(SignedDuration::ZERO).unsigned_abs())
    }
}

/// An answer that is no ACME at all, such as a proxy's error page.
#[derive(Debug, thiserror::Error)]
#[error("it answered {0}")]
struct NoAcme(StatusCode);

pub(super) fn is_bad_nonce(error: &Error) -> bool {
    matches!(error, Error::Api(problem)
        if problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce"))
}

impl Http {
    /// `ca`: the one authority (PEM) that the server's certificate may be from; else the system's.
    pub(super) fn new(ca: Option<&str>) -> Result<Self, AcmeError> {
        let mut builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("ocrctl/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            builder = builder.tls_certs_only(certificates.map_err(|error| {
                AcmeError::new(
                    Kind::Refused,
                    format!("tls.directory_ca is no certificate: {error}"),
                )
            })?);
        }
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| AcmeError::new(Kind::Refused, chain(&error)))?,
            seen: Arc::default(),
            #[cfg(test)]
            faults: super::testing::Faults::current(),
        })
    }

    pub(super) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, AcmeError> {
        let request = self.client.get(url).build();
        let answer = match request {
            Ok(request) => self.send(request).await,
            Err(error) => Err(Error::Other(Box::new(error))),
        };
        let doing = format!("asking {url}");
        let answer = answer.map_err(|error| self.error(&doing, error))?;
        if !answer.status().is_success() {
            let no = Error::Other(Box::new(NoAcme(answer.status())));
            return Err(self.error(&doing, no));
        }
        let body = answer.bytes().await;
        body.map_err(|error| Error::Other(Box::new(error)))
            .and_then(|body| serde_json::from_slice(&body).map_err(Error::Json))
            .map_err(|error| self.error(&doing, error))
    }

    pub(super) async fn renewal_window(
        &self,
        url: &str,
        certificate: &CertificateIdentifier<'_>,
    ) -> Result<Window, AcmeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Information {
            suggested_window: Suggested,
        }
        #[derive(Deserialize)]
        struct Suggested {
            start: Timestamp,
            end: Timestamp,
        }
        let Information {
            suggested_window: Suggested { start, end },
        } = self.get_json(&format!("{url}/{certificate}")).await?;
        let ask_after = self
            .seen()
            .retry_after
            .unwrap_or(Timestamp::now() + ASK_AGAIN);
        Ok(Window {
            start,
            end: end.max(start),
            ask_after,
        })
    }

    /// Sends a request, again after a pause where the authority was not reached or not able to serve.
    async fn send(&self, request: reqwest::Request) -> Result<reqwest::Response, Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let sent = match request.try_clone() {
                Some(request) => self.try_once(request).await,
                None => return Err(Error::Str("a request with a body that can't be repeated")),
            };
            let pause = pauses.next();
            let wait = match (&sent, pause) {
                (Ok(answer), Some(pause)) if answer.status().is_server_error() => {
                    let wanted = self.seen().wait();
                    match wanted {
                        Some(wanted) if wanted > LONGEST_WAIT => return sent,
                        wanted => wanted.unwrap_or(pause),
                    }
                }
                (Err(_), Some(pause)) => pause,
                _ => return sent,
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_once(&self, request: reqwest::Request) -> Result<reqwest::Response, Error> {
        #[cfg(test)]
        if let Some(fault) = self.faults.next(&request) {
            let answer = fault.answer()?;
            self.note(answer.headers());
            return Ok(answer);
        }
        let sent = self.client.execute(request).await;
        let answer = sent.map_err(|error| Error::Other(Box::new(error)))?;
        self.note(answer.headers());
        Ok(answer)
    }

    fn note(&self, headers: &HeaderMap) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let now = Timestamp::now();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen {
            retry_after: text(RETRY_AFTER).and_then(|text| retry_after(text, now)),
            clock_ahead: text(DATE)
                .and_then(http_date)
                .map(|date| date.duration_since(now)),
        };
        #[cfg(test)]
        if let Some(ahead) = &mut self.seen.lock().unwrap().clock_ahead {
            *ahead += self.faults.clock_ahead();
        }
    }

    /// Describes a failed request in the operator's words.
    pub(super) fn error(&self, doing: &str, error: Error) -> AcmeError {
        let (kind, message) = match &error {
            Error::Api(problem) => (kind_of(problem), said(problem)),
            Error::Timeout(_) => (
                Kind::Unavailable,
                "the authority did not finish in time".to_owned(),
            ),
            Error::Json(_) => (
                Kind::Unavailable,
                "the answer is not what an ACME server says".to_owned(),
            ),
            Error::Other(source) => (Kind::Unavailable, chain(source.as_ref())),
            other => (Kind::Refused, other.to_string()),
        };
        let mut result = AcmeError::new(kind, format!("{doing}: {message}"));
        result.hint = hint_for(kind).map(str::to_owned);
        if result.message.contains("UnknownIssuer") {
            result.hint = Some(
                "the directory's own certificate is from an authority unknown to the host: name its PEM file in tls.directory_ca"
                    .to_owned(),
            );
        } else if result.message.contains("NotValidYet") || result.message.contains("Expired") {
            result.hint = Some(
                "check the host's clock (`timedatectl`): the directory's own certificate is not valid at that time"
                    .to_owned(),
            );
        }
        if matches!(kind, Kind::RateLimited | Kind::Unavailable) {
            result.retry_after = self.seen().retry_after;
        }
        result
    }
}

impl HttpClient for Http {
    fn request(
        &self,
        request: ::http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            // It is in memory: reading it can't fail.
            let bytes = body
                .collect()
                .await
                .map(Collected::to_bytes)
                .unwrap_or_default();
            let request = reqwest::Request::try_from(::http::Request::from_parts(parts, bytes))
                .map_err(|error| Error::Other(Box::new(error)))?;
            let answer = this.send(request).await?;
            let status = answer.status();
            let json = answer
                .headers()
                .get(reqwest::header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .is_some_and(|value| value.contains("json"));
            if !status.is_success() && !json {
                return Err(Error::Other(Box::new(NoAcme(status))));
            }
            Ok(BytesResponse::from(
                ::http::Response::<reqwest::Body>::from(answer),
            ))
        })
    }
}

/// A problem document for people: its details, and those of each name.
fn said(problem: &instant_acme::Problem) -> String {
    let mut text = problem.detail.clone().unwrap_or_default();
    for part in &problem.subproblems {
        let detail = part.detail.clone().unwrap_or_default();
        let name = part.identifier.as_ref().map(|name| match name {
            instant_acme::Identifier::Dns(name) => name.clone(),
            other => format!("{other:?}"),
        });
        text.push_str(&format!("; {}: {detail}", name.unwrap_or_default()));
    }
    match &problem.r#type {
        Some(urn) => format!("{text} ({})", urn.rsplit(':').next().unwrap_or(urn)),
        None => text,
    }
}

/// A Retry-After header (RFC 9110, 10.2.3): seconds or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    match text.trim().parse::<i64>() {
        Ok(seconds) => now
            .checked_add(SignedDuration::from_secs(seconds.max(0)))
            .ok(),
        Err(_) => http_date(text),
    }
}

/// An IMF-fixdate (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let at = |text| retry_after(text, now).map(|at| at.to_string());
        assert_eq!(at("90").as_deref(), Some("2026-03-01T12:01:30Z"));
        assert_eq!(
            at("Sun, 01 Mar 2026 12:05:00 GMT").as_deref(),
            Some("2026-03-01T12:05:00Z")
        );
        assert_eq!(at("-5").as_deref(), Some("2026-03-01T12:00:00Z"));
        assert_eq!(at("soon"), None);
        assert_eq!(at("99999999999999999"), None);
    }
}
