//! Packages that a deploy would install, and packages that apt would remove for them: that needs the inventory's consent.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use crate::resources::package::Packages;
use crate::resources::package::apt::{self, Removed, Simulated};
use crate::stack;
use ocrctl_protocol::{Detail, Result};

pub(super) async fn check(host: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let scope = asked.scope;
    let packages = Packages {
        names: stack::packages(scope.certbot, scope.security_upgrades),
        may_remove: scope.packages.may_remove.clone(),
    };
    // A Docker that can't be used is the docker check's to report.
    let missing = packages.missing(host).await?.names;
    if missing.is_empty() {
        return Ok(Seen::ok("all are installed"));
    }
    let simulated = apt::simulate(host, &missing).await;
    Ok(compare(&packages, &missing, simulated))
}

fn compare(packages: &Packages, missing: &[&str], simulated: Result<Simulated>) -> Seen {
    let removed: Vec<Removed> = match simulated {
        Ok(simulated) => simulated.removed,
        Err(failure) => {
            let why = failure
                .message
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned();
            let mut seen = Seen::default();
            seen.unread.push(format!(
                "apt can't say yet what it would change, as a deploy first fetches its lists: {why}"
            ));
            return seen;
        }
    };
    if let Some(Detail::Blocked { text, hint }) = packages.refusal(missing, &removed) {
        return Seen::finding(text, hint);
    }
    let names: Vec<&str> = removed.iter().map(|it| it.name.as_str()).collect();
    let installs = format!("a deploy installs {}", missing.join(", "));
    Seen::ok(match names.is_empty() {
        true => format!("{installs}; nothing is removed for it"),
        false => format!(
            "{installs}, and removes {}, as the inventory allows",
            names.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::Failure;

    #[test]
    fn a_removal_is_a_finding_until_the_inventory_allows_it() {
        let packages = |may_remove: &[&str]| Packages {
            names: vec!["ufw"],
            may_remove: may_remove.iter().map(|it| (*it).to_owned()).collect(),
        };
        let simulated = |names: &[&str]| {
            let removed = names.iter().map(|name| Removed {
                name: (*name).to_owned(),
                version: "1".into(),
            });
            Ok(Simulated {
                removed: removed.collect(),
                replaced: Vec::new(),
            })
        };
        let none = compare(&packages(&[]), &["ufw"], simulated(&[]));
        assert_eq!(
            none,
            Seen::ok("a deploy installs ufw; nothing is removed for it")
        );
        let gone = ["iptables-persistent"];
        let unasked = compare(&packages(&[]), &["ufw"], simulated(&gone));
        assert!(unasked.findings[0].fix.contains("may_remove"));
        let consented = compare(&packages(&gone), &["ufw"], simulated(&gone));
        assert_eq!(
            consented,
            Seen::ok(
                "a deploy installs ufw, and removes iptables-persistent, as the inventory allows"
            )
        );
        let bare = compare(&packages(&[]), &["ufw"], Err(Failure::new("E: no lists")));
        assert_eq!((bare.findings.len(), bare.unread.len()), (0, 1));
    }
}
