//! Checks the API key before any byte of the body is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ocr_api::keys::Scope;

use super::{client, discard};
use crate::http::Service;
use crate::http::limits::attempts::Verdict;
use crate::http::outcome::access::{self, Noted, Notes};
use crate::http::outcome::error::Rejection;
use crate::listener::Standing;

/// Requirements of a route on the API key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    /// Scopes of which the key needs one.
    scopes: &'static [Scope],
    /// True if a request counts towards the key's quota and usage.
    counts: bool,
}

impl Gate {
    /// Gate of a route that does work.
    pub(crate) fn work(scopes: &'static [Scope]) -> Self {
        Self {
            scopes,
            counts: true,
        }
    }

    /// Gate of a route that reports state.
    pub(crate) fn look(scopes: &'static [Scope]) -> Self {
        Self {
            scopes,
            counts: false,
        }
    }
}

/// Middleware that accepts requests with a valid key for the route and rejects all others.
pub(crate) async fn require_key(
    State((service, gate)): State<(Arc<Service>, Gate)>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = client::address(&request);
    let (rejection, noted) = match service
        .keyring
        .verify(bearer(request.headers()), gate.scopes)
    {
        Ok(known) => {
            if let Some(standing) = request.extensions().get::<Standing>() {
                standing.known();
            }
            let noted = Noted {
                key: Some(known.id.clone()),
                ..Noted::default()
            };
            if let Some(notes) = request.extensions().get::<Notes>() {
                notes.lock().key = Some(known.id.clone());
            }
            let per_minute = known.quota.and_then(|quota| quota.requests_per_minute);
            let per_minute = per_minute.filter(|_| gate.counts);
            match per_minute.map_or(Ok(()), |most| service.quotas.enter(&known.id, most)) {
                Ok(()) => {
                    if let Some(usage) = service.usage.as_ref().filter(|_| gate.counts) {
                        usage.record(&known.id, Timestamp::now(), from);
                    }
                    request.extensions_mut().insert(known);
                    let mut response = next.run(request).await;
                    access::note(&mut response, noted);
                    return response;
                }
                Err(retry_after) => (Rejection::requests_per_minute(retry_after), noted),
            }
        }
        Err(refused) => {
            // A valid key never reaches this point, however many invalid ones its address has sent.
            let rejection = match service.attempts.failed(from) {
                Verdict::At(when) => {
                    tokio::time::sleep_until(when).await;
                    Rejection::key()
                }
                Verdict::TooMany { retry_after } => Rejection::key_attempts(retry_after),
            };
            let noted = Noted {
                key: refused.id,
                refused: Some(refused.why.to_string()),
                ..Noted::default()
            };
            (rejection, noted)
        }
    };
    let (head, body) = request.into_parts();
    discard::unless_expected(&head.headers, body.into_data_stream());
    let mut response = rejection.into_response();
    access::note(&mut response, noted);
    response
}

/// Middleware for a route that reports more to clients with a key. A request without a key is accepted; one with an
/// invalid key is rejected.
pub(crate) async fn check_key(
    state: State<(Arc<Service>, Gate)>,
    request: Request,
    next: Next,
) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        require_key(state, request, next).await
    } else {
        next.run(request).await
    }
}

/// Reads the bearer token. Returns `None` for several `Authorization` headers as well, because a proxy on the way could
/// have checked another one than we do.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let value = value.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_bearer_scheme_in_any_case() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer  abc ").as_deref(), Some("abc"));
        for wrong in ["Basic abc", "abc", "Bearer"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn rejects_two_keys() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer abc".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer abc".parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
