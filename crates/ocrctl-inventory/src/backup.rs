//! Recipients of an environment's backups.

use ocrctl_protocol::backup::{Recipient, RecipientError};

use super::problem::Checks;
use super::schema;

pub(super) fn recipients(raw: Option<&schema::Backup>, checks: &mut Checks<'_>) -> Vec<String> {
    let mut recipients = Vec::new();
    for text in raw
        .and_then(|raw| raw.recipients.as_ref())
        .into_iter()
        .flatten()
    {
        match Recipient::parse(&text.value) {
            Ok(recipient) => recipients.push(recipient.to_string()),
            Err(error) => {
                let secret = matches!(error, RecipientError::Identity);
                let problem = checks.refuse(text.referenced, error.to_string());
                if secret {
                    problem.secret_from = problem.place.map(|place| place.column);
                }
                problem.hint(error.hint());
            }
        }
    }
    recipients
}
