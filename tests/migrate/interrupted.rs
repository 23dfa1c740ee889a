//! Copies that are cut, and go on where they were.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::docker_registry::DockerRegistry;
use crate::images::Images;
use crate::operator::{Operator, Ran};
use crate::{NEW, OLD};

/// Waits until parts of blobs have arrived.
fn until_under_way(operator: &Operator, child: &mut Child) {
    let began = Instant::now();
    loop {
        let noted = std::fs::read_dir(operator.state()).map_or(0, Iterator::count);
        if noted > 0 {
            return;
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was cut"
        );
        assert!(began.elapsed() < Duration::from_secs(60), "nothing is sent");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).unwrap();
    kill(Pid::from_raw(id), signal).unwrap();
}

#[tokio::test]
async fn one_that_is_asked_to_stop_goes_on_without_sending_a_byte_twice() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let pushed = Images::of(&old, "o/n").push("1", 30).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let mut child = operator.start(&to, &["--copy-only", "--yes"]);
    until_under_way(&operator, &mut child);
    signal(&child, Signal::SIGTERM);
    let first = Ran::of(child.wait_with_output().unwrap()).expect(1);
    let first = first.says(&["stopped as asked", "it goes on from here"]);
    assert!(first.bytes_sent() > 0 && first.bytes_sent() < pushed.bytes);
    assert_eq!(Images::of(&new, "acme/n").digest_of("1").await, None);

    let second = operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    assert_eq!(first.bytes_sent() + second.bytes_sent(), pushed.bytes);
    let target = Images::of(&new, "acme/n");
    assert_eq!(target.lacks(&pushed.digests).await, [""; 0]);
    assert_eq!(std::fs::read_dir(operator.state()).unwrap().count(), 0);
}

#[tokio::test]
async fn one_that_is_killed_goes_on_with_the_blobs_that_are_not_there() {
    let (old, new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let pushed = Images::of(&old, "o/n").push("1", 30).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let mut child = operator.start(&to, &["--copy-only", "--yes"]);
    until_under_way(&operator, &mut child);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();

    let lacking = Images::of(&new, "acme/n").lacks(&pushed.digests).await;
    let second = operator.run(&to, &["--copy-only", "--yes"]).expect(0);
    // No more than what is lacking, and that is not everything that there is.
    assert!(second.bytes_sent() <= pushed.bytes && !lacking.is_empty());
    let target = Images::of(&new, "acme/n");
    assert_eq!(target.lacks(&pushed.digests).await, [""; 0]);
}

#[tokio::test]
async fn one_whose_registry_restarts_goes_on_by_itself() {
    let (old, mut new) = (DockerRegistry::start(OLD), DockerRegistry::start(NEW));
    let pushed = Images::of(&old, "o/n").push("1", 30).await;
    let operator = Operator::of(&old, "o/n:1");
    let to = operator.to(&new, "acme/n");
    let mut child = operator.start(&to, &["--copy-only", "--yes"]);
    until_under_way(&operator, &mut child);
    new.stop();
    std::thread::sleep(Duration::from_millis(600));
    new.start_again();
    Ran::of(child.wait_with_output().unwrap()).expect(0);
    let target = Images::of(&new, "acme/n");
    assert_eq!(target.lacks(&pushed.digests).await, [""; 0]);
}
