//! Reads a file that is embedded in a PDF instead of the PDF itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ocr_api::answer::{Attachment, DocumentType};
use ocr_api::problem::ProblemKind;
use sha2::{Digest, Sha256};
use tokio::time::timeout_at;

use super::conclusion::too_late;
use super::{count, of_failure};
use crate::document::{self, Document, Open};
use crate::http::Service;
use crate::http::intake::negotiate::Format;
use crate::http::intake::{self, Incoming, Intake};
use crate::http::outcome::access::Noted;
use crate::http::outcome::error::Rejection;
use crate::memory::Charged;

/// Receives the document of a request, or the attachment of it that the request names. `formats` are those of the
/// route.
pub(crate) async fn receive(
    service: &Service,
    incoming: Incoming,
    formats: &[Format],
    noted: &mut Noted,
) -> Result<Intake, Rejection> {
    let mut intake = intake::receive(service, incoming, formats, noted).await?;
    open(service, &mut intake).await?;
    Ok(intake)
}

/// Replaces the document of the request by the attachment that it names, if it names one. The same limits apply to the
/// attachment.
async fn open(service: &Service, intake: &mut Intake) -> Result<(), Rejection> {
    let Some(wanted) = &intake.wanted.attachment else {
        return Ok(());
    };
    let attachments = if intake.document.kind == DocumentType::Pdf {
        count(service, intake, &intake.deadline.into())
            .await?
            .attachments
    } else {
        Vec::new()
    };
    let (number, name) = find(&attachments, wanted)?;
    let limit = service.limits.max_upload;
    let extracted = service.pool.extract(&intake.document, number, limit);
    let Charged {
        value: bytes,
        charge,
    } = timeout_at(intake.deadline, extracted)
        .await
        .map_err(|_| too_late())?
        .map_err(of_failure)?;
    let kind = document::sniff(&bytes).ok_or_else(|| {
        Rejection::new(
            ProblemKind::Type,
            format!(
                "The attachment is {}. Supported are {}.",
                document::describe(&bytes),
                DocumentType::names()
            ),
        )
    })?;
    let digest = Sha256::digest(&bytes);
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = &intake.share.owner().key;
    if let Some(left) = service.pool.document_refused(key, &sha256) {
        return Err(Rejection::quarantined(left));
    }
    intake.name = Some(name);
    intake.document = Arc::new(Document {
        id: service.next_document.fetch_add(1, Ordering::Relaxed),
        kind,
        bytes: Bytes::from(bytes),
        sha256,
        languages: intake.document.languages.clone(),
        password: intake.document.password.clone(),
        owner: intake.document.owner.clone(),
        charge,
        open: Open::default(),
    });
    Ok(())
}

/// Finds an attachment by its name, or else by its number. Returns its number and name.
fn find(attachments: &[Attachment], wanted: &str) -> Result<(u32, String), Rejection> {
    let named = attachments.iter().find(|one| one.name == wanted);
    let numbered = || {
        let number: u32 = wanted.parse().ok()?;
        attachments.iter().find(|one| one.number == number)
    };
    let found = named.or_else(numbered);
    found.map_or_else(
        || {
            Err(Rejection::new(
                ProblemKind::Malformed,
                format!(
                    "`attachment` names no file that is embedded in the document. The document has {}; POST /v1/inspect lists them in \
                     `document.attachments`.",
                    attachments.len()
                ),
            ))
        },
        |one| Ok((one.number, one.name.clone())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_attachments_by_name_before_number() {
        let names = ["a.pdf", "1", "a.pdf"];
        let attachments: Vec<Attachment> = (1..)
            .zip(names)
            .map(|(number, name)| Attachment {
                number,
                name: name.to_owned(),
                bytes: None,
            })
            .collect();
        let number = |wanted| find(&attachments, wanted).ok().map(|(number, _)| number);
        assert_eq!(number("a.pdf"), Some(1));
        assert_eq!(number("1"), Some(2));
        assert_eq!(number("3"), Some(3));
        for wrong in ["0", "4", "b.pdf", "-1", "99999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }
}
