//! `GET /openapi.json`: the routes as OpenAPI 3.1. Answers are described by their types. Parameters are described here,
//! beside the parsers that decide on them. The tests run a fuzzer that compares the description with the service.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use ocr_api::answer::{Answer, CodesAnswer, DocumentType};
use ocr_api::capacity::Capacity;
use ocr_api::health::{Health, Readiness, Ready};
use ocr_api::inspection::Inspection;
use ocr_api::problem::{MEDIA_TYPE, Problem, ProblemKind};
use ocr_codes::CodeType;
use utoipa::ToSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
    PathsBuilder,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ComponentsBuilder, KnownFormat, ObjectBuilder, Schema,
    SchemaFormat, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Responses,
};

use super::Service;
use super::intake::negotiate::Format;
use super::intake::query::MAX_ATTACHMENT_NAME;

const KEY: &str = "key";

/// Problems of every route that takes a document.
const OF_A_DOCUMENT: [ProblemKind; 21] = [
    ProblemKind::Malformed,
    ProblemKind::EmptyBody,
    ProblemKind::NotAcceptable,
    ProblemKind::UploadTimeout,
    ProblemKind::TooLarge,
    ProblemKind::Type,
    ProblemKind::Encoding,
    ProblemKind::Corrupt,
    ProblemKind::Encrypted,
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
];
/// Problems of every route that needs a key.
const OF_A_KEY: [ProblemKind; 2] = [ProblemKind::Key, ProblemKind::KeyAttempts];

/// The OpenAPI document as JSON.
pub(super) fn json(release: &str, languages: &[String]) -> String {
    // The description consists of strings, numbers and lists, which always serialize.
    describe(release, languages).to_json().unwrap_or_default()
}

pub(super) async fn openapi_json(State(service): State<Arc<Service>>) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, service.openapi.clone())
}

fn describe(release: &str, languages: &[String]) -> OpenApi {
    let info = InfoBuilder::new()
        .title("ocr-service")
        .version(release)
        .description(Some(
            "Documents in, text and structured codes out. Errors are application/problem+json (RFC 9457).",
        ));
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: `Authorization: Bearer ocrk_…`."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme(KEY, SecurityScheme::Http(key))
        .schemas_from_iter(schemas());
    let paths = PathsBuilder::new()
        .path("/v1/ocr", post(ocr(languages)))
        .path("/v1/codes", post(codes(languages)))
        .path("/v1/inspect", post(inspect(languages)))
        .path("/v1/preview", post(preview(languages)))
        .path("/v1/capacity", get(capacity()))
        .path("/metrics", get(metrics()))
        .path("/healthz", get(healthz()))
        .path("/readyz", get(readyz()))
        .path("/openapi.json", get(openapi()));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

/// Schemas of all answers and of the types they consist of.
fn schemas() -> Vec<(String, RefOr<Schema>)> {
    fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
    let mut schemas = Vec::new();
    add::<Answer>(&mut schemas);
    add::<CodesAnswer>(&mut schemas);
    add::<Inspection>(&mut schemas);
    add::<Capacity>(&mut schemas);
    add::<Health>(&mut schemas);
    add::<Readiness>(&mut schemas);
    add::<Ready>(&mut schemas);
    add::<Problem>(&mut schemas);
    schemas
}

fn post(operation: Operation) -> PathItem {
    PathItem::new(HttpMethod::Post, operation)
}

fn get(operation: Operation) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

fn ocr(languages: &[String]) -> Operation {
    let mut found = ResponseBuilder::new()
        .description("The text of each requested page, and the codes. Missing pages are reported: see `complete`.")
        .header("Cache-Status", cache_status());
    for format in Format::OF_ANSWER {
        let (kind, subtype) = format.media_type();
        let content = match format {
            Format::Json => of::<Answer>(),
            _ => Content::new(Some(text())),
        };
        found = found.content(format!("{kind}/{subtype}"), content);
    }
    of_a_document("ocr", "Read a document", languages)
        .responses(responses(
            [(200, found.build())],
            [&OF_A_DOCUMENT[..], &OF_A_KEY].concat(),
        ))
        .build()
}

fn codes(languages: &[String]) -> Operation {
    let found = ResponseBuilder::new()
        .description("The codes, and the status of each requested page")
        .header("Cache-Status", cache_status())
        .content("application/json", of::<CodesAnswer>());
    of_a_document("codes", "Find the codes in a document", languages)
        .responses(responses(
            [(200, found.build())],
            [&OF_A_DOCUMENT[..], &OF_A_KEY].concat(),
        ))
        .build()
}

fn inspect(languages: &[String]) -> Operation {
    let found = ResponseBuilder::new()
        .description("The size and text layer of each requested page, and an estimate of the cost of reading them. Nothing is recognized.")
        .content("application/json", of::<Inspection>());
    of_a_document("inspect", "Inspect a document", languages)
        .description(Some(
            "Takes the parameters of `/v1/ocr`; `codes` and `strict` have no effect here.",
        ))
        .responses(responses(
            [(200, found.build())],
            [&OF_A_DOCUMENT[..], &OF_A_KEY].concat(),
        ))
        .build()
}

fn preview(languages: &[String]) -> Operation {
    let found = ResponseBuilder::new()
        .description("A picture of the first requested page")
        .content("image/png", Content::new(Some(binary())));
    of_a_document("preview", "Draw a page of a document", languages)
        .description(Some(
            "Takes the parameters of `/v1/ocr`; only `pages` has an effect here.",
        ))
        .responses(responses(
            [(200, found.build())],
            [&OF_A_DOCUMENT[..], &OF_A_KEY].concat(),
        ))
        .build()
}

/// Parameters of a document, in the query or in the form: name, description and schema.
fn wanted(languages: &[String]) -> Vec<(&'static str, String, Schema)> {
    vec![
        (
            "lang",
            format!("Languages joined by `+`. Available: {}.", languages.join(", ")),
            pattern(&format!("^({0})([+]({0}))*$", languages.join("|"))),
        ),
        (
            "pages",
            "Pages, counted from 1: `1-3,7`, `5-`. Default: all.".into(),
            pattern(
                "^[1-9][0-9]{0,8}(-([1-9][0-9]{0,8})?)?(,[1-9][0-9]{0,8}(-([1-9][0-9]{0,8})?)?)*$",
            ),
        ),
        (
            "mode",
            "`text` reads a PDF's text layer, `ocr` recognizes the pixels, `auto` uses the text layer where it is sound."
                .into(),
            string().enum_values(Some(["auto", "text", "ocr"])).into(),
        ),
        (
            "codes",
            codes_described(),
            pattern("^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$"),
        ),
        (
            "strict",
            "`1` or `true`: an answer that lacks a page is an error. `2`: an answer with doubts about the reading is an error as well.".into(),
            string()
                .enum_values(Some(["0", "1", "2", "false", "true"]))
                .into(),
        ),
        (
            "active",
            "`keep`: a searchable PDF keeps the scripts, programs and attachments of the document.".into(),
            string().enum_values(Some(["keep", "remove"])).into(),
        ),
        (
            "attachment",
            "Name or number of a file that is embedded in the PDF. The file is read instead of the PDF.".into(),
            string().min_length(Some(1)).max_length(Some(MAX_ATTACHMENT_NAME)).into(),
        ),
    ]
}

fn of_a_document(id: &str, summary: &str, languages: &[String]) -> OperationBuilder {
    let wanted = wanted(languages);
    let query = |(name, description, schema): &(&str, String, Schema)| {
        parameter(ParameterIn::Query, name, description, schema.clone())
    };
    let headers = [
        header(
            "Content-Encoding",
            "Compression of the body, if it is compressed.",
            string()
                .enum_values(Some(["identity", "gzip", "deflate"]))
                .build(),
        ),
        header(
            "Idempotency-Key",
            "The same value for a request and its retries. The document is read once for all of them.",
            string().min_length(Some(1)).max_length(Some(255)).build(),
        ),
        header(
            "X-Deadline-Ms",
            "Time limit of this request in milliseconds, if it is shorter than the service's.",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .build(),
        ),
    ];
    OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .parameters(Some(wanted.iter().map(query).chain(headers)))
        .request_body(Some(document(&wanted)))
        .security(SecurityRequirement::new(KEY, Vec::<String>::new()))
}

fn document(wanted: &[(&str, String, Schema)]) -> RequestBody {
    let form = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("file", binary())
        .required("file")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let form = wanted.iter().fold(form, |form, (name, _, schema)| {
        form.property(*name, schema.clone())
    });
    let mut body = RequestBodyBuilder::new()
        .description(Some(
            "A document, as the body or as the part `file` of a form. The form's other parts are parameters, as in the query. Its type is \
             found by its first bytes.",
        ))
        .required(Some(Required::True))
        .content("multipart/form-data", Content::new(Some(form.build())))
        .content("application/octet-stream", Content::new(Some(binary())));
    for kind in DocumentType::ALL {
        body = body.content(kind.media_type(), Content::new(Some(binary())));
    }
    body.build()
}

fn capacity() -> Operation {
    let found = ResponseBuilder::new()
        .description("The service's load, and the quota that the key has left. This request does not count towards the quota.")
        .content("application/json", of::<Capacity>());
    OperationBuilder::new()
        .operation_id(Some("capacity"))
        .summary(Some("Get the service's load"))
        .security(SecurityRequirement::new(KEY, Vec::<String>::new()))
        .responses(responses(
            [(200, found.build())],
            [&OF_A_KEY[..], &[ProblemKind::Method]].concat(),
        ))
        .build()
}

fn metrics() -> Operation {
    let found = ResponseBuilder::new()
        .description("Prometheus' text format. The key needs the scope `metrics`.")
        .content("text/plain", Content::new(Some(text())));
    OperationBuilder::new()
        .operation_id(Some("metrics"))
        .summary(Some("Metrics for Prometheus"))
        .security(SecurityRequirement::new(KEY, Vec::<String>::new()))
        .responses(responses(
            [(200, found.build())],
            [&OF_A_KEY[..], &[ProblemKind::Internal, ProblemKind::Method]].concat(),
        ))
        .build()
}

fn healthz() -> Operation {
    let found = ResponseBuilder::new()
        .description("The process answers")
        .content("application/json", of::<Health>());
    OperationBuilder::new()
        .operation_id(Some("healthz"))
        .summary(Some("Check that the process answers"))
        .responses(responses([(200, found.build())], vec![ProblemKind::Method]))
        .build()
}

fn readyz() -> Operation {
    let either = Schema::AnyOf(
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(Readiness::name()))
            .item(Ref::from_schema_name(Ready::name()))
            .build(),
    );
    let of_status = |description: &str| {
        ResponseBuilder::new()
            .description(description)
            .content("application/json", Content::new(Some(either.clone())))
            .build()
    };
    OperationBuilder::new()
        .operation_id(Some("readyz"))
        .summary(Some(
            "Check that every worker has read a sample; with a key, get the service's state",
        ))
        .securities(Some([
            SecurityRequirement::default(),
            SecurityRequirement::new(KEY, Vec::<String>::new()),
        ]))
        .responses(responses(
            [
                (200, of_status("Every worker is ready")),
                (
                    503,
                    of_status("Not every worker is ready, or the service is stopping"),
                ),
            ],
            [&OF_A_KEY[..], &[ProblemKind::Method]].concat(),
        ))
        .build()
}

fn openapi() -> Operation {
    let object = ObjectBuilder::new().schema_type(Type::Object).build();
    let found = ResponseBuilder::new()
        .description("This document")
        .content("application/json", Content::new(Some(object)));
    OperationBuilder::new()
        .operation_id(Some("openapi"))
        .summary(Some("This document"))
        .responses(responses([(200, found.build())], vec![ProblemKind::Method]))
        .build()
}

/// The given responses, and one for each status that these problems have.
fn responses<const N: usize>(
    good: [(u16, utoipa::openapi::Response); N],
    problems: Vec<ProblemKind>,
) -> Responses {
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for problem in problems {
        by_status.entry(problem.status()).or_default().push(problem);
    }
    let mut responses = Responses::new();
    for (status, kinds) in by_status {
        let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
        let mut response = ResponseBuilder::new()
            .description(titles.join("; "))
            .content(MEDIA_TYPE, of::<Problem>());
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
        responses
            .responses
            .insert(status.to_string(), response.build().into());
    }
    for (status, response) in good {
        responses
            .responses
            .insert(status.to_string(), response.into());
    }
    responses
}

fn of<T: ToSchema>() -> Content {
    Content::new(Some(Ref::from_schema_name(T::name())))
}

fn cache_status() -> utoipa::openapi::header::Header {
    HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some(
            "Source of the answer: cache, another request, or work (RFC 9211)",
        ))
        .build()
}

fn header(name: &str, description: &str, schema: impl Into<Schema>) -> Parameter {
    parameter(ParameterIn::Header, name, description, schema)
}

fn parameter(
    place: ParameterIn,
    name: &str,
    description: &str,
    schema: impl Into<Schema>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema.into()))
        .build()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn text() -> Schema {
    string().into()
}

fn pattern(pattern: &str) -> Schema {
    string().pattern(Some(pattern)).into()
}

fn binary() -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
    string().format(Some(format)).into()
}

/// Names of rules are the operator's choice and may change while the service runs, so the pattern accepts any valid
/// name.
fn codes_described() -> String {
    let names: Vec<String> = CodeType::ALL
        .iter()
        .map(|kind| format!("`{}`", kind.name()))
        .collect();
    format!(
        "Types of codes and names of the operator's rules to look for, joined by commas, or `none`. All but `luhn` when left \
         out. Types: {}.",
        names.join(", ")
    )
}
