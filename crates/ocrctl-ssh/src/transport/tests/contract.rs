//! The contract of every transport.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::support::{connected, run, target, target_by, this_machine};
use crate::test_support::sshd::Sshd;
use crate::transport::{Exit, Transport};
use ocrctl_inventory::{Connection, Target};

/// A test for each transport, given as a function of a connection.
macro_rules! on_every_transport {
    ($($name:ident),+ $(,)?) => {
        mod openssh {
            $(#[tokio::test]
            async fn $name() {
                let sshd = super::Sshd::start();
                super::$name(&super::target(&sshd)).await;
            })+
        }
        mod russh {
            $(#[tokio::test]
            async fn $name() {
                let sshd = super::Sshd::start();
                super::$name(&super::target_by(super::Connection::Russh, &sshd)).await;
            })+
        }
        mod local {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::this_machine()).await;
            })+
        }
    };
}

on_every_transport!(
    arguments_arrive_exactly,
    forty_megabytes_go_there_and_back,
    no_output_is_no_output,
    unread_input_blocks_nothing,
    an_abandoned_program_notices,
    output_is_complete_when_the_program_is_fast,
    exit_codes_and_errors_arrive,
    a_missing_program_is_code_127,
    a_killed_program_has_no_code,
    programs_run_at_the_same_time,
    closing_input_is_noticed,
);

async fn arguments_arrive_exactly(target: &Target) {
    let transport = connected(target).await;
    let words = [
        "plain",
        "",
        "two words",
        "it's",
        "\"quoted\"",
        "$HOME",
        "`id`",
        "$(id)",
        "a\nb",
        "a\tb",
        "back\\slash",
        "!history",
        "*",
        "~",
        "#",
        ";",
        "&&",
        "|",
        ">",
        "-n",
        "A=b",
        "ümläut",
        "{a,b}",
        "trailing ",
        "'",
        "'\\''",
    ];
    let mut argv = vec!["printf", "%s\\0"];
    argv.extend(words);
    let output = run(&*transport, &argv, b"").await;
    let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    transport.close().await;
}

async fn forty_megabytes_go_there_and_back(target: &Target) {
    let transport = connected(target).await;
    // Every byte value, in an order that does not repeat at any block size.
    let bytes: Vec<u8> = (0..40_000_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let output = run(&*transport, &["cat"], &bytes).await;
    assert_eq!(output.exit, Exit::Code(0));
    assert_eq!(Sha256::digest(&output.stdout), Sha256::digest(&bytes));
    let script = "tee /dev/stderr | sha256sum; exit 3";
    let output = run(&*transport, &["sh", "-c", script], &bytes).await;
    assert_eq!(output.exit, Exit::Code(3));
    let digest = ocrctl_protocol::hex(&Sha256::digest(&bytes));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{digest}  -\n")
    );
    assert_eq!(Sha256::digest(&output.stderr), Sha256::digest(&bytes));
    transport.close().await;
}

async fn no_output_is_no_output(target: &Target) {
    let transport = connected(target).await;
    let output = run(&*transport, &["true"], b"").await;
    assert_eq!(
        (output.exit, output.stdout.len(), output.stderr.len()),
        (Exit::Code(0), 0, 0)
    );
    transport.close().await;
}

async fn unread_input_blocks_nothing(target: &Target) {
    let transport = connected(target).await;
    let input = vec![b'x'; 8_000_000];
    let ending = run(&*transport, &["sh", "-c", "echo enough; exit 4"], &input);
    let output = tokio::time::timeout(Duration::from_secs(10), ending)
        .await
        .unwrap();
    assert_eq!(output.exit, Exit::Code(4));
    assert_eq!(output.stdout, b"enough\n");
    transport.close().await;
}

async fn an_abandoned_program_notices(target: &Target) {
    let transport = connected(target).await;
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("noticed");
    let script = "cat; echo gone > \"$1\"";
    let argv = ["sh", "-c", script, "sh", marker.to_str().unwrap()];
    drop(transport.exec(&argv).await.unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !marker.exists() {
        assert!(
            Instant::now() < deadline,
            "the program still waits for input"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    transport.close().await;
}

async fn output_is_complete_when_the_program_is_fast(target: &Target) {
    let transport = connected(target).await;
    for _ in 0..10 {
        let output = run(&*transport, &["seq", "20000"], b"").await;
        assert!(output.stdout.ends_with(b"\n20000\n"));
    }
    transport.close().await;
}

async fn exit_codes_and_errors_arrive(target: &Target) {
    let transport = connected(target).await;
    let script = "echo out; echo err >&2; exit 42";
    let output = run(&*transport, &["sh", "-c", script], b"").await;
    assert_eq!(output.exit, Exit::Code(42));
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr, b"err\n");
    transport.close().await;
}

async fn a_missing_program_is_code_127(target: &Target) {
    let transport = connected(target).await;
    let output = run(&*transport, &["/no/such/program"], b"").await;
    assert_eq!(output.exit, Exit::Code(127));
    transport.close().await;
}

async fn a_killed_program_has_no_code(target: &Target) {
    let transport = connected(target).await;
    let output = run(&*transport, &["sh", "-c", "kill -9 $$"], b"").await;
    assert_eq!(output.exit, Exit::Killed);
    // The connection has survived it.
    let output = run(&*transport, &["true"], b"").await;
    assert_eq!(output.exit, Exit::Code(0));
    transport.close().await;
}

async fn programs_run_at_the_same_time(target: &Target) {
    let transport = connected(target).await;
    let one: &dyn Transport = &*transport;
    let outputs = futures_util::future::join_all((0..5).map(|n: u8| async move {
        let script = format!("sleep 0.3; exit {n}");
        run(one, &["sh", "-c", &script], b"").await.exit
    }));
    let exits = tokio::time::timeout(Duration::from_secs(10), outputs)
        .await
        .unwrap();
    let expected: Vec<Exit> = (0..5).map(Exit::Code).collect();
    assert_eq!(exits, expected);
    transport.close().await;
}

async fn closing_input_is_noticed(target: &Target) {
    let transport = connected(target).await;
    let script = "cat; echo end of input";
    let mut channel = transport.exec(&["sh", "-c", script]).await.unwrap();
    drop(channel.stdin);
    let mut text = String::new();
    channel.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "end of input\n");
    assert_eq!(channel.exit.await.unwrap(), Exit::Code(0));
    transport.close().await;
}
