//! Requests and events, and how a conversation ends.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::support::{AGENT, TestHost, open, script};
use crate::session::{Session, SessionError};
use crate::test_support::test_host::desired;
use crate::transport::{Exit, TransportError};
use ocrctl_protocol::{Desired, Event, Request, Secret, Tls, VERSION};

/// Greets, then does what `script` says.
fn greeting_then(script: &str) -> String {
    format!(
        "#!/bin/sh\nread -r hello\necho '{{\"type\":\"hello\",\"version\":{VERSION},\"notices\":[]}}'\n{script}\n"
    )
}

async fn note(session: &mut Session) -> String {
    match session.next().await.unwrap() {
        Event::Note { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn requests_are_answered_by_events() {
    let host = TestHost::start();
    let mut session = host.open(AGENT).await.unwrap();
    for _ in 0..3 {
        session.send(&Request::Ca).await.unwrap();
        assert_eq!(note(&mut session).await, "13 bytes");
    }
    // A request larger than any pipe on the way.
    session.send(&request_of(2_000_000)).await.unwrap();
    let text = note(&mut session).await;
    let bytes: usize = text.strip_suffix(" bytes").unwrap().parse().unwrap();
    assert!(bytes > 2_000_000, "{text}");
    session.close().await;
}

fn request_of(bytes: usize) -> Request {
    Request::Plan {
        desired: Box::new(Desired {
            tls: Tls::Files {
                chain: "c".repeat(bytes),
                key: Secret("hunter2".to_owned().into()),
            },
            ..desired()
        }),
    }
}

#[tokio::test]
async fn giving_up_on_an_event_loses_none_of_it() {
    let host = TestHost::start();
    let half =
        r#"printf '{"type":"note","level":"info",'; sleep 0.5; echo '"text":"whole"}'; read -r x"#;
    let mut session = host.open(&greeting_then(half)).await.unwrap();
    for _ in 0..3 {
        let early = timeout(Duration::from_millis(100), session.next()).await;
        assert!(early.is_err(), "{early:?}");
    }
    assert_eq!(note(&mut session).await, "whole");
    session.close().await;
}

#[tokio::test]
async fn a_dead_agents_last_words_are_shown() {
    let host = TestHost::start();
    let script = "for n in $(seq 30); do echo \"thread panicked at line $n\" >&2; done; exit 3";
    let mut session = host.open(&greeting_then(script)).await.unwrap();
    let error = session.next().await.unwrap_err();
    let SessionError::AgentDied { exit, stderr, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*exit, Exit::Code(3));
    assert_eq!(stderr.len(), 20);
    assert!(
        error.to_string().ends_with("thread panicked at line 30"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn a_killed_agent_is_not_a_lost_connection() {
    let host = TestHost::start();
    let mut session = host.open(&greeting_then("kill -9 $$")).await.unwrap();
    let error = session.next().await.unwrap_err();
    assert!(
        matches!(
            &error,
            SessionError::AgentDied {
                exit: Exit::Killed,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_request_to_a_dead_agent_says_that_it_died() {
    let host = TestHost::start();
    let mut session = host
        .open(&greeting_then("echo gone >&2; exit 4"))
        .await
        .unwrap();
    let error = loop {
        // The pipe on the way takes a few requests before it breaks.
        if let Err(error) = session.send(&request_of(100_000)).await {
            break error;
        }
    };
    let died = matches!(&error, SessionError::AgentDied { exit: Exit::Code(4), stderr, .. } if stderr == &["gone"]);
    assert!(died, "{error:?}");
}

#[tokio::test]
async fn separates_a_lost_connection_from_a_dead_agent() {
    let host = TestHost::start();
    let mut session = host.open(AGENT).await.unwrap();
    host.sshd.cut();
    let error = session.next().await.unwrap_err();
    assert!(
        matches!(&error, SessionError::Transport(TransportError::Lost { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_event_that_is_not_in_the_protocol_is_refused() {
    let host = TestHost::start();
    for line in [r#"{"type":"surprise"}"#, "not JSON at all"] {
        let script = format!("echo '{line}'; read -r x");
        let mut session = host.open(&greeting_then(&script)).await.unwrap();
        let error = session.next().await.unwrap_err();
        assert!(
            matches!(&error, SessionError::Garbled { line: shown, .. } if shown == line),
            "{error:?}"
        );
        session.close().await;
    }
}

#[tokio::test]
async fn proves_reachability_by_a_new_connection() {
    let mut host = TestHost::start();
    let mut session = host.open(AGENT).await.unwrap();
    assert_eq!(host.sshd.logins(), 1);
    // Awaited together with events, as a deploy does.
    let probe = session.reconnect_probe();
    let (probed, sent) = tokio::join!(probe, session.send(&Request::Confirm));
    probed.unwrap();
    sent.unwrap();
    assert_eq!(host.sshd.logins(), 2);
    note(&mut session).await;

    let probe = session.reconnect_probe();
    host.sshd.stop();
    assert_eq!(probe.await.unwrap_err().exit_code(), 69);
}

#[tokio::test]
async fn an_agent_that_does_not_end_is_left_to_itself() {
    let host = TestHost::start();
    let session = host.open(&greeting_then("sleep 20")).await.unwrap();
    let begun = Instant::now();
    session.close().await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_held_side_by_side() {
    let host = TestHost::start();
    host.open(AGENT).await.unwrap().close().await;
    let tasks = (0..4).map(|_| {
        let (target, base) = (host.target(), host.base.clone());
        tokio::spawn(async move {
            let mut session = open(&target, &base, script(AGENT)).await.unwrap();
            session.send(&Request::Ca).await.unwrap();
            let text = note(&mut session).await;
            session.reconnect_probe().await.unwrap();
            session.close().await;
            text
        })
    });
    for text in futures_util::future::join_all(tasks).await {
        assert_eq!(text.unwrap(), "13 bytes");
    }
}
