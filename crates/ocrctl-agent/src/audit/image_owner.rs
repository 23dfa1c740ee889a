//! Does the image belong to the organization, or to somebody's own account at a registry?

use super::Seen;
use crate::host::Host;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{Failure, ImageRef, Result};

pub(super) async fn check(_: &Host, scope: &Scope) -> Result<Seen> {
    let Some(organization) = &scope.ownership.organization else {
        return Err(Failure::new(
            "the inventory does not say which organization the image shall belong to",
        )
        .hint("add `ownership: {organization: NAME}`"));
    };
    Ok(compare(&scope.image, organization, &scope.environment))
}

fn compare(image: &ImageRef, organization: &str, environment: &str) -> Seen {
    let ImageRef {
        registry,
        repository,
        ..
    } = image;
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let fix =
        format!("ocrctl migrate-registry {environment} --to {registry}/{organization}/{name}");
    match repository.split_once('/') {
        Some((owner, _)) if owner == organization => {
            Seen::ok(format!("{organization} at {registry}"))
        }
        Some((owner, _)) => Seen::finding(
            format!("the image belongs to `{owner}` at {registry}, not to `{organization}`"),
            fix,
        ),
        None => Seen::finding(format!("the image has no owner at {registry}"), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_the_first_part_of_the_repository() {
        let found = |image: &str| {
            let image = ImageRef::parse(image).unwrap();
            compare(&image, "example-org", "prod").findings
        };
        let digest = format!("sha256:{}", "0".repeat(64));
        assert_eq!(found("ghcr.io/example-org/ocr-service:1"), []);
        assert_eq!(
            found(&format!(
                "registry.example.org:5000/example-org/team/ocr@{digest}"
            )),
            []
        );
        let own = found(&format!("ghcr.io/ann/ocr-service:1@{digest}"));
        assert!(own[0].found.contains("`ann` at ghcr.io"));
        assert_eq!(
            own[0].fix,
            "ocrctl migrate-registry prod --to ghcr.io/example-org/ocr-service"
        );
        assert_eq!(found("registry.example.org/ocr:1").len(), 1);
        assert_eq!(found("ghcr.io/example-org-of-ann/ocr:1").len(), 1);
    }
}
