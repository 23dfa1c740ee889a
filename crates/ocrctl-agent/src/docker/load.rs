//! Lists an engine's images and loads others.

use std::time::Duration;

use bollard::query_parameters::{ImportImageOptionsBuilder, ListImagesOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::Engine;
use ocrctl_protocol::{Context, Failure, Result};

/// Docker answers when it has all of it, over however slow a line.
const TIMEOUT: Duration = Duration::from_secs(24 * 3600);

impl Engine {
    /// The layers of each image, the lowest first, by the digests of what they hold.
    pub async fn images_layers(&self) -> Result<Vec<Vec<String>>> {
        let listing = "listing Docker's images";
        let options = ListImagesOptionsBuilder::new().all(true).build();
        let images = self.0.list_images(Some(options)).await.context(listing)?;
        let mut all = Vec::new();
        for image in images {
            // One that has gone meanwhile has no layers.
            let Ok(found) = self.0.inspect_image(&image.id).await else {
                continue;
            };
            all.extend(found.root_fs.and_then(|it| it.layers));
        }
        Ok(all)
    }

    /// Returns whether containerd keeps the images. By default, Docker's own store does.
    pub async fn is_containerd(&self) -> Result<bool> {
        let info = self.0.info().await.context("asking Docker about itself")?;
        let status = info.driver_status.unwrap_or_default();
        Ok(status
            .iter()
            .flatten()
            .any(|it| it.contains("io.containerd.")))
    }

    /// Gives Docker an archive, as `docker load` does.
    pub async fn load(&self, tar: impl Stream<Item = Bytes> + Send + 'static) -> Result<()> {
        let patient = self.0.clone().with_timeout(TIMEOUT);
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let answers = patient.import_image(options, bollard::body_stream(tar), None);
        let mut answers = std::pin::pin!(answers);
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| failure(&error.to_string()))?;
            if let Some(message) = answer.error_detail.and_then(|detail| detail.message) {
                return Err(failure(&message));
            }
        }
        Ok(())
    }
}

fn failure(message: &str) -> Failure {
    let failure = Failure::new(format!("loading the image: {message}"));
    if message.contains("no space left") {
        failure.hint("free space on the host (`df -h /var/lib/docker`), then deploy again; the running release was not touched")
    } else {
        failure
    }
}
