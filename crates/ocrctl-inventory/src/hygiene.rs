//! Settings kept in order beside the service, each unless it is switched off.

use ocrctl_protocol::Hygiene;

use super::problem::Checks;
use super::schema;
use super::service::yes_or_no;

pub(super) fn read(raw: Option<&schema::Hygiene>, checks: &mut Checks<'_>) -> Hygiene {
    let default = schema::Hygiene::default();
    let raw = raw.unwrap_or(&default);
    Hygiene {
        security_upgrades: checks.value(&raw.security_upgrades, true, yes_or_no),
        sshd: checks.value(&raw.sshd, true, yes_or_no),
    }
}
