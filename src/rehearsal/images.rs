//! Images that a rehearsal needs besides the service's own: a next release and a broken one.

use super::{LIMIT, ProofError};
use crate::command::Program;

/// The same service under another digest.
pub(super) async fn next(base: &str) -> Result<String, ProofError> {
    build(
        "next",
        &format!("FROM {base}\nLABEL org.ocrctl.rehearsal=next\n"),
    )
    .await
}

/// A release that ends before it is ready, with words on its standard error.
pub(super) async fn broken(base: &str) -> Result<String, ProofError> {
    let command = r#"["/bin/sh", "-c", "echo the model is damaged >&2; sleep 1; exit 3"]"#;
    build("broken", &format!("FROM {base}\nENTRYPOINT {command}\n")).await
}

/// A release whose layers need more room than the host is left with.
pub(super) async fn large(base: &str) -> Result<String, ProofError> {
    let command = "head -c 8000000 /dev/urandom > /tmp/large";
    build("large", &format!("FROM {base}\nRUN {command}\n")).await
}

async fn build(name: &str, dockerfile: &str) -> Result<String, ProofError> {
    let image = format!("ocrctl-rehearsal/{name}:latest");
    Program::new("docker")
        .args(["build", "--quiet", "--tag", &image, "-"])
        .env("DOCKER_BUILDKIT", "0")
        .input(dockerfile)
        .timeout(LIMIT)
        .run()
        .await?;
    Ok(image)
}
