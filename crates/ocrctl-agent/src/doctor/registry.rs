//! The registry is reached from the host, and lets it in.

use super::Asked;
use super::image::{self, Answer};
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::{Failure, Result};
use ocrctl_registry::RegistryError;

pub(super) async fn check(_: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let scope = asked.scope;
    let repository = image::repository(scope)?;
    let credentials = scope.registry.credentials.as_ref();
    let asked = image::digest(&scope.image, &repository).await;
    compare(
        &scope.image.registry,
        credentials.map(|it| it.username.as_str()),
        asked,
    )
}

fn compare(registry: &str, user: Option<&str>, asked: Answer) -> Result<Seen> {
    let whom = user.map_or("anyone".to_owned(), |user| format!("`{user}`"));
    match asked {
        // That it has no such image is what somebody may know who was let in.
        Ok(_) => Ok(Seen::ok(format!("{registry} lets {whom} in"))),
        Err(RegistryError::Refused { .. }) => Ok(Seen::finding(
            format!("{registry} refuses {whom}"),
            match user {
                Some(_) => {
                    "check `registry.username` and `registry.password` in the inventory, and what the user may pull"
                }
                None => {
                    "name a user in the inventory: `registry: {username: …, password: {env: …}}`"
                }
            },
        )),
        Err(error @ RegistryError::Unreachable { .. }) => {
            let text = error.to_string();
            let fix = if text.contains("UnknownIssuer") {
                "name the PEM file of its certificate's authority in `registry.ca`"
            } else {
                "check its name and port, the host's DNS, and the firewalls and proxies between them"
            };
            Ok(Seen::finding(text, fix))
        }
        Err(error) => Err(Failure::new(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Answer {
        Err(RegistryError::Refused {
            place: "registry.example.org/o/n".into(),
            doing: "looking up 1".into(),
        })
    }

    #[test]
    fn in_or_out_or_nowhere() {
        let judged = |user, asked| compare("registry.example.org", user, asked);
        let seen = judged(Some("ocr"), Ok(None)).unwrap();
        assert_eq!(seen, Seen::ok("registry.example.org lets `ocr` in"));
        assert!(
            judged(Some("ocr"), refused()).unwrap().findings[0]
                .fix
                .contains("registry.password")
        );
        assert!(
            judged(None, refused()).unwrap().findings[0]
                .fix
                .contains("name a user")
        );
        let unreachable = RegistryError::Unreachable {
            place: "registry.example.org/o/n".into(),
            doing: "looking up 1".into(),
            reason: "invalid peer certificate: UnknownIssuer".into(),
        };
        assert!(
            judged(None, Err(unreachable)).unwrap().findings[0]
                .fix
                .contains("registry.ca")
        );
        let broken = RegistryError::Failed {
            place: "registry.example.org/o/n".into(),
            doing: "looking up 1".into(),
            reason: "500".into(),
        };
        assert!(judged(None, Err(broken)).is_err());
    }
}
