//! References to images, as the distribution specification writes them
//! (<https://github.com/distribution/reference>), except that the registry must be named: what `ocr-service`
//! alone would mean depends on the reader.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// Why a value can't be read. It does not say where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub message: String,
    pub hint: Option<String>,
}

impl Invalid {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Invalid {}

/// `REGISTRY/REPOSITORY:TAG`, `REGISTRY/REPOSITORY@DIGEST`, or both tag and digest, of which the digest counts.
/// On the wire, and wherever it is written, it is text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    /// Host with an optional port.
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    /// `sha256:` and 64 hex digits.
    pub digest: Option<String>,
}

const EXAMPLE: &str = "write it as `registry.example.org/organization/ocr-service:1.0.0`";

impl ImageRef {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if let Some((_, rest)) = text.split_once("://") {
            return Err(
                Invalid::new("an image reference has no scheme").hint(format!("write `{rest}`"))
            );
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let Some((registry, path)) = rest.split_once('/').filter(|(first, _)| is_registry(first))
        else {
            return Err(Invalid::new(format!("`{text}` does not name its registry"))
                .hint(format!("{EXAMPLE}; Docker Hub's is `docker.io`")));
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        check_repository(repository)?;
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(Invalid::new(format!("`{tag}` is not a tag")).hint(
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with neither of the last two",
            ));
        }
        if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
            return Err(Invalid::new(format!("`{digest}` is not a digest"))
                .hint("a digest is `sha256:` and 64 hexadecimal digits in lower case"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(Invalid::new(format!("`{text}` has neither tag nor digest"))
                .hint("add the release, such as `:1.0.0`, or a digest, `@sha256:…`"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

impl ImageRef {
    /// Registry and repository.
    pub fn place(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same image by its digest alone.
    pub fn pinned(&self, digest: String) -> Self {
        Self {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: None,
            digest: Some(digest),
        }
    }
}

impl TryFrom<String> for ImageRef {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

impl Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The first component is a registry if it can't be a part of a repository's name.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let named = host.contains('.') || host == "localhost" || port.is_some();
    named
        && !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn check_repository(repository: &str) -> Result<(), Invalid> {
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Invalid::new(format!("`{repository}` has capital letters"))
            .hint("repositories are written in lower case"));
    }
    let component = |part: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        edge(part.chars().next())
            && edge(part.chars().next_back())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    if repository.len() > 200 || !repository.split('/').all(component) {
        return Err(Invalid::new(format!("`{repository}` is not a repository")).hint(EXAMPLE));
    }
    Ok(())
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_parsed_references_unchanged() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [
            "registry.example.org/example-org/ocr-service:0.1.0".to_owned(),
            "localhost:5000/ocr-service:0.1.0".to_owned(),
            "localhost/a/b/c__d.e-f:x".to_owned(),
            format!("docker.io/example-org/ocr-service@{digest}"),
            format!("registry:443/ocr:0.1.0@{digest}"),
        ] {
            assert_eq!(ImageRef::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn rejects_ambiguous_and_malformed_references() {
        let message = |text: &str| ImageRef::parse(text).unwrap_err().message;
        assert_eq!(
            message("example-org/ocr-service:0.1.0"),
            "`example-org/ocr-service:0.1.0` does not name its registry"
        );
        assert_eq!(message("ocr:1"), "`ocr:1` does not name its registry");
        assert_eq!(
            message("ghcr.io/example-org/ocr-service"),
            "`ghcr.io/example-org/ocr-service` has neither tag nor digest"
        );
        assert_eq!(
            message("https://ghcr.io/a/b:1"),
            "an image reference has no scheme"
        );
        assert_eq!(
            message("ghcr.io/Acme/ocr:1"),
            "`Acme/ocr` has capital letters"
        );
        assert_eq!(message("ghcr.io/a//b:1"), "`a//b` is not a repository");
        assert_eq!(message("ghcr.io/a/b:-1"), "`-1` is not a tag");
        assert_eq!(
            message("ghcr.io/a/b@sha256:abc"),
            "`sha256:abc` is not a digest"
        );
    }
}
