//! Which authorities may issue for a name (RFC 8659).

use hickory_resolver::proto::rr::rdata::CAA;

use super::dns::{Dns, DnsError};

/// The CAA record that forbids issuance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forbidden {
    /// The name whose records count: the nearest with any, from the name itself upwards.
    pub(super) at: String,
    /// The authorities that may.
    pub(super) allowed: Vec<String>,
}

/// Checks whether an authority of these names may issue for `name`.
pub(super) async fn check(
    dns: &Dns,
    name: &str,
    identities: &[String],
) -> Result<Option<Forbidden>, DnsError> {
    let mut at = name;
    loop {
        let records = dns.caa(at).await?;
        if !records.is_empty() {
            return Ok(judge(&records, identities).map(|allowed| Forbidden {
                at: at.to_owned(),
                allowed,
            }));
        }
        match at.split_once('.') {
            Some((_, parent)) => at = parent,
            None => return Ok(None),
        }
    }
}

/// The authorities that the records allow, unless one of `identities` is among them.
fn judge(records: &[CAA], identities: &[String]) -> Option<Vec<String>> {
    let issue: Vec<&CAA> = records
        .iter()
        .filter(|record| record.tag.eq_ignore_ascii_case("issue"))
        .collect();
    // Records of other kinds alone restrict nothing (RFC 8659, 4.1).
    if issue.is_empty() {
        return None;
    }
    let allowed: Vec<String> = issue
        .iter()
        .filter_map(|record| record.value_as_issue().ok()?.0)
        .map(|name| name.to_utf8().trim_end_matches('.').to_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let ours = |name: &String| {
        identities
            .iter()
            .any(|identity| identity.eq_ignore_ascii_case(name))
    };
    (!allowed.iter().any(ours)).then_some(allowed)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Name;

    use super::*;

    fn issue(name: &str) -> CAA {
        CAA::new_issue(false, Some(Name::from_ascii(name).unwrap()), Vec::new())
    }

    #[test]
    fn one_fitting_record_is_enough_and_none_forbids() {
        let ours = ["ca.example".to_owned(), "ca.example.net".to_owned()];
        assert_eq!(
            judge(&[issue("other.example"), issue("CA.example.net")], &ours),
            None
        );
        assert_eq!(
            judge(&[issue("other.example")], &ours),
            Some(vec!["other.example".to_owned()])
        );
        // `issue ";"` allows nobody.
        assert_eq!(
            judge(&[CAA::new_issue(false, None, Vec::new())], &ours),
            Some(vec![])
        );
        // A wildcard's rule says nothing about a plain name.
        let wild = CAA::new_issuewild(false, None, Vec::new());
        assert_eq!(judge(&[wild], &ours), None);
    }
}
