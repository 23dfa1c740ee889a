//! What ends before anything is written, and says why.

use std::process::Command;

use crate::docker_registry::{DockerRegistry, free_port};
use crate::images::{INDEX, Images, Pushed};
use crate::operator::Operator;
use crate::{NEW, OLD, OLD_TOKEN};

#[tokio::test]
async fn wrong_credentials_are_told_apart_by_their_side() {
    for door in [OLD, OLD_TOKEN] {
        let (old, new) = (DockerRegistry::start(door), DockerRegistry::start(NEW));
        Images::of(&old, "o/n").push("1", 1).await;
        let operator = Operator::of(&old, "o/n:1");
        let to = operator.to(&new, "acme/n");
        operator.write("old-password", "wrong");
        let ran = operator.run(&to, &["--copy-only", "--yes"]).expect(1);
        ran.says(&[
            "/o/n refuses these credentials",
            "registry.password in the inventory",
        ]);
        operator.write("old-password", old.password());
        operator.write("new-password", "wrong");
        let ran = operator.run(&to, &["--copy-only", "--yes"]).expect(1);
        ran.says(&["/acme/n refuses these credentials", "--to-password"]);
    }
}

#[tokio::test]
async fn an_authority_that_is_not_known_is_to_be_named() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let ran = operator.run(&to[..6], &["--copy-only", "--yes"]).expect(1);
    ran.says(&["UnknownIssuer", "name the PEM file by --to-ca"]);
}

#[tokio::test]
async fn a_tag_that_is_another_image_is_never_overwritten() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let target = Images::of(&new, "acme/n");
    let theirs = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    target
        .manifest(Some("1"), &theirs, &mut Pushed::default())
        .await;
    let before = target.digest_of("1").await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let ran = operator.run(&to, &["--copy-only", "--yes"]).expect(1);
    ran.says(&["the tag 1 of", "is another image", "never overwritten"]);
    assert_eq!(target.digest_of("1").await, before);
}

#[tokio::test]
async fn a_registry_that_is_not_there() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let mut to = operator.to(&new, "acme/n");
    to[1] = format!("127.0.0.1:{}/acme/n", free_port());
    let ran = operator.run(&to, &["--copy-only", "--yes"]).expect(1);
    ran.says(&["can't be reached", "Connection refused", "name and port"]);
}

#[tokio::test]
async fn a_tag_that_the_source_does_not_have() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let ran = operator
        .run(&to, &["--copy-only", "--yes", "--tag", "2"])
        .expect(1);
    ran.says(&["/o/n has no tag 2"]);
}

#[tokio::test]
async fn an_inventory_that_cannot_be_written_is_noticed_before_the_copy() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    Images::of(&old, "o/n").push("1", 1).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let dir = operator.dir.path();
    // Root may write anywhere but to a file system that is read-only.
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(dir).status();
        assert!(done.unwrap().success(), "can't mount: the tests need root");
    };
    mount(&["--bind", dir.to_str().unwrap()]);
    mount(&["-o", "remount,bind,ro"]);
    let ran = operator.run(&to, &["--yes"]);
    let unmounted = Command::new("umount").arg(dir).status();
    assert!(unmounted.unwrap().success());
    ran.expect(64)
        .says(&["inventory.yaml can't be written: Read-only file system"]);
    assert_eq!(Images::of(&new, "acme/n").digest_of("1").await, None);
}

#[tokio::test]
async fn a_password_on_the_command_line_is_refused_and_not_repeated() {
    let old = DockerRegistry::start(OLD);
    let operator = Operator::of(&old, "o/n:1");
    let to = [
        "--to",
        "ghcr.io/a/b",
        "--to-username",
        "u",
        "--to-password",
        "hunter3",
    ];
    let ran = operator.run(&to.map(str::to_owned), &["--yes"]).expect(64);
    ran.says(&["--to-password is not a reference", "env:NAME"]);
}

#[tokio::test]
async fn a_name_that_is_no_repository() {
    let old = DockerRegistry::start(OLD);
    let operator = Operator::of(&old, "o/n:1");
    for to in ["ghcr.io", "acme/ocr-service", "ghcr.io/acme/ocr-service:1"] {
        let to = ["--to", to].map(str::to_owned);
        operator.run(&to, &["--yes"]).expect(64).says(&["--to:"]);
    }
    let new = DockerRegistry::start(NEW);
    let to = operator.to(&new, "acme/n");
    let ran = operator.run(&to, &["--tag", "sha256:0"]).expect(64);
    ran.says(&["--tag:"]);
}
