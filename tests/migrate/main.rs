//! `ocrctl migrate-registry` against real docker-registries, as an operator runs it. Hosts are not part of it here:
//! the rehearsal has one.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests start the program that they test, and fail by panicking"
)]

#[path = "../support/docker_registry.rs"]
mod docker_registry;
mod images;
mod interrupted;
mod operator;
mod refused;
#[path = "../support/token_server.rs"]
mod token_server;

use docker_registry::{DockerRegistry, Door};
use images::Images;
use operator::Operator;

pub const OLD: Door = Door::Password("old-user", "old-password-hunter1");
pub const NEW: Door = Door::Password("new-user", "new-password-hunter2");
const OLD_TOKEN: Door = Door::Token("old-user", "old-password-hunter1");
const NEW_TOKEN: Door = Door::Token("new-user", "new-password-hunter2");

/// Everything is copied, from this kind of registry to that, and a second run finds nothing to do.
async fn copies_all(from: Door, to: Door) {
    let (old, new) = (DockerRegistry::start(from), DockerRegistry::start(to));
    let pushed = Images::of(&old, "someone/ocr-service")
        .push("1.0.0", 5)
        .await;
    let target = Images::of(&new, "acme/ocr/service");
    let operator = Operator::of(&old, "someone/ocr-service:1.0.0");
    let to = operator.to(&new, "acme/ocr/service");

    let dry = operator.run(&to, &["--copy-only", "--dry-run"]).expect(2);
    assert!(
        dry.stdout.contains("platforms  linux/amd64, linux/arm64"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains(&format!("{} bytes", pushed.bytes)),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.contains("1 signatures, 1 referrers"),
        "{}",
        dry.stdout
    );
    assert_eq!(target.digest_of("1.0.0").await, None);

    let copied = operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    assert_eq!(copied.bytes_sent(), pushed.bytes, "{}", copied.stderr);
    assert_eq!(target.digest_of("1.0.0").await, Some(pushed.digest.clone()));
    assert_eq!(target.lacks(&pushed.digests).await, [""; 0]);
    let as_tag = pushed.digest.replace(':', "-");
    assert!(target.digest_of(&format!("{as_tag}.sig")).await.is_some());
    let referrers = target.json(&as_tag).await;
    let referrer = referrers["manifests"][0]["digest"].as_str().unwrap();
    assert!(pushed.digests.iter().any(|digest| digest == referrer));

    let again = operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    assert!(
        again.stderr.contains("nothing is to be done"),
        "{}",
        again.stderr
    );
}

#[tokio::test]
async fn everything_is_copied_between_registries_with_passwords() {
    copies_all(OLD, NEW).await;
}

#[tokio::test]
async fn everything_is_copied_to_a_registry_with_tokens() {
    copies_all(OLD, NEW_TOKEN).await;
}

#[tokio::test]
async fn everything_is_copied_from_a_registry_with_tokens() {
    copies_all(OLD_TOKEN, NEW_TOKEN).await;
}

async fn mounts(door: Door) {
    let registry = DockerRegistry::start(door);
    let pushed = Images::of(&registry, "someone/ocr-service")
        .push("1.0.0", 5)
        .await;
    let operator = Operator::of(&registry, "someone/ocr-service:1.0.0");
    let to = operator.to(&registry, "acme/ocr-service");
    let copied = operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    assert_eq!(copied.bytes_sent(), 0, "{}", copied.stderr);
    assert!(
        copied.stderr.contains("10 blobs mounted"),
        "{}",
        copied.stderr
    );
    let target = Images::of(&registry, "acme/ocr-service");
    assert_eq!(target.lacks(&pushed.digests).await, [""; 0]);
}

#[tokio::test]
async fn within_a_registry_blobs_are_mounted() {
    mounts(OLD).await;
}

#[tokio::test]
async fn within_a_registry_with_tokens_blobs_are_mounted_by_a_token_for_both_repositories() {
    mounts(OLD_TOKEN).await;
}

#[tokio::test]
async fn what_the_target_has_is_not_sent() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let source = Images::of(&old, "o/n");
    source.push("1", 2).await;
    let second = source.push("2", 3).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    // The configurations are the same for both.
    let more = operator
        .run(&to, &["--copy-only", "--yes", "--tag", "2"])
        .expect(0);
    assert!((15_000_000..second.bytes).contains(&more.bytes_sent()));
    let target = Images::of(&new, "acme/n");
    assert_eq!(target.digest_of("2").await, Some(second.digest));
}

#[tokio::test]
async fn an_image_by_its_digest_is_copied_without_a_tag() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let pushed = Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, &format!("o/n@{}", pushed.digest));
    let to = operator.to(&new, "acme/n");
    operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    let target = Images::of(&new, "acme/n");
    assert_eq!(
        target.digest_of(&pushed.digest).await,
        Some(pushed.digest.clone())
    );
    assert_eq!(target.digest_of("1").await, None);
}

#[tokio::test]
async fn credentials_come_from_dockers_own_configuration_too() {
    use base64::Engine;
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let pushed = Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let pair = format!("{}:{}", new.user(), new.password());
    let auth = base64::engine::general_purpose::STANDARD.encode(pair);
    let config = operator.write(
        "config.json",
        &format!(
            r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#,
            new.address()
        ),
    );
    let to = [
        "--to",
        &format!("{}/acme/n", new.address()),
        "--to-ca",
        &new.ca().display().to_string(),
        "--push-docker-config",
        &config,
    ]
    .map(str::to_owned);
    operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    let target = Images::of(&new, "acme/n");
    assert_eq!(target.digest_of("1").await, Some(pushed.digest));
}

#[tokio::test]
async fn a_dry_run_shows_what_becomes_of_the_inventory() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let dry = operator.run(&to, &["--dry-run"]).expect(2);
    for line in [
        format!("-    image: {}/o/n:1   # live", old.address()),
        format!("+    image: {}/acme/n:1   # live", new.address()),
        "-      username: old-user".to_owned(),
        "+      username: new-user".to_owned(),
        "+      password: {file: new-password}   # see the wiki".to_owned(),
    ] {
        assert!(dry.stdout.contains(&line), "{line}\n{}", dry.stdout);
    }
}
