//! Does the image belong to the organization, or to somebody's own account at a registry?

use super::Seen;
use crate::host::Host;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{Failure, Result};

pub(super) async fn check(_: &Host, scope: &Scope) -> Result<Seen> {
    let Some(organization) = &scope.ownership.organization else {
        return Err(Failure::new(
            "the inventory does not say which organization the image shall belong to",
        )
        .hint("add `ownership: {organization: NAME}`"));
    };
    Ok(compare(&scope.image, organization, &scope.environment))
}

fn compare(image: &str, organization: &str, environment: &str) -> Seen {
    let (registry, repository) = image.split_once('/').unwrap_or(("", image));
    let mend = format!(
        "ocrctl migrate-registry {environment} --to {registry}/{organization}/{}",
        name(repository)
    );
    match repository.split_once('/') {
        Some((owner, _)) if owner == organization => {
            Seen::ok(format!("{organization} at {registry}"))
        }
        Some((owner, _)) => Seen::finding(
            format!("the image belongs to `{owner}` at {registry}, not to `{organization}`"),
            mend,
        ),
        None => Seen::finding(format!("the image belongs to nobody at {registry}"), mend),
    }
}

/// The repository's last part, without tag and digest.
fn name(repository: &str) -> &str {
    let last = repository.rsplit('/').next().unwrap_or(repository);
    last.split(['@', ':']).next().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_the_first_part_of_the_repository() {
        let found = |image: &str| compare(image, "example-org", "prod").findings;
        assert_eq!(found("ghcr.io/example-org/ocr-service:1"), []);
        assert_eq!(
            found("registry.example.org:5000/example-org/team/ocr@sha256:0"),
            []
        );
        let own = found("ghcr.io/ann/ocr-service:1@sha256:00");
        assert!(own[0].found.contains("`ann` at ghcr.io"));
        assert_eq!(
            own[0].mend,
            "ocrctl migrate-registry prod --to ghcr.io/example-org/ocr-service"
        );
        assert_eq!(found("registry.example.org/ocr:1").len(), 1);
        assert_eq!(found("ghcr.io/example-org-of-ann/ocr:1").len(), 1);
    }
}
