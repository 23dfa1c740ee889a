//! Building and pushing, by the operator's own engine.

use std::collections::HashMap;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, BuilderVersion, PushImageOptionsBuilder,
};
use futures_util::StreamExt;

use ocrctl_agent::docker::{Engine, Layers, pull_failure};
use ocrctl_protocol::{Context, Credentials, Failure, ImageRef, Result};

/// Inputs of a build.
#[derive(Debug)]
pub struct Build {
    /// A tar archive.
    pub context: Vec<u8>,
    pub dockerfile: &'static str,
    /// `name:tag`
    pub name: String,
    pub arguments: Vec<(&'static str, String)>,
    pub labels: Vec<(&'static str, String)>,
    /// Also what was built before.
    pub anew: bool,
}

/// The engine that builds.
#[derive(Debug)]
pub struct Builder {
    docker: Docker,
    engine: Engine,
}

impl Builder {
    /// The engine that the docker command of this user talks to, but for its contexts: `DOCKER_HOST`, or this machine's.
    pub async fn of_operator() -> Result<Self> {
        let docker = Docker::connect_with_defaults().context("connecting to Docker")?;
        let docker = docker.negotiate_version().await.map_err(|error| {
            Failure::new(format!("Docker does not answer: {error}"))
                .hint("start it (`vagrant/docker-engine.sh` does), or set DOCKER_HOST")
        })?;
        Ok(Self {
            engine: docker.clone().into(),
            docker,
        })
    }

    /// Builds an image; gives Docker's name of it. `tell` gets each line that the builder writes.
    pub async fn build(&self, build: Build, mut tell: impl FnMut(&str)) -> Result<String> {
        let pairs = |list: Vec<(&'static str, String)>| -> HashMap<String, String> {
            list.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
        };
        // The classic builder: its layers are files with the times that they have.
        let options = BuildImageOptionsBuilder::new()
            .version(BuilderVersion::BuilderV1)
            .dockerfile(build.dockerfile)
            .t(&build.name)
            .nocache(build.anew)
            .rm(true)
            .forcerm(true)
            .buildargs(&pairs(build.arguments))
            .labels(&pairs(build.labels))
            .build();
        let body = bollard::body_full(build.context.into());
        let mut stream = std::pin::pin!(self.docker.build_image(options, None, Some(body)));
        let mut last: Vec<String> = Vec::new();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| {
                let from = last.len().saturating_sub(15);
                Failure::new(format!(
                    "the build failed: {error}\n{}",
                    last[from..].join("\n")
                ))
            })?;
            // The builder colours the standard error of steps red.
            let text = part.stream.unwrap_or_default();
            let text = text.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "");
            for line in text.lines() {
                if !line.trim().is_empty() {
                    tell(line);
                    last.push(line.to_owned());
                }
            }
        }
        self.engine.image_id(&build.name).await?.ok_or_else(|| {
            Failure::new(format!(
                "{} is not there, although it was built",
                build.name
            ))
        })
    }

    /// Pushes `registry/repository:tag`; gives its digest. The credentials go with this one request.
    pub async fn push(
        &self,
        to: &ImageRef,
        tag: &str,
        credentials: Option<&Credentials>,
        mut progress: impl FnMut(&str, Option<(u64, u64)>),
    ) -> Result<String> {
        let credentials = credentials.map(|credentials| DockerCredentials {
            username: Some(credentials.username.clone()),
            password: Some(credentials.password.expose().to_owned()),
            serveraddress: Some(to.registry.clone()),
            ..DockerCredentials::default()
        });
        let repository = to.place();
        let image = format!("{repository}:{tag}");
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let mut stream = std::pin::pin!(self.docker.push_image(
            &repository,
            Some(options),
            credentials
        ));
        let mut layers = Layers::default();
        while let Some(part) = stream.next().await {
            let part =
                part.map_err(|error| push_failure(&image, &to.registry, &error.to_string()))?;
            if let Some(message) = part.error_detail.and_then(|detail| detail.message) {
                return Err(push_failure(&image, &to.registry, &message));
            }
            let status = part.status.unwrap_or_default();
            let detail = part.progress_detail.unwrap_or_default();
            progress(
                &status,
                layers.note(None, &status, detail.current, detail.total),
            );
        }
        let found = self.docker.inspect_image(&image).await;
        let digests = found.context("looking at what was pushed")?.repo_digests;
        let prefix = format!("{repository}@");
        digests
            .unwrap_or_default()
            .iter()
            .find_map(|it| it.strip_prefix(&prefix).map(str::to_owned))
            .ok_or_else(|| Failure::new(format!("Docker does not know the digest of {image}")))
    }
}

fn push_failure(image: &str, registry: &str, message: &str) -> Failure {
    let mut failure = pull_failure(image, message);
    failure.message = format!("pushing {image}: {message}");
    if message.contains("x509") || message.contains("certificate") {
        failure.hint = Some(format!(
            "Docker on this machine does not know the registry's authority: put its PEM to /etc/docker/certs.d/{registry}/ca.crt"
        ));
    }
    failure
}
