//! Images of releases that the host can't go back to any more take up its disk. They go when a release becomes live, and
//! when the disk is full. Only those of the service are looked at: what
//! else Docker has here is somebody else's.

use super::record;
use crate::docker::{Engine, Image, digest, repository};
use crate::host::{Host, systemd};
use ocrctl_protocol::Result;

/// Removes those, and gives how many went.
pub async fn prune(host: &Host) -> Result<usize> {
    if !systemd::is_active(host, "docker").await {
        return Ok(0);
    }
    let engine = Engine::connect().await?;
    let (images, in_use) = tokio::try_join!(engine.images(), engine.images_in_use())?;
    let records = record::all(host)?;
    let wanted: Vec<&str> = records.iter().map(|it| it.image.as_str()).collect();
    let surplus = surplus(&images, &in_use, &wanted);
    for reference in &surplus {
        engine.remove_image(reference).await?;
    }
    Ok(surplus.len())
}

/// References that can go. `in_use`: Docker's names; `wanted`: references.
fn surplus(images: &[Image], in_use: &[String], wanted: &[&str]) -> Vec<String> {
    let needed = |image: &&Image| {
        in_use.contains(&image.id)
            || image.references.iter().any(|have| {
                // From whatever registry it was pulled.
                wanted
                    .iter()
                    .any(|want| digest(want).is_some() && digest(want) == digest(have))
            })
    };
    let (needed, others): (Vec<&Image>, Vec<&Image>) = images.iter().partition(needed);
    // `registry/organization/name` of all that is the service's.
    let of_needed = needed.iter().flat_map(|image| &image.references);
    let repositories: Vec<&str> = of_needed
        .map(String::as_str)
        .chain(wanted.iter().copied())
        .map(repository)
        .collect();
    let ours = |reference: &&String| repositories.contains(&repository(reference));
    let others = others.iter().flat_map(|image| &image.references);
    others.filter(ours).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, references: &[&str]) -> Image {
        Image {
            id: id.to_owned(),
            references: references.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn only_what_no_release_needs_goes() {
        let images = [
            image("live", &["r.example/o/ocr@sha256:1"]),
            image(
                "kept",
                &["r.example/o/ocr@sha256:2", "new.example/o/ocr@sha256:2"],
            ),
            image(
                "old",
                &["r.example/o/ocr@sha256:3", "new.example/o/ocr@sha256:3"],
            ),
            image("next", &["r.example/o/ocr@sha256:4"]),
            image("another's", &["r.example/o/database@sha256:5"]),
            image("local", &[]),
        ];
        let wanted = ["new.example/o/ocr@sha256:2", "r.example/o/ocr@sha256:4"];
        let gone = surplus(&images, &["live".to_owned()], &wanted);
        assert_eq!(
            gone,
            ["r.example/o/ocr@sha256:3", "new.example/o/ocr@sha256:3"]
        );
        assert_eq!(
            surplus(&images, &[], &[]),
            [""; 0],
            "nothing is known to be ours"
        );
    }

    #[test]
    fn a_tag_is_no_part_of_the_repository() {
        assert_eq!(
            repository("r.example:5000/o/ocr:1.2"),
            "r.example:5000/o/ocr"
        );
        assert_eq!(
            repository("r.example:5000/o/ocr@sha256:1"),
            "r.example:5000/o/ocr"
        );
        assert_eq!(repository("r.example:5000/o/ocr"), "r.example:5000/o/ocr");
    }
}
