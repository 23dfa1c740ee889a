//! Images that the engine has.

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, RemoveImageOptions,
};

use super::{Engine, shown};
use ocrctl_protocol::{Context, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Docker's name of it.
    pub id: String,
    /// `registry/name@sha256:…`, of each registry that it was pulled from.
    pub references: Vec<String>,
}

impl Engine {
    pub async fn images(&self) -> Result<Vec<Image>> {
        let listed = self.0.list_images(None::<ListImagesOptions>).await;
        let listed = listed.context("listing the images")?;
        let image = |image: bollard::models::ImageSummary| Image {
            id: image.id,
            references: image.repo_digests,
        };
        Ok(listed.into_iter().map(image).collect())
    }

    /// Docker's names of the images that containers are of, whether these run or not.
    pub async fn images_in_use(&self) -> Result<Vec<String>> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = self.0.list_containers(Some(options)).await;
        let listed = listed.context("listing the containers")?;
        Ok(listed
            .into_iter()
            .filter_map(|container| container.image_id)
            .collect())
    }

    /// Removes an image by one of its references. What a container is of stays: Docker refuses.
    pub async fn remove_image(&self, reference: &str) -> Result<()> {
        self.0
            .remove_image(reference, None::<RemoveImageOptions>, None)
            .await
            .map(|_| ())
            .context(format_args!("removing the image {}", shown(reference)))
    }
}
