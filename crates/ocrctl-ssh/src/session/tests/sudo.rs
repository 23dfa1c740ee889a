//! sudo with a password: asked for where it must be, and seen by nobody else.

use std::fs;
use std::time::{Duration, Instant};

use super::support::{AGENT, TestHost, options, script};
use crate::session::agent_file::Agents;
use crate::session::{Session, SessionError};
use crate::test_support::user::User;
use crate::transport;
use ocrctl_inventory::{Connection, Target};

const PASSWORD: &str = "geh eim %u $HOME 'ß'";

/// Makes an agent that starts like the real one and keeps its whole input.
fn agent(host: &TestHost) -> String {
    let log = host.base.with_extension("heard");
    let text = AGENT.replacen(
        "#!/bin/sh\n",
        &format!(
            "#!/bin/sh\necho '{{\"type\":\"up\"}}'\n(umask 077; env; cat /proc/$$/cmdline) >>{0}\n",
            log.display()
        ),
        1,
    );
    text.replacen(
        "read -r hello\n",
        &format!("read -r hello\necho \"$hello\" >>{}\n", log.display()),
        1,
    )
}

fn heard(host: &TestHost) -> String {
    fs::read_to_string(host.base.with_extension("heard")).unwrap()
}

async fn open(host: &TestHost, target: &Target, password: &str) -> Result<Session, SessionError> {
    let options = crate::session::Options {
        agents: Agents::given(vec![script(&agent(host))]).into(),
        sudo_password: Some(password.into()),
        ..options(&host.base)
    };
    Session::open(target, "ann@laptop", &options, &mut |_| {}).await
}

#[tokio::test]
async fn a_password_opens_the_way_and_costs_no_exec() {
    let host = TestHost::start();
    let user = User::with_password(PASSWORD);
    for (round, connection) in [Connection::Openssh, Connection::Russh]
        .into_iter()
        .enumerate()
    {
        let target = Target {
            user: Some(user.name.clone()),
            ..transport::tests::support::target_by(connection, &host.sshd)
        };
        let session = open(&host, &target, PASSWORD).await.unwrap();
        assert_eq!(session.notices(), ["all was well"]);
        session.close().await;
        // It was uploaded the first time.
        assert_eq!(
            (host.sshd.logins(), host.sshd.commands()),
            (1 + round, 3 + round)
        );
    }
    // The agent got all input but the password.
    let heard = heard(&host);
    assert_eq!(heard.matches("\"type\":\"hello\"").count(), 2);
    assert!(!heard.contains("geh eim"), "{heard}");
}

#[tokio::test]
async fn never_sends_a_password_without_a_prompt() {
    let host = TestHost::start();
    let user = User::with_sudo(Some("ALL=(root) NOPASSWD: ALL"));
    for target in [host.target_as(&user.name), host.target()] {
        // Both the upload and the agent could take it for their input.
        let _ = fs::remove_dir_all(host.base.join("bin"));
        for _ in 0..2 {
            let session = open(&host, &target, PASSWORD).await.unwrap();
            assert_eq!(session.notices(), ["all was well"]);
            session.close().await;
        }
    }
    assert!(!heard(&host).contains("geh eim"));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let host = TestHost::start();
    let user = User::with_password(PASSWORD);
    let there = [false, true];
    for uploaded in there {
        if uploaded {
            open(&host, &host.target(), PASSWORD)
                .await
                .unwrap()
                .close()
                .await;
        }
        for connection in [Connection::Openssh, Connection::Russh] {
            let target = Target {
                user: Some(user.name.clone()),
                ..transport::tests::support::target_by(connection, &host.sshd)
            };
            let began = Instant::now();
            let error = open(&host, &target, "wrong").await.unwrap_err();
            assert!(
                matches!(&error, SessionError::WrongSudoPassword { .. }),
                "{error:?}"
            );
            // PAM takes two seconds to say no; thrice would be six.
            assert!(began.elapsed() < Duration::from_secs(5));
            let text = format!("{error} {error:?} {:?}", error.hint());
            assert!(
                text.contains(&user.name) && !text.contains("wrong\""),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_user_whom_sudo_does_not_know_is_refused_all_the_same() {
    let host = TestHost::start();
    let user = User::with_password(PASSWORD);
    fs::write(format!("/etc/sudoers.d/{}", user.name), "").unwrap();
    let error = open(&host, &host.target_as(&user.name), PASSWORD)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SessionError::SudoRefused { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn nothing_that_is_logged_has_it() {
    let host = TestHost::start();
    let user = User::with_password(PASSWORD);
    let options = crate::session::Options {
        sudo_password: Some(PASSWORD.into()),
        ..options(&host.base)
    };
    assert!(!format!("{options:?}").contains("geh eim"));
    open(&host, &host.target_as(&user.name), PASSWORD)
        .await
        .unwrap()
        .close()
        .await;
    let log = fs::read_to_string(host.sshd.path("log")).unwrap();
    assert!(!log.contains("geh eim"));
}
