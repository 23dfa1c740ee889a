//! The document in a request: a raw body, or the part `file` of a multipart form.

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use multer::{Constraints, Multipart, SizeLimit};
use ocr_api::answer::DocumentType;
use ocr_api::problem::ProblemKind;
use sha2::{Digest, Sha256};

use super::error::Rejection;
use super::share::Share;
use crate::document;

/// Part headers and fields beside the file.
const FORM_OVERHEAD: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) bytes: Bytes,
    pub(super) kind: DocumentType,
    /// The file name that the client gave.
    pub(super) name: Option<String>,
    /// In hex.
    pub(super) sha256: String,
}

/// Refuses a document by the length that its request announces.
pub(super) fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), Rejection> {
    let announced =
        header(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
    let overhead = form_type(headers).map_or(0, |_| FORM_OVERHEAD);
    if announced.is_some_and(|length| length > limit.saturating_add(overhead)) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// The content type of a form, if it is one.
fn form_type(headers: &HeaderMap) -> Option<String> {
    header(headers, CONTENT_TYPE.as_str())
        .filter(|value| media_type(value) == "multipart/form-data")
}

/// Takes the document in, up to `limit` bytes. After an error, `body` may hold more.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: &mut BodyDataStream,
    limit: u64,
    share: &Share,
) -> Result<Upload, Rejection> {
    let mut file = Incoming::new(limit, share);
    let (declared, name) = if let Some(form) = form_type(headers) {
        receive_form(&form, body, &mut file).await?
    } else {
        while let Some(chunk) = body.next().await {
            file.push(&chunk.map_err(|_| broken())?)?;
        }
        (header(headers, CONTENT_TYPE.as_str()), None)
    };
    let (bytes, sha256) = file.finish();
    let kind = recognize(&bytes, declared.as_deref())?;
    Ok(Upload {
        bytes,
        kind,
        name,
        sha256,
    })
}

/// The content type and the file name of the part `file`, which goes to `file`.
async fn receive_form(
    content_type: &str,
    body: &mut BodyDataStream,
    file: &mut Incoming<'_>,
) -> Result<(Option<String>, Option<String>), Rejection> {
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| malformed("The content type multipart/form-data has no boundary."))?;
    let limits = SizeLimit::new().whole_stream(file.limit.saturating_add(FORM_OVERHEAD));
    let constraints = Constraints::new().size_limit(limits);
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    let form_error = |error: multer::Error, limit: u64| match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(limit),
        multer::Error::StreamReadFailed(_) => broken(),
        other => malformed(format!("The form is not well formed: {other}.")),
    };
    let mut found = None;
    while let Some(mut field) = form
        .next_field()
        .await
        .map_err(|error| form_error(error, file.limit))?
    {
        if field.name() != Some("file") {
            continue;
        }
        if found.is_some() {
            return Err(malformed(
                "The form has several parts named `file`; send one document a request.",
            ));
        }
        found = Some((
            field.content_type().map(ToString::to_string),
            field.file_name().map(short_name),
        ));
        while let Some(chunk) = field
            .chunk()
            .await
            .map_err(|error| form_error(error, file.limit))?
        {
            file.push(&chunk)?;
        }
    }
    found.ok_or_else(|| {
        Rejection::new(
            ProblemKind::EmptyBody,
            "The form has no part named `file`; send the document in one (curl -F file=@document.pdf).",
        )
    })
}

/// A document as it comes in: counted, limited and hashed.
struct Incoming<'s> {
    bytes: BytesMut,
    hash: Sha256,
    limit: u64,
    share: &'s Share,
}

impl<'s> Incoming<'s> {
    fn new(limit: u64, share: &'s Share) -> Self {
        Self {
            bytes: BytesMut::new(),
            hash: Sha256::new(),
            limit,
            share,
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), Rejection> {
        if self.bytes.len() as u64 + chunk.len() as u64 > self.limit {
            return Err(too_large(self.limit));
        }
        self.share.grow(chunk.len() as u64)?;
        self.hash.update(chunk);
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> (Bytes, String) {
        let digest = self.hash.finalize();
        let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (self.bytes.freeze(), hex)
    }
}

/// The type by the bytes. A content type that says something else is an error: one of the two is not what the client
/// meant to send.
fn recognize(bytes: &[u8], declared: Option<&str>) -> Result<DocumentType, Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::new(
            ProblemKind::EmptyBody,
            "The body is empty; send the document as the body, or as the part `file` of a form.",
        ));
    }
    let supported = "Supported are PDF, PNG, JPEG, TIFF and WebP.";
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
                "The content type is {declared}, but the document is a {} ({}). Send it as what it is, or as \
                 application/octet-stream.",
                kind.name(),
                kind.media_type()
            ),
        )),
        _ => Ok(kind),
    }
}

/// Whether a content type names this type, or none in particular. `application/x-www-form-urlencoded` is what curl says
/// of any body when it is told nothing.
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
        DocumentType::Webp => &[],
    };
    declared == kind.media_type() || of_any.contains(&declared) || others.contains(&declared)
}

/// The last part of a path, of bearable length.
fn short_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// A header's value as text, if it is some.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Without parameters, in lower case.
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
    malformed("The body broke off before its end; send it again.")
}

fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(ProblemKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_may_say_nothing_but_not_something_else() {
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

    #[test]
    fn a_name_is_a_name_and_no_path() {
        assert_eq!(short_name("../../etc/scan.pdf"), "scan.pdf");
        assert_eq!(short_name("C:\\docs\\scan\n.pdf"), "scan.pdf");
        assert_eq!(short_name(&"x".repeat(1000)).len(), 255);
    }
}
