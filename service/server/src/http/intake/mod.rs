//! From a request to a document that may be read. Every route that takes a document uses this.

pub(super) mod auth;
pub(super) mod client;
mod coding;
pub(super) mod directives;
mod discard;
mod form;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(super) mod negotiate;
mod parameters;
pub(super) mod query;
pub(super) mod upload;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::Entry;
use axum::http::{HeaderMap, HeaderValue};
use ocr_api::answer::Document as DocumentAnswer;
use ocr_api::problem::ProblemKind;
use ocr_protocol::Counted;
use tokio::time::{Instant, timeout_at};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, Required};

use super::Service;
use super::limits::share::Share;
use super::outcome::access::{Noted, Notes, RequestId};
use super::outcome::error::Rejection;
use crate::document::{Document, Open};
use crate::keyring::Known;
use directives::CacheDirectives;
use negotiate::Format;
use parameters::{Parameter, Parameters};
use query::Wanted;
use upload::Upload;

/// Header with which a client asks for a shorter deadline than the service's.
const DEADLINE_MS: &str = "x-deadline-ms";
/// Header with a PDF's password.
const PASSWORD: &str = "x-document-password";

/// A request of which only the head has been read.
#[derive(Debug)]
pub(crate) struct Incoming {
    id: String,
    /// The key that the request was accepted with.
    known: Known,
    notes: Notes,
    query: String,
    headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = Rejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, Rejection> {
        let (mut head, body) = request.into_parts();
        // The check of the key runs before this and inserts it.
        let known = head
            .extensions
            .remove::<Known>()
            .ok_or_else(Rejection::key)?;
        if let Entry::Occupied(mut passwords) = head.headers.entry(PASSWORD) {
            for password in passwords.iter_mut() {
                password.set_sensitive(true);
            }
        }
        let id = head.extensions.get::<RequestId>();
        let notes = head.extensions.get::<Notes>();
        Ok(Self {
            id: id.map(|RequestId(id)| id.clone()).unwrap_or_default(),
            known,
            notes: notes.cloned().unwrap_or_default(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        })
    }
}

/// Completes the description of a route that takes a document: its parameters, headers and body.
pub(super) fn describe(operation: &mut Operation, languages: &[String]) {
    let parameter = |place, name: &str, description: &str, schema: Schema| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(schema))
            .build()
    };
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let headers = [
        (
            "Content-Encoding",
            "Compression of the body, if it is compressed.",
            string().enum_values(Some(["identity", "gzip", "deflate"])),
        ),
        (
            "Idempotency-Key",
            "The same value for a request and its retries. The document is read once for all of them.",
            string()
                .min_length(Some(1))
                .max_length(Some(directives::LONGEST)),
        ),
        (
            "X-Deadline-Ms",
            "Time limit of this request in milliseconds, if it is shorter than the service's.",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1)),
        ),
        (
            "X-Document-Password",
            "Password of an encrypted PDF, where it is not in the form as `password`.",
            string()
                .min_length(Some(1))
                .max_length(Some(parameters::MAX_PASSWORD)),
        ),
    ];
    let wanted = Parameter::described(languages);
    let in_query = wanted.iter().filter(|(one, _, _)| one.is_in_query());
    let query = in_query.map(|(one, description, schema)| {
        parameter(ParameterIn::Query, one.name(), description, schema.clone())
    });
    let headers = headers.map(|(name, description, schema)| {
        parameter(ParameterIn::Header, name, description, schema.into())
    });
    operation.parameters = Some(query.chain(headers).map(RefOr::T).collect());
    operation.request_body = Some(upload::described(&wanted).into());
}

/// A document, and what to do with it.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    /// Id of the request.
    pub(crate) id: String,
    pub(crate) format: Format,
    pub(crate) wanted: Wanted,
    pub(crate) deadline: Instant,
    pub(crate) document: Arc<Document>,
    /// File name that the client gave.
    pub(crate) name: Option<String>,
    /// Headers about repetition and caching.
    pub(crate) directives: CacheDirectives,
    /// Resources of the request, held until the answer is complete.
    pub(crate) share: Arc<Share>,
}

impl Intake {
    /// Describes the document for an answer.
    pub(crate) fn describe(&self, counted: &Counted) -> DocumentAnswer {
        DocumentAnswer {
            name: self.name.clone(),
            kind: self.document.kind,
            sha256: self.document.sha256.clone(),
            pages: counted.pages,
            attachments: counted.attachments.clone(),
        }
    }
}

/// Receives the document after everything that can be checked without it.
pub(crate) async fn receive(
    service: &Service,
    mut incoming: Incoming,
    formats: &[Format],
    noted: &mut Noted,
) -> Result<Intake, Rejection> {
    let body = std::mem::take(&mut incoming.body);
    let mut body = body.into_data_stream();
    let headers = &incoming.headers;
    let asked = match ask(service, &incoming, formats) {
        Ok(asked) => asked,
        Err(rejection) => {
            discard::unless_expected(headers, body);
            return Err(rejection);
        }
    };
    let Asked {
        format,
        mut wanted,
        parameters,
        directives,
        deadline,
        share,
    } = asked;
    let began = Instant::now();
    let limit = service.limits.max_upload;
    let upload = upload::receive(headers, &mut body, limit, &share);
    let upload = timeout_at(deadline, upload)
        .await
        .unwrap_or_else(|_| Err(upload_too_slow()));
    let Upload {
        bytes,
        kind,
        name,
        sha256,
        parameters: of_form,
    } = upload.inspect_err(|_| discard::in_background(body))?;
    service.metrics.uploaded(began.elapsed());
    noted.document = Some(kind.media_type().to_owned());
    noted.sha256 = Some(sha256.clone());
    noted.bytes = Some(bytes.len() as u64);
    if !of_form.is_empty() {
        wanted = want(service, &parameters.with_form(of_form)?)?;
    }
    let owner = share.owner();
    if let Some(left) = service.pool.document_refused(&owner.key, &sha256) {
        return Err(Rejection::quarantined(left));
    }
    incoming.notes.add(noted);
    let document = Arc::new(Document {
        id: service.next_document.fetch_add(1, Ordering::Relaxed),
        kind,
        bytes,
        sha256,
        languages: wanted.how.languages.clone(),
        password: wanted.password.take(),
        owner: share.owner().clone(),
        charge: share.of_document(),
        open: Open::default(),
    });
    Ok(Intake {
        id: incoming.id,
        format,
        wanted,
        deadline,
        document,
        name,
        directives,
        share: Arc::new(share),
    })
}

/// A request's parameters, and the resources reserved for it.
struct Asked {
    format: Format,
    wanted: Wanted,
    /// Parameters of the query, from which `wanted` was made.
    parameters: Parameters,
    directives: CacheDirectives,
    deadline: Instant,
    share: Share,
}

/// Checks everything that can be checked before the document is read.
fn ask(service: &Service, incoming: &Incoming, formats: &[Format]) -> Result<Asked, Rejection> {
    let Incoming {
        known,
        query,
        headers,
        ..
    } = incoming;
    let format = negotiate::choose(headers, formats)?;
    let deadline = Instant::now() + time_limit(headers, service.limits.deadline)?;
    let mut parameters = Parameters::of_query(query)?;
    for password in headers.get_all(PASSWORD) {
        parameters.add(Parameter::Password, text_of(password))?;
    }
    let wanted = want(service, &parameters)?;
    upload::check(headers, service.limits.max_upload)?;
    let directives = CacheDirectives::of(headers)?;
    if let Some(left) = service.pool.key_refused(known.id.as_str()) {
        return Err(Rejection::crashes(left));
    }
    let retry = service
        .replays
        .knows(&known.id.as_str().into(), &directives);
    let share = Share::enter(&service.budget, &service.days, known, retry)?;
    Ok(Asked {
        format,
        wanted,
        parameters,
        directives,
        deadline,
        share,
    })
}

/// Text of a header: UTF-8, or what browsers send, Latin-1.
fn text_of(header: &HeaderValue) -> String {
    let latin = || header.as_bytes().iter().copied().map(char::from).collect();
    str::from_utf8(header.as_bytes()).map_or_else(|_| latin(), str::to_owned)
}

fn want(service: &Service, parameters: &Parameters) -> Result<Wanted, Rejection> {
    Wanted::of(parameters, &service.offered, &service.rulebook.rules())
}

fn upload_too_slow() -> Rejection {
    Rejection::new(
        ProblemKind::UploadTimeout,
        "The document did not arrive before the deadline; send it over a faster connection.",
    )
}

/// Time limit for this request. A client may ask for less than the service allows.
pub(crate) fn time_limit(headers: &HeaderMap, most: Duration) -> Result<Duration, Rejection> {
    let mut values = headers.get_all(DEADLINE_MS).iter();
    let Some(value) = values.next() else {
        return Ok(most);
    };
    if values.next().is_some() {
        return Err(Rejection::new(
            ProblemKind::Malformed,
            "X-Deadline-Ms is given twice.",
        ));
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .filter(|millis| *millis > 0)
        .map(|millis| Duration::from_millis(millis).min(most))
        .ok_or_else(|| {
            Rejection::new(
                ProblemKind::Malformed,
                "X-Deadline-Ms is a whole number of milliseconds.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_deadline_within_the_limit_of_the_service() {
        let most = Duration::from_secs(120);
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(DEADLINE_MS, value.parse().unwrap());
            }
            time_limit(&headers, most).ok()
        };
        assert_eq!(of(&[]), Some(most));
        assert_eq!(of(&["1500"]), Some(Duration::from_millis(1500)));
        assert_eq!(of(&["1500000"]), Some(most));
        for wrong in [&["0"][..], &["-5"], &["1.5"], &["soon"], &["9", "9"]] {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
