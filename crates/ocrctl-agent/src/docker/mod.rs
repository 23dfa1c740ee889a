//! The host's Docker engine, over its socket.

mod container;
pub(crate) mod elsewhere;
mod images;
mod load;
mod log;
mod names;
mod published;
mod pull;
pub(crate) mod runtime;

use std::collections::HashMap;
use std::path::Path;

use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use futures_util::StreamExt;
use jiff::Timestamp;

use crate::host::loopback;
pub use container::{ContainerSpec, Fields, OWN_VARIABLE};
pub use images::Image;
pub use names::{ARCHIVE, archived, digest, repository, shown};
use ocrctl_protocol::causes::chain;
use ocrctl_protocol::{Context, Failure, Result};
pub use published::Published;
pub use pull::{Layers, pull_failure};

const SOCKET: &str = "/var/run/docker.sock";
const TIMEOUT_SECONDS: u64 = 120;

#[derive(Debug, Clone)]
pub struct Engine(Docker);

/// A container as it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Container {
    pub running: bool,
    /// The reference that it was made from.
    pub image: String,
    /// Docker's name of that image: of its configuration, so the same wherever it was pulled from.
    pub image_id: String,
    pub fields: Fields,
    pub exit_code: Option<i64>,
    /// The time of the last start; `None` if it was never started.
    pub started: Option<Timestamp>,
    /// Number of times that Docker has restarted the container after it had ended.
    pub restarts: i64,
}

impl Container {
    /// The id of the release that it was made for.
    pub fn release(&self) -> String {
        let environment = self.fields.get("environment").map_or("", String::as_str);
        environment
            .strip_prefix(OWN_VARIABLE)
            .unwrap_or_default()
            .to_owned()
    }

    /// Returns whether the container has these fields. Fields that are left open match anything.
    pub fn is_of(&self, wanted: &Fields) -> bool {
        let has = |(name, value): (&String, &String)| self.fields.get(name) == Some(value);
        wanted.iter().all(has)
    }

    /// Returns whether the container can be started as a release of these fields: it was stopped and never died.
    pub fn is_kept(&self, fields: &Fields) -> bool {
        !self.running && self.restarts == 0 && self.is_of(fields)
    }
}

/// The newest version of its API that Docker and we know. It is told with every answer; `Docker::negotiate_version` asks
/// for all versions that there are, for which Docker runs two programs each time.
async fn api_version() -> Result<ClientVersion> {
    let client = loopback::over_socket(Path::new(SOCKET))?;
    let answer = client.get("http://docker/_ping").send().await;
    let answer = answer.map_err(|error| Failure::new(chain(&error)))?;
    let told = answer.headers().get("api-version");
    told.and_then(|told| common_version(told.to_str().ok()?))
        .ok_or_else(|| Failure::new("it does not report the version of its API"))
}

/// `told` is such as `1.41`.
fn common_version(told: &str) -> Option<ClientVersion> {
    let (major, minor) = told.split_once('.')?;
    let told = ClientVersion {
        major_version: major.parse().ok()?,
        minor_version: minor.parse().ok()?,
    };
    let ours = *API_DEFAULT_VERSION;
    Some(if told < ours { told } else { ours })
}

impl From<Docker> for Engine {
    fn from(docker: Docker) -> Self {
        Self(docker)
    }
}

impl Engine {
    pub async fn connect() -> Result<Self> {
        let version = api_version().await.map_err(|error| {
            Failure::new(format!(
                "Docker does not answer on {SOCKET}: {}",
                error.message
            ))
            .hint("`systemctl status docker` on the host says why")
        })?;
        let docker = Docker::connect_with_unix(SOCKET, TIMEOUT_SECONDS, &version);
        Ok(Self(docker.context("connecting to Docker")?))
    }

    /// Such as `26.1.5+dfsg1`.
    pub async fn version(&self) -> Result<String> {
        let told = self.0.version().await;
        let told = told.context("asking Docker for its version")?;
        told.version
            .ok_or_else(|| Failure::new("Docker does not report its version"))
    }

    /// `None` if there is no such container.
    pub async fn inspect(&self, name: &str) -> Result<Option<Container>> {
        match self
            .0
            .inspect_container(name, None::<InspectContainerOptions>)
            .await
        {
            Ok(found) => Ok(Some(Container {
                running: found
                    .state
                    .as_ref()
                    .and_then(|s| s.running)
                    .unwrap_or(false),
                exit_code: found.state.as_ref().and_then(|s| s.exit_code),
                image: found
                    .config
                    .as_ref()
                    .and_then(|c| c.image.clone())
                    .unwrap_or_default(),
                fields: container::fields(&found),
                image_id: found.image.unwrap_or_default(),
                restarts: found.restart_count.unwrap_or(0),
                started: found.state.and_then(|s| started(&s.started_at?)),
            })),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => Err(error).context(format_args!("inspecting the container {name}")),
        }
    }

    /// Docker's name of an image; `None` if the host lacks this reference.
    pub async fn image_id(&self, image: &str) -> Result<Option<String>> {
        match self.0.inspect_image(image).await {
            Ok(found) => Ok(found.id),
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => {
                Err(error).context(format_args!("looking for the image {}", shown(image)))
            }
        }
    }

    /// The labels of an image; `None` if the host lacks this reference.
    pub async fn image_labels(&self, image: &str) -> Result<Option<HashMap<String, String>>> {
        match self.0.inspect_image(image).await {
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels);
                Ok(Some(labels.unwrap_or_default()))
            }
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(error) => {
                Err(error).context(format_args!("looking for the image {}", shown(image)))
            }
        }
    }

    /// When an image was made, as it says itself (RFC 3339).
    pub async fn image_created(&self, image: &str) -> Result<Option<String>> {
        let found = self
            .0
            .inspect_image(image)
            .await
            .context(format_args!("looking for the image {}", shown(image)))?;
        Ok(found.created.map(|created| created.to_string()))
    }

    pub async fn create(&self, name: &str, spec: &ContainerSpec) -> Result<()> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.0
            .create_container(Some(options), spec.body())
            .await
            .context(format_args!("creating the container {name}"))
            .map_err(|failure| runtime::explain(failure, spec.runtime.as_deref()))?;
        Ok(())
    }

    pub async fn start(&self, name: &str) -> Result<()> {
        self.0
            .start_container(name, None::<StartContainerOptions>)
            .await
            .context(format_args!("starting the container {name}"))
    }

    /// SIGTERM, then SIGKILL after `seconds`.
    pub async fn stop(&self, name: &str, seconds: u64) -> Result<()> {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        // The answer comes when the container has stopped: longer than other answers take.
        let patient = self.0.clone().with_timeout(std::time::Duration::from_secs(
            u64::from(seconds.unsigned_abs()) + TIMEOUT_SECONDS,
        ));
        match patient.stop_container(name, Some(options)).await {
            Err(Error::DockerResponseServerError {
                status_code: 304 | 404,
                ..
            }) => Ok(()),
            other => other.context(format_args!("stopping the container {name}")),
        }
    }

    /// Gives a container another name; one that is not there is fine.
    pub async fn rename(&self, from: &str, to: &str) -> Result<()> {
        let options = RenameContainerOptionsBuilder::new().name(to).build();
        match self.0.rename_container(from, options).await {
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(()),
            other => other.context(format_args!("renaming the container {from} to {to}")),
        }
    }

    pub async fn remove(&self, name: &str) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        match self.0.remove_container(name, Some(options)).await {
            Err(Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(()),
            other => other.context(format_args!("removing the container {name}")),
        }
    }

    /// The last lines that a container wrote.
    pub async fn last_words(&self, name: &str, lines: usize) -> Vec<String> {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let mut stream = std::pin::pin!(self.0.logs(name, Some(options)));
        let mut text = String::new();
        while let Some(Ok(part)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&part.into_bytes()));
        }
        text.lines().map(str::to_owned).collect()
    }
}

/// Docker writes the year 1 for never.
fn started(text: &str) -> Option<Timestamp> {
    let at = text.parse().ok();
    at.filter(|at| *at > Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_version_of_the_api_is_spoken() {
        let common = |told| common_version(told).map(|version| version.to_string());
        assert_eq!(common("1.41").as_deref(), Some("1.41"));
        assert_eq!(common("1.9").as_deref(), Some("1.9"));
        assert_eq!(common("9.0"), Some(API_DEFAULT_VERSION.to_string()));
        assert_eq!((common(""), common("latest")), (None, None));
    }

    #[test]
    fn reads_no_time_of_a_container_never_started() {
        assert!(started("2026-01-01T10:00:00.123456789Z").is_some());
        assert_eq!(started("0001-01-01T00:00:00Z"), None);
    }
}
