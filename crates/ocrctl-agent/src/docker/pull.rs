//! Images that Docker gets from a registry: how far it has come, and why it could not.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::{ARCHIVE, Engine, shown};
use ocrctl_protocol::{Credentials, Failure, Result};

impl Engine {
    /// Pulls `registry/name@sha256:…`. The credentials go with this one request; Docker keeps none.
    pub async fn pull(
        &self,
        image: &str,
        registry: &str,
        credentials: Option<&Credentials>,
        mut progress: impl FnMut(&str, Option<(u64, u64)>),
    ) -> Result<()> {
        let credentials = credentials.map(|credentials| DockerCredentials {
            username: Some(credentials.username.clone()),
            password: Some(credentials.password.expose().to_owned()),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        });
        let options = CreateImageOptionsBuilder::new().from_image(image).build();
        let mut stream = std::pin::pin!(self.0.create_image(Some(options), None, credentials));
        let mut layers = Layers::default();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| pull_failure(image, &error.to_string()))?;
            if let Some(message) = part.error_detail.and_then(|detail| detail.message) {
                return Err(pull_failure(image, &message));
            }
            let status = part.status.unwrap_or_default();
            let detail = part.progress_detail.unwrap_or_default();
            progress(
                &status,
                layers.note(part.id, &status, detail.current, detail.total),
            );
        }
        Ok(())
    }
}

/// Bytes pulled so far over all layers.
#[derive(Debug, Default)]
pub struct Layers(std::collections::HashMap<String, (u64, u64)>);

impl Layers {
    /// The sum, with what Docker has just told of one of them.
    pub fn note(
        &mut self,
        layer: Option<String>,
        status: &str,
        current: Option<i64>,
        total: Option<i64>,
    ) -> Option<(u64, u64)> {
        if status == "Downloading"
            && let (Some(layer), Some(current), Some(total)) = (layer, current, total)
        {
            let part = (u64::try_from(current).ok()?, u64::try_from(total).ok()?);
            self.0.insert(layer, part);
        }
        let sum = self
            .0
            .values()
            .fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        (sum.1 > 0).then_some(sum)
    }
}

/// Why Docker could not get an image, with what to do about it.
pub fn pull_failure(image: &str, message: &str) -> Failure {
    let has = |words: &[&str]| {
        words
            .iter()
            .any(|word| message.to_lowercase().contains(word))
    };
    let name = shown(image);
    if image.starts_with(ARCHIVE) && has(&["refused"]) {
        let text = format!("{name} came from an archive, and Docker does not have it any more");
        return Failure::new(text).hint("`ocrctl deploy --archive` brings it again");
    }
    let failure = Failure::new(format!("pulling {name}: {message}"));
    if has(&["no space left"]) {
        failure.hint("free space on the host (`df -h /var/lib/docker`), then deploy again; the running release was not touched")
    } else if has(&[
        "unauthorized",
        "authentication required",
        "denied",
        "no basic auth",
    ]) {
        failure.hint("the registry refuses these credentials: check registry.username and registry.password in the inventory")
    } else if has(&["x509", "certificate"]) {
        failure.hint("the registry's certificate is from an authority unknown to the host: name its PEM file in registry.ca")
    } else if has(&["not found", "manifest unknown"]) {
        failure.hint("check the image's name and digest, and that it was pushed")
    } else if has(&["no such host", "dial tcp", "timeout", "refused"]) {
        failure
            .hint("the host can't reach the registry: check its name, port and the network between")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_pull_says_what_to_do() {
        let hint = |message: &str| {
            pull_failure("r/i@sha256:0", message)
                .hint
                .unwrap_or_default()
        };
        assert!(hint("unauthorized: authentication required").contains("registry.password"));
        assert!(hint("write /var/lib/docker/x: no space left on device").contains("df -h"));
        let archived = format!("{ARCHIVE}/r.example/o/n@sha256:0");
        let archived = pull_failure(
            &archived,
            &format!("dial tcp {ARCHIVE}: connection refused"),
        );
        assert!(
            archived
                .message
                .starts_with("r.example/o/n@sha256:0 came from")
        );
        assert!(!archived.message.contains(ARCHIVE));
        assert!(archived.hint.unwrap_or_default().contains("--archive"));
        assert!(hint("x509: certificate signed by unknown authority").contains("registry.ca"));
    }

    #[test]
    fn layers_add_up() {
        let mut layers = Layers::default();
        layers.note(Some("a".into()), "Downloading", Some(5), Some(10));
        let sum = layers.note(Some("b".into()), "Downloading", Some(1), Some(30));
        assert_eq!(sum, Some((6, 40)));
    }
}
