//! The image that the inventory names is there, for this processor and with the inventory's languages.

use super::{Asked, architecture};
use crate::checks::Seen;
use crate::host::Host;
use crate::resources::release::models;
use ocrctl_protocol::doctor::Scope;
use ocrctl_protocol::{Failure, ImageRef, Result};
use ocrctl_registry::{RegistryError, Repository};

/// A digest; `None` if there is no such image.
pub(super) type Answer = std::result::Result<Option<String>, RegistryError>;

pub(super) async fn check(_: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let (image, repository) = (&asked.scope.image, repository(asked.scope)?);
    let digest = digest(image, &repository).await.map_err(unanswered)?;
    let Some(digest) = digest else {
        return Ok(Seen::finding(
            format!("there is no {image}"),
            "check its name and tag, and that it was pushed (`ocrctl build --push`)",
        ));
    };
    let platforms = repository.platforms(&digest).await.map_err(unanswered)?;
    let mut seen = compare(&image.to_string(), &platforms, std::env::consts::ARCH);
    if seen.findings.is_empty() {
        let about = ocrctl_registry::about(&image.pinned(digest), &asked.scope.registry).await?;
        if let Some(lacking) = models::lacking(&asked.scope.languages, about.languages.as_deref()) {
            seen.find(lacking.message, lacking.hint.unwrap_or_default());
        }
    }
    Ok(seen)
}

/// Of the image that is to be deployed, asked from here.
pub(super) fn repository(scope: &Scope) -> Result<Repository> {
    Repository::of(&scope.image, &scope.registry)
        .map_err(|error| Failure::new(error.to_string()).hint(error.hint()))
}

pub(super) async fn digest(image: &ImageRef, repository: &Repository) -> Answer {
    let reference = image.digest.as_deref().or(image.tag.as_deref());
    repository.digest(reference.unwrap_or("latest")).await
}

/// The check of the registry says what to do.
fn unanswered(error: RegistryError) -> Failure {
    Failure::new(format!("the registry did not answer: {error}"))
}

fn compare(image: &str, platforms: &[String], machine: &str) -> Seen {
    let wanted = architecture::of_docker(machine).unwrap_or(machine);
    let fits = |platform: &&String| {
        let mut parts = platform.split('/');
        (parts.next(), parts.next()) == (Some("linux"), Some(wanted))
    };
    match platforms.iter().find(fits) {
        Some(platform) => Seen::ok(format!("{image} is there for {platform}")),
        None => Seen::finding(
            format!(
                "{image} is there for {}, and this host needs linux/{wanted}",
                if platforms.is_empty() {
                    "no platform".to_owned()
                } else {
                    platforms.join(", ")
                }
            ),
            "build it on such a machine (`ocrctl build --push`), or take a host that it is for",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_platform_must_be_the_hosts() {
        let both = ["linux/amd64".to_owned(), "linux/arm64/v8".to_owned()];
        assert_eq!(
            compare("r/o/n:1", &both, "aarch64"),
            Seen::ok("r/o/n:1 is there for linux/arm64/v8")
        );
        assert_eq!(compare("r/o/n:1", &both, "x86_64").findings, []);
        let found = compare("r/o/n:1", &both[..1], "aarch64")
            .findings
            .remove(0)
            .found;
        assert_eq!(
            found,
            "r/o/n:1 is there for linux/amd64, and this host needs linux/arm64"
        );
    }
}
