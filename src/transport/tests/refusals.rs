//! What is SSH's own: who is let in, who is believed, and what is said when nothing answers.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use super::support::{connected, options, options_with, run, target};
use crate::inventory::Target;
use crate::test_support::sshd::{Sshd, free_port};
use crate::transport::error::Unreachable;
use crate::transport::{Exit, Options, TransportError, connect, probe};

async fn refused(target: &Target, options: &Options) -> TransportError {
    match connect(target, options).await {
        Err(error) => error,
        Ok(_) => panic!("the connection was made"),
    }
}

#[tokio::test]
async fn a_pinned_key_is_enough() {
    let sshd = Sshd::start();
    let transport = connected(&target(&sshd)).await;
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
    assert_eq!((sshd.logins(), sshd.commands()), (1, 1));
}

#[tokio::test]
async fn an_unknown_key_is_refused_and_shown() {
    let sshd = Sshd::start();
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target(&sshd)
    };
    let known_hosts = format!(
        "UserKnownHostsFile {}\n",
        sshd.path("known_hosts").display()
    );
    let error = refused(&unpinned, &options_with(&sshd, &known_hosts)).await;
    let TransportError::UnknownHostKey { key: Some(key), .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(key.line, sshd.host_key());
    assert!(error.to_string().contains(&key.fingerprint), "{error}");
    let hint = error.hint().unwrap();
    assert!(
        hint.contains(&format!("host_keys: [\"{}\"]", sshd.host_key())),
        "{hint}"
    );
    assert_eq!(error.exit_code(), 1);
    assert_eq!(sshd.logins(), 0);
    assert!(
        !sshd.path("known_hosts").exists(),
        "nothing was learned in silence"
    );
}

#[tokio::test]
async fn a_key_in_known_hosts_is_believed_until_it_changes() {
    let mut sshd = Sshd::start();
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target(&sshd)
    };
    let known_hosts = sshd.path("known_hosts");
    let line = format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key());
    fs::write(&known_hosts, line).unwrap();
    let text = format!("UserKnownHostsFile {}\n", known_hosts.display());
    let options = options_with(&sshd, &text);
    connect(&unpinned, &options).await.unwrap().close().await;

    sshd.change_host_key();
    let error = refused(&unpinned, &options).await;
    let TransportError::ChangedHostKey {
        expected,
        found,
        offending,
        pinned: false,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(expected.len(), 1);
    assert_ne!(found.as_ref(), expected.first());
    assert!(found.as_ref().unwrap().starts_with("SHA256:"));
    assert_eq!(offending, &Some(format!("{}:1", known_hosts.display())));
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused() {
    let sshd = Sshd::start();
    let mut wrong = target(&sshd);
    wrong.host_keys = vec![sshd.public_key("stranger")];
    let error = refused(&wrong, &options()).await;
    let TransportError::ChangedHostKey {
        expected,
        found: Some(found),
        pinned: true,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(expected.len(), 1);
    assert_ne!(found, &expected[0]);
    assert!(
        error.to_string().contains("THE HOST KEY OF prod1"),
        "{error}"
    );
    assert_eq!(sshd.logins(), 0);
}

#[tokio::test]
async fn what_is_no_key_is_not_pinned() {
    let sshd = Sshd::start();
    let mut wrong = target(&sshd);
    wrong.host_keys = vec!["SHA256:abc".into()];
    let error = refused(&wrong, &options()).await;
    assert!(matches!(error, TransportError::Setting { .. }), "{error:?}");
}

#[tokio::test]
async fn another_users_key_is_refused() {
    let sshd = Sshd::start();
    let mut wrong = target(&sshd);
    wrong.identity_file = Some(sshd.path("stranger"));
    let error = refused(&wrong, &options()).await;
    let TransportError::Authentication { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(reason.contains("Permission denied (publickey)"), "{reason}");
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let sshd = Sshd::start();
    let mut closed = target(&sshd);
    closed.port = Some(free_port());
    let error = refused(&closed, &options()).await;
    assert!(
        matches!(
            &error,
            TransportError::Unreachable {
                reason: Unreachable::Refused(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.exit_code(), 69);
}

#[tokio::test]
async fn an_unknown_name_is_unreachable() {
    let sshd = Sshd::start();
    let mut nowhere = target(&sshd);
    nowhere.address = "no-such-host.invalid".into();
    let error = refused(&nowhere, &options()).await;
    assert!(
        matches!(
            &error,
            TransportError::Unreachable {
                reason: Unreachable::Name(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.exit_code(), 69);
}

#[tokio::test]
async fn a_silent_host_is_given_up() {
    let sshd = Sshd::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut silent = target(&sshd);
    silent.port = Some(listener.local_addr().unwrap().port());
    let begun = Instant::now();
    let options = Options {
        connect_timeout: Duration::from_secs(1),
        ..options()
    };
    let error = refused(&silent, &options).await;
    assert!(
        matches!(
            &error,
            TransportError::Unreachable {
                reason: Unreachable::Timeout(_),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_cut_connection_is_lost() {
    let sshd = Sshd::start();
    let transport = connected(&target(&sshd)).await;
    let mut channel = transport
        .exec(&["sh", "-c", "echo begun; sleep 60"])
        .await
        .unwrap();
    let mut begun = [0; 6];
    channel.stdout.read_exact(&mut begun).await.unwrap();
    sshd.cut();
    let output = tokio::time::timeout(Duration::from_secs(10), channel.output(b""))
        .await
        .unwrap();
    assert!(
        matches!(output, Err(TransportError::Lost { .. })),
        "{output:?}"
    );
    let again = transport.exec(&["true"]).await;
    assert!(
        matches!(again, Err(TransportError::Lost { .. })),
        "{again:?}"
    );
}

#[tokio::test]
async fn nothing_survives_its_owner() {
    let sshd = Sshd::start();
    let transport = connected(&target(&sshd)).await;
    let channel = transport.exec(&["sleep", "60"]).await.unwrap();
    assert_eq!(sshd.connections(), 1);
    drop(transport);
    drop(channel);
    let deadline = Instant::now() + Duration::from_secs(5);
    while sshd.connections() > 0 {
        assert!(Instant::now() < deadline, "the connection is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_probe_is_a_connection_of_its_own() {
    let sshd = Sshd::start();
    let control = sshd.path("operators_master");
    let config = format!(
        "ControlMaster auto\nControlPath {}\nControlPersist 5\n",
        control.display()
    );
    let options = options_with(&sshd, &config);
    let transport = connect(&target(&sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 1);
    probe(&target(&sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 2);
    probe(&target(&sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 3);
    assert!(!control.exists());
    transport.close().await;
}

#[tokio::test]
async fn a_probe_of_a_dead_host_says_so() {
    let mut sshd = Sshd::start();
    let dead = target(&sshd);
    sshd.stop();
    let error = probe(&dead, &options()).await.unwrap_err();
    assert_eq!(error.exit_code(), 69);
}

#[tokio::test]
async fn the_operators_configuration_holds() {
    let sshd = Sshd::start();
    let config = format!(
        "Host bare-name\n HostName 127.0.0.1\n Port {}\n User root\n IdentityFile {}\n \
         RequestTTY force\n RemoteCommand exit 9\n LocalForward 1 127.0.0.1:1\n",
        sshd.port,
        sshd.path("user").display()
    );
    let by_alias = Target {
        address: "bare-name".into(),
        port: None,
        user: None,
        identity_file: None,
        ..target(&sshd)
    };
    let transport = connect(&by_alias, &options_with(&sshd, &config))
        .await
        .unwrap();
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
}

#[tokio::test]
async fn a_jump_host_leads_to_the_host() {
    let (bastion, sshd) = (Sshd::start(), Sshd::start());
    let known_hosts = sshd.path("known_hosts");
    let line = format!("[127.0.0.1]:{} {}\n", bastion.port, bastion.host_key());
    let config = format!(
        "Host bastion\n HostName 127.0.0.1\n Port {}\n User root\n IdentityFile {}\n UserKnownHostsFile {}\n\
         Host 127.0.0.1\n ProxyJump bastion\n",
        bastion.port,
        bastion.path("user").display(),
        known_hosts.display()
    );
    let options = options_with(&sshd, &config);
    let inner = Target {
        identity_file: Some(sshd.path("user")),
        ..target(&sshd)
    };

    // The jump host is not known: it is the one to be named, and nothing of it is learned.
    let error = refused(&inner, &options).await;
    assert!(
        matches!(&error, TransportError::UnknownHostKey { host, key: None } if host.contains(&bastion.port.to_string())),
        "{error:?}"
    );

    fs::write(&known_hosts, line).unwrap();
    let transport = connect(&inner, &options).await.unwrap();
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    assert_eq!((bastion.logins(), sshd.logins()), (1, 1));
    transport.close().await;
}

#[tokio::test]
async fn one_session_at_a_time_is_enough() {
    let sshd = Sshd::with("MaxSessions 1");
    let transport = connected(&target(&sshd)).await;
    for _ in 0..20 {
        assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    }
    transport.close().await;
}
