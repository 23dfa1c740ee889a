//! Whom the certificate authority writes to: an address of the organization, or a person's own?

use super::Seen;
use super::packaged::files;
use crate::host::Host;
use crate::resources::certificate::ACCOUNTS;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

/// Providers whose addresses belong to persons, by the part before the last dots where they have many.
const FREE_MAIL: [&str; 30] = [
    "126",
    "163",
    "aol",
    "fastmail",
    "free",
    "gmail",
    "gmx",
    "googlemail",
    "hey",
    "hotmail",
    "icloud",
    "laposte",
    "libero",
    "live",
    "mail",
    "mailbox",
    "me",
    "msn",
    "orange",
    "outlook",
    "pm",
    "posteo",
    "proton",
    "protonmail",
    "qq",
    "t-online",
    "tutanota",
    "web",
    "yahoo",
    "yandex",
];

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let account = !files(host, ACCOUNTS)?.is_empty();
    Ok(compare(scope.acme_contact.as_deref(), account, scope))
}

/// `account`: whether the host has an account at an ACME server.
fn compare(contact: Option<&str>, account: bool, scope: &Scope) -> Seen {
    let Some(contact) = contact else {
        return if account {
            Seen::finding(
                "the ACME account has no contact, so the authority can report trouble to no one",
                "add `contact: ADDRESS` under `tls`, with an address that outlives its readers",
            )
        } else {
            Seen::ok("there is no ACME account")
        };
    };
    let address = contact.strip_prefix("mailto:").unwrap_or(contact);
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let domain = domain.to_ascii_lowercase();
    let fix = format!(
        "write a shared address such as hostmaster@{} into `tls.contact`, then `ocrctl deploy {}`",
        own_domain(scope),
        scope.environment
    );
    if is_own(&domain, scope) {
        return Seen::ok(format!("{address} is of the organization"));
    }
    if is_free_mail(&domain) {
        let found = format!("{address} is an address of a person: {domain} is a mail provider");
        return Seen::finding(found, fix);
    }
    let found = format!("{address}: {domain} is no domain of the organization");
    Seen::finding(
        found,
        format!("{fix}; if it is one, add it to `ownership.domains`"),
    )
}

/// One of the inventory, or one that a served name is in.
fn is_own(domain: &str, scope: &Scope) -> bool {
    let within = |name: &str, domain: &str| {
        name == domain
            || name
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let own = |own: &String| within(domain, own);
    scope.ownership.domains.iter().any(own)
        || (domain.contains('.')
            && !is_free_mail(domain)
            && scope.names.iter().any(|name| within(name, domain)))
}

fn is_free_mail(domain: &str) -> bool {
    // `yahoo.co.uk`, `mail.ru`, but not `mail.example.org`.
    let (first, rest) = domain.split_once('.').unwrap_or((domain, ""));
    FREE_MAIL.contains(&first) && rest.len() <= 6
}

fn own_domain(scope: &Scope) -> &str {
    let named = scope.ownership.domains.first().map(String::as_str);
    let served = scope.names.first().map(String::as_str).unwrap_or_default();
    named.unwrap_or_else(|| served.split_once('.').map_or(served, |(_, parent)| parent))
}

#[cfg(test)]
mod tests {
    use super::super::tests::scope;
    use super::*;

    #[test]
    fn only_an_address_of_the_organization_outlives_a_person() {
        let mut scope = scope();
        scope.ownership.domains = vec!["example.com".into()];
        let findings = |contact| compare(contact, true, &scope).findings;
        for own in [
            "admin@example.org",
            "mailto:ops@Example.COM",
            "x@eu.example.com",
            "a@ocr.example.org",
        ] {
            assert_eq!(findings(Some(own)), [], "{own}");
        }
        for (theirs, words) in [
            ("ann.miller@gmail.com", "mail provider"),
            ("ann@yahoo.co.uk", "mail provider"),
            ("ann@miller.example.net", "no domain of the organization"),
            ("ann@notexample.org", "no domain of the organization"),
            ("ann@org", "no domain of the organization"),
            ("ann", "no domain of the organization"),
        ] {
            let found = findings(Some(theirs));
            assert!(found[0].found.contains(words), "{found:?}");
            assert!(found[0].fix.contains("hostmaster@example.com"));
        }
        assert_eq!(findings(None).len(), 1);
        assert_eq!(compare(None, false, &scope).findings, []);
    }
}
