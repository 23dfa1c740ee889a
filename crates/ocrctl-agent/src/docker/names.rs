//! Docker's names of images, which need not be references that an inventory could have.

use ocrctl_protocol::ImageRef;

/// Where Docker pulls from when the image is in an archive: on loopback, which it takes without TLS, at an address of
/// its own. The same each time, because images are known by it.
pub const ARCHIVE: &str = "127.111.99.114:11499";

/// The name of an image that Docker gets from an archive. The inventory's registry becomes a part of the repository, where
/// [`shown`] finds it again. A repository has no capitals and no `:`, and no registry has `__`.
pub fn archived(image: &ImageRef, digest: String) -> ImageRef {
    let registry = image.registry.to_lowercase().replace(':', "__");
    ImageRef {
        registry: ARCHIVE.to_owned(),
        repository: format!("{registry}/{}", image.repository),
        ..image.pinned(digest)
    }
}

/// An image as the inventory names it, for people.
pub fn shown(image: &str) -> String {
    let archived = image
        .strip_prefix(ARCHIVE)
        .and_then(|it| it.strip_prefix('/'));
    let Some(name) = archived else {
        return image.to_owned();
    };
    match name.split_once('/') {
        Some((registry, repository)) => format!("{}/{repository}", registry.replace("__", ":")),
        None => name.to_owned(),
    }
}

/// `sha256:…` of `registry/name@sha256:…`. `None` if it is named otherwise.
pub fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

/// Without digest and tag.
pub fn repository(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or_default();
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_an_archived_image_as_the_inventory_names_it() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (named, known_as) in [
            ("r.example:5000/o/ocr", "r.example__5000/o/ocr"),
            ("r.example/ocr", "r.example/ocr"),
            ("localhost/a__b/ocr", "localhost/a__b/ocr"),
        ] {
            let image = ImageRef::parse(&format!("{named}:1.0")).unwrap();
            let archived = archived(&image, digest.clone()).to_string();
            assert_eq!(archived, format!("{ARCHIVE}/{known_as}@{digest}"));
            // Docker's name is kept in the release's record, and read again.
            assert_eq!(ImageRef::parse(&archived).unwrap().to_string(), archived);
            assert_eq!(shown(&archived), format!("{named}@{digest}"));
        }
        // Of releases whose names had no registry.
        assert_eq!(
            shown(&format!("{ARCHIVE}/o/ocr@sha256:0")),
            "o/ocr@sha256:0"
        );
        assert_eq!(
            shown("r.example/o/ocr@sha256:0"),
            "r.example/o/ocr@sha256:0"
        );
    }
}
