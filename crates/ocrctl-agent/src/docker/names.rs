//! Docker's names of images, which need not be references that an inventory could have.

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
