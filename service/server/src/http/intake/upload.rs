//! Receives the document of a request: a raw body, or the part `file` of a multipart form, compressed or not.

use std::io::{self, Write};

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ocr_api::answer::DocumentType;
use ocr_api::problem::ProblemKind;
use sha2::{Digest, Sha256};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Content, RefOr, Required};
use utoipa::{PartialSchema, ToSchema};

use super::coding::{Coding, Decoder};
use super::form::{self, FilePart, Form};
use super::parameters::{Parameter, Parameters, malformed};
use crate::document;
use crate::http::limits::share::Share;
use crate::http::outcome::error::Rejection;

#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) bytes: Bytes,
    pub(crate) kind: DocumentType,
    /// File name that the client gave.
    pub(crate) name: Option<String>,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
    /// Parameters of the form.
    pub(crate) parameters: Parameters,
}

/// Bytes, as OpenAPI describes them.
pub(crate) struct Binary;

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let string = ObjectBuilder::new().schema_type(Type::String);
        Schema::from(string.format(Some(format))).into()
    }
}

impl ToSchema for Binary {}

/// The body of a request, as OpenAPI describes it. A form's other parts are the parameters.
pub(crate) fn described(parameters: &[(Parameter, String, Schema)]) -> RequestBody {
    let form = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("file", Binary::schema())
        .required("file")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let form = parameters.iter().fold(form, |form, (name, _, schema)| {
        form.property(name.name(), schema.clone())
    });
    let binary = || Content::new(Some(Binary::schema()));
    let mut body = RequestBodyBuilder::new()
        .description(Some(
            "A document, as the body or as the part `file` of a form. The form's other parts are parameters, as in the query. Its type is \
             found by its first bytes.",
        ))
        .required(Some(Required::True))
        .content("multipart/form-data", Content::new(Some(form.build())))
        .content("application/octet-stream", binary());
    for kind in DocumentType::ALL {
        body = body.content(kind.media_type(), binary());
    }
    body.build()
}

/// Rejects a request by its headers, before the body: by its announced length or its encoding.
pub(crate) fn check(headers: &HeaderMap, limit: u64) -> Result<(), Rejection> {
    Coding::of(headers)?;
    form_of(headers)?;
    let announced =
        header(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most(limit)) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// Most bytes of a body that holds a document of `limit` bytes.
fn most(limit: u64) -> u64 {
    limit.saturating_add(form::OVERHEAD)
}

fn form_of(headers: &HeaderMap) -> Result<Option<Form>, Rejection> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Ok(None);
    };
    Form::of(content_type.as_bytes())
}

/// Receives the document, up to `limit` bytes. After an error, `body` may hold more.
pub(crate) async fn receive(
    headers: &HeaderMap,
    body: &mut BodyDataStream,
    limit: u64,
    share: &Share,
) -> Result<Upload, Rejection> {
    let coding = Coding::of(headers)?;
    share.grow(coding.held())?;
    let mut decoder = Decoder::new(coding, Incoming::new(form_of(headers)?, limit, share));
    let mut came = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| broken())?;
        came += chunk.len() as u64;
        // A compressed body may decode to nothing, without end.
        if came > most(limit) {
            return Err(too_large(limit));
        }
        for piece in chunk.chunks(coding.piece()) {
            let pushed = decoder.push(piece);
            pushed.map_err(|_| decoder.get_mut().refusal())?;
            if coding != Coding::Identity {
                tokio::task::yield_now().await;
            }
        }
    }
    let finished = decoder.finish();
    finished.map_err(|_| decoder.get_mut().refusal())?;
    let received = decoder.get_mut().finish()?;
    let declared = match received.form {
        Some(_) => received.file.content_type,
        None => header(headers, CONTENT_TYPE.as_str()),
    };
    let kind = recognize(&received.bytes, declared.as_deref())?;
    Ok(Upload {
        bytes: received.bytes,
        kind,
        name: received.file.name,
        sha256: received.sha256,
        parameters: received.form.unwrap_or_default(),
    })
}

/// Parser of a body that is arriving. It decodes the body, charges all of it, and limits and hashes its document.
#[derive(Debug)]
struct Incoming<'s> {
    share: &'s Share,
    form: Option<Form>,
    document: Incomplete,
    /// Rejection after which no more of the body is read.
    refused: Option<Rejection>,
}

#[derive(Debug)]
struct Incomplete {
    bytes: BytesMut,
    hash: Sha256,
    limit: u64,
}

/// Content of a complete body.
#[derive(Debug)]
struct Received {
    bytes: Bytes,
    sha256: String,
    file: FilePart,
    /// Parameters, if the body is a form.
    form: Option<Parameters>,
}

impl<'s> Incoming<'s> {
    fn new(form: Option<Form>, limit: u64, share: &'s Share) -> Self {
        Self {
            share,
            form,
            document: Incomplete {
                bytes: BytesMut::new(),
                hash: Sha256::new(),
                limit,
            },
            refused: None,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        self.share.grow(bytes.len() as u64)?;
        match &mut self.form {
            None => self.document.push(bytes),
            Some(form) => form.push(bytes, &mut |data| self.document.push(data)),
        }
    }

    /// Rejection for an error of the parser or of its decoder.
    fn refusal(&self) -> Rejection {
        self.refused.clone().unwrap_or_else(|| {
            malformed("The body does not match its Content-Encoding, or ends early; send it again, or uncompressed.")
        })
    }

    fn finish(&mut self) -> Result<Received, Rejection> {
        let (file, form) = match self.form.take() {
            None => (FilePart::default(), None),
            Some(form) => {
                let (file, parameters) = form.finish()?;
                (file, Some(parameters))
            }
        };
        let digest = std::mem::take(&mut self.document.hash).finalize();
        Ok(Received {
            bytes: std::mem::take(&mut self.document.bytes).freeze(),
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            file,
            form,
        })
    }
}

impl Write for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.refused.is_none() {
            self.refused = self.push(bytes).err();
        }
        match self.refused {
            None => Ok(bytes.len()),
            // A decoder writes its rest when it is dropped.
            Some(_) => Err(io::Error::other("the body was refused")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incomplete {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Rejection> {
        if self.bytes.len() as u64 + bytes.len() as u64 > self.limit {
            return Err(too_large(self.limit));
        }
        self.hash.update(bytes);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Detects the document's type by its bytes. Rejects a content type that contradicts it, because one of the two is not
/// what the client meant to send.
fn recognize(bytes: &[u8], declared: Option<&str>) -> Result<DocumentType, Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::new(
            ProblemKind::EmptyBody,
            "The body is empty; send the document as the body, or as the part `file` of a form.",
        ));
    }
    let supported = format!("Supported are {}.", DocumentType::names());
    let declared = declared.map(media_type);
    let Some(kind) = document::sniff(bytes) else {
        return Err(Rejection::new(
            ProblemKind::Type,
            format!("The document is {}. {supported}", document::describe(bytes)),
        ));
    };
    match declared {
        Some(declared) if !agrees(&declared, kind) => Err(Rejection::new(
            ProblemKind::Type,
            format!(
                "The content type is {declared}, but the document is a {} ({}). Send it with its own content type, or as \
                 application/octet-stream.",
                kind.name(),
                kind.media_type()
            ),
        )),
        _ => Ok(kind),
    }
}

/// True if a content type names this document type, or none in particular. curl sends
/// `application/x-www-form-urlencoded` by default.
fn agrees(declared: &str, kind: DocumentType) -> bool {
    let of_any = [
        "",
        "application/octet-stream",
        "binary/octet-stream",
        "application/x-www-form-urlencoded",
    ];
    let others: &[&str] = match kind {
        DocumentType::Pdf => &["application/x-pdf", "application/acrobat"],
        DocumentType::Png => &["image/x-png"],
        DocumentType::Jpeg => &["image/jpg", "image/pjpeg"],
        DocumentType::Tiff => &["image/tif", "image/x-tiff"],
        DocumentType::Bmp => &["image/x-bmp", "image/x-ms-bmp"],
        DocumentType::Jp2 => &["image/jpx", "image/j2c", "image/j2k", "image/x-jp2"],
        DocumentType::Heic => &["image/heif", "image/heic-sequence", "image/heif-sequence"],
        DocumentType::Avif => &["image/avif-sequence", "image/heif"],
        DocumentType::Webp | DocumentType::Gif => &[],
    };
    declared == kind.media_type() || of_any.contains(&declared) || others.contains(&declared)
}

/// Value of a header as text, if it is text.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Media type without parameters, in lower case.
fn media_type(content_type: &str) -> String {
    let end = content_type.find(';').unwrap_or(content_type.len());
    content_type[..end].trim().to_ascii_lowercase()
}

fn too_large(limit: u64) -> Rejection {
    Rejection::new(
        ProblemKind::TooLarge,
        format!("The limit is {limit} bytes; send the document in parts, or scan it at 300 dpi."),
    )
}

fn broken() -> Rejection {
    malformed("The body ended early; send it again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_generic_content_types_but_no_contradicting_ones() {
        let png = b"\x89PNG\r\n\x1a\n";
        for fine in [
            None,
            Some("image/png"),
            Some("IMAGE/PNG; x=y"),
            Some("application/octet-stream"),
            Some("application/x-www-form-urlencoded"),
        ] {
            assert_eq!(recognize(png, fine).unwrap(), DocumentType::Png);
        }
        for wrong in ["image/jpeg", "application/pdf", "text/plain"] {
            let rejection = recognize(png, Some(wrong)).unwrap_err();
            assert_eq!(rejection.kind(), ProblemKind::Type);
        }
    }
}
