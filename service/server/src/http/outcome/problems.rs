//! Problems of the routes, as OpenAPI describes them: one response for each status.

use std::collections::BTreeMap;

use ocr_api::problem::{MEDIA_TYPE, Problem, ProblemKind};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Problems of every route that takes a document.
pub(crate) struct DocumentProblems;

/// Problems of every other route that needs a key.
pub(crate) struct KeyProblems;

/// The problem of a route that only a bug makes fail.
pub(crate) struct InternalProblem;

/// The problem of every route that has no other.
pub(crate) struct MethodProblem;

type Responses = BTreeMap<String, RefOr<Response>>;

impl IntoResponses for DocumentProblems {
    fn responses() -> Responses {
        of(&[
            ProblemKind::Malformed,
            ProblemKind::EmptyBody,
            ProblemKind::NotAcceptable,
            ProblemKind::UploadTimeout,
            ProblemKind::TooLarge,
            ProblemKind::Type,
            ProblemKind::Encoding,
            ProblemKind::Corrupt,
            ProblemKind::Encrypted,
            ProblemKind::Password,
            ProblemKind::NoPages,
            ProblemKind::TooManyPages,
            ProblemKind::PageTooLarge,
            ProblemKind::IdempotencyKey,
            ProblemKind::Quarantined,
            ProblemKind::Crashes,
            ProblemKind::Incomplete,
            ProblemKind::Quota,
            ProblemKind::Internal,
            ProblemKind::Busy,
            ProblemKind::Deadline,
            ProblemKind::Method,
            ProblemKind::Key,
            ProblemKind::KeyAttempts,
        ])
    }
}

impl IntoResponses for KeyProblems {
    fn responses() -> Responses {
        of(&[
            ProblemKind::Key,
            ProblemKind::KeyAttempts,
            ProblemKind::Method,
        ])
    }
}

impl IntoResponses for InternalProblem {
    fn responses() -> Responses {
        of(&[ProblemKind::Internal])
    }
}

impl IntoResponses for MethodProblem {
    fn responses() -> Responses {
        of(&[ProblemKind::Method])
    }
}

fn of(problems: &[ProblemKind]) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for problem in problems {
        let titles = by_status.entry(problem.status()).or_default();
        titles.push(problem.title());
    }
    let response = |(status, titles): (u16, Vec<&str>)| {
        let mut response = ResponseBuilder::new()
            .description(titles.join("; "))
            .content(
                MEDIA_TYPE,
                Content::new(Some(Ref::from_schema_name(Problem::name()))),
            );
        if matches!(status, 429 | 503) {
            let seconds = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1));
            let retry_after = HeaderBuilder::new()
                .schema(Some(seconds.build()))
                .description(Some(
                    "Seconds, derived from measured page times or from the quota",
                ));
            response = response.header("Retry-After", retry_after.build());
        }
        (status.to_string(), response.build().into())
    };
    by_status.into_iter().map(response).collect()
}
