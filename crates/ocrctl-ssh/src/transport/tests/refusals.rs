//! Failures of SSH: logins, host keys, and silence.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use super::support::{connected, options, options_with, run, target_by};
use crate::test_support::slow_link::SlowLink;
use crate::test_support::ssh_agent::SshAgent;
use crate::test_support::sshd::{Sshd, free_port, hash_names};
use crate::transport::error::Unreachable;
use crate::transport::{Channel, Exit, Options, Transport, TransportError, connect, probe};
use ocrctl_inventory::{Connection, Jump, Target};

/// A test for each transport that speaks SSH, given as a function of it.
macro_rules! on_each_ssh {
    ($($name:ident),+ $(,)?) => {
        mod openssh {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Connection::Openssh).await;
            })+
        }
        mod russh {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Connection::Russh).await;
            })+
        }
    };
}

on_each_ssh!(
    a_pinned_key_is_enough,
    an_unknown_key_is_refused_and_shown,
    a_key_in_known_hosts_is_believed_until_it_changes,
    another_key_than_the_pinned_one_is_refused,
    pins_no_invalid_key,
    another_users_key_is_refused,
    a_closed_port_is_unreachable,
    an_unknown_name_is_unreachable,
    a_name_is_looked_up,
    a_silent_host_is_given_up,
    a_cut_connection_is_lost,
    nothing_survives_its_owner,
    a_probe_is_a_connection_of_its_own,
    a_probe_of_a_dead_host_says_so,
    the_operators_configuration_holds,
    a_jump_host_leads_to_the_host,
    one_session_at_a_time_is_enough,
    a_session_too_many_is_refused,
    jump_hosts_of_the_inventory_come_first,
    a_closed_port_behind_a_jump_host_is_unreachable,
    a_silent_connection_is_lost,
    a_host_that_stands_still_is_lost,
    a_slow_link_is_no_hindrance,
    an_idle_command_keeps_its_connection,
    a_pinned_key_need_not_be_the_favourite,
    a_hashed_name_is_known,
    a_revoked_key_is_refused,
    the_agent_stays_here,
);

async fn refused(target: &Target, options: &Options) -> TransportError {
    match connect(target, options).await {
        Err(error) => error,
        Ok(_) => panic!("the connection was made"),
    }
}

async fn a_pinned_key_is_enough(by: Connection) {
    let sshd = Sshd::start();
    let transport = connected(&target_by(by, &sshd)).await;
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
    assert_eq!((sshd.logins(), sshd.commands()), (1, 1));
}

async fn an_unknown_key_is_refused_and_shown(by: Connection) {
    let sshd = Sshd::start();
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target_by(by, &sshd)
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

async fn a_key_in_known_hosts_is_believed_until_it_changes(by: Connection) {
    let mut sshd = Sshd::start();
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target_by(by, &sshd)
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

async fn another_key_than_the_pinned_one_is_refused(by: Connection) {
    let sshd = Sshd::start();
    let mut wrong = target_by(by, &sshd);
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

async fn pins_no_invalid_key(by: Connection) {
    let sshd = Sshd::start();
    let mut wrong = target_by(by, &sshd);
    wrong.host_keys = vec!["SHA256:abc".into()];
    let error = refused(&wrong, &options()).await;
    assert!(matches!(error, TransportError::Setting { .. }), "{error:?}");
}

async fn another_users_key_is_refused(by: Connection) {
    let sshd = Sshd::start();
    let mut wrong = target_by(by, &sshd);
    wrong.identity_file = Some(sshd.path("stranger"));
    let error = refused(&wrong, &options()).await;
    let said = error.to_string();
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    assert!(
        matches!(
            error,
            TransportError::Authentication { .. } | TransportError::Denied { .. }
        ),
        "{error:?}"
    );
    assert_eq!(error.exit_code(), 1);
}

async fn a_closed_port_is_unreachable(by: Connection) {
    let sshd = Sshd::start();
    let mut closed = target_by(by, &sshd);
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

async fn an_unknown_name_is_unreachable(by: Connection) {
    let sshd = Sshd::start();
    let mut nowhere = target_by(by, &sshd);
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

async fn a_name_is_looked_up(by: Connection) {
    let sshd = Sshd::start();
    let mut named = target_by(by, &sshd);
    named.address = "localhost".into();
    connected(&named).await.close().await;
}

async fn a_silent_host_is_given_up(by: Connection) {
    let sshd = Sshd::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut silent = target_by(by, &sshd);
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

/// A command that has begun and takes its time.
async fn at_work(transport: &dyn Transport) -> Channel {
    let mut channel = transport
        .exec(&["sh", "-c", "echo begun; sleep 60"])
        .await
        .unwrap();
    let mut begun = [0; 6];
    channel.stdout.read_exact(&mut begun).await.unwrap();
    channel
}

async fn a_cut_connection_is_lost(by: Connection) {
    let sshd = Sshd::start();
    let transport = connected(&target_by(by, &sshd)).await;
    let channel = at_work(&*transport).await;
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

async fn nothing_survives_its_owner(by: Connection) {
    let sshd = Sshd::start();
    let transport = connected(&target_by(by, &sshd)).await;
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

async fn a_probe_is_a_connection_of_its_own(by: Connection) {
    let sshd = Sshd::start();
    let control = sshd.path("operators_master");
    let config = format!(
        "ControlMaster auto\nControlPath {}\nControlPersist 5\n",
        control.display()
    );
    let options = options_with(&sshd, &config);
    let transport = connect(&target_by(by, &sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 1);
    probe(&target_by(by, &sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 2);
    probe(&target_by(by, &sshd), &options).await.unwrap();
    assert_eq!(sshd.logins(), 3);
    assert!(!control.exists());
    transport.close().await;
}

async fn a_probe_of_a_dead_host_says_so(by: Connection) {
    let mut sshd = Sshd::start();
    let dead = target_by(by, &sshd);
    sshd.stop();
    let error = probe(&dead, &options()).await.unwrap_err();
    assert_eq!(error.exit_code(), 69);
}

async fn the_operators_configuration_holds(by: Connection) {
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
        ..target_by(by, &sshd)
    };
    let transport = connect(&by_alias, &options_with(&sshd, &config))
        .await
        .unwrap();
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
}

async fn a_jump_host_leads_to_the_host(by: Connection) {
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
        ..target_by(by, &sshd)
    };

    // The jump host is not known: it is the one to be named, and nothing of it is learned.
    let error = refused(&inner, &options).await;
    let named = match &error {
        TransportError::UnknownHostKey { host, key: None } => host,
        TransportError::UnknownJumpHostKey { entry, .. } => {
            assert_eq!(format!("{entry}\n"), line);
            entry
        }
        _ => panic!("{error:?}"),
    };
    assert!(named.contains(&bastion.port.to_string()), "{error:?}");
    assert_eq!(bastion.logins(), 0);

    fs::write(&known_hosts, line).unwrap();
    let transport = connect(&inner, &options).await.unwrap();
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    assert_eq!((bastion.logins(), sshd.logins()), (1, 1));
    transport.close().await;
}

async fn one_session_at_a_time_is_enough(by: Connection) {
    let sshd = Sshd::with("MaxSessions 1");
    let transport = connected(&target_by(by, &sshd)).await;
    for _ in 0..20 {
        assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    }
    transport.close().await;
}

async fn a_session_too_many_is_refused(by: Connection) {
    let sshd = Sshd::with("MaxSessions 1");
    let transport = connected(&target_by(by, &sshd)).await;
    let first = transport.exec(&["cat"]).await.unwrap();
    let second = transport.exec(&["true"]).await;
    let Err(error @ TransportError::Exec { .. }) = second else {
        panic!("{second:?}");
    };
    let hint = error.hint().unwrap();
    assert!(hint.contains("MaxSessions"), "{hint}");
    // The first one goes on.
    let output = first.output(b"still there").await.unwrap();
    assert_eq!(output.stdout, b"still there");
    transport.close().await;
}

async fn jump_hosts_of_the_inventory_come_first(by: Connection) {
    let (bastion, sshd) = (Sshd::start(), Sshd::start());
    let known_hosts = sshd.path("known_hosts");
    let line = format!("[127.0.0.1]:{} {}\n", bastion.port, bastion.host_key());
    fs::write(&known_hosts, line).unwrap();
    let config = format!(
        "Host bastion\n HostName 127.0.0.1\n IdentityFile {}\n UserKnownHostsFile {}\n\
         Host 127.0.0.1\n ProxyJump nowhere.invalid\n",
        bastion.path("user").display(),
        known_hosts.display()
    );
    let options = options_with(&sshd, &config);
    let mut inner = target_by(by, &sshd);
    inner.jump = vec![Jump::parse(&format!("root@bastion:{}", bastion.port)).unwrap()];
    let transport = connect(&inner, &options).await.unwrap();
    let bytes = vec![7; 3_000_000];
    let output = run(&*transport, &["cat"], &bytes).await;
    assert_eq!((output.exit, output.stdout == bytes), (Exit::Code(0), true));
    assert_eq!((bastion.logins(), sshd.logins()), (1, 1));
    transport.close().await;
    probe(&inner, &options).await.unwrap();
    assert_eq!((bastion.logins(), sshd.logins()), (2, 2));
}

async fn a_closed_port_behind_a_jump_host_is_unreachable(by: Connection) {
    let bastion = Sshd::start();
    let known_hosts = bastion.path("known_hosts");
    let line = format!("[127.0.0.1]:{} {}\n", bastion.port, bastion.host_key());
    fs::write(&known_hosts, line).unwrap();
    let config = format!(
        "Host bastion\n HostName 127.0.0.1\n IdentityFile {}\n UserKnownHostsFile {}\n",
        bastion.path("user").display(),
        known_hosts.display()
    );
    let mut closed = target_by(by, &bastion);
    closed.port = Some(free_port());
    closed.jump = vec![Jump::parse(&format!("root@bastion:{}", bastion.port)).unwrap()];
    let error = refused(&closed, &options_with(&bastion, &config)).await;
    let TransportError::Unreachable { reason, .. } = &error else {
        panic!("{error:?}");
    };
    // `ssh` does not pass on why.
    if by == Connection::Russh {
        assert!(matches!(reason, Unreachable::Refused(_)), "{error:?}");
    }
    assert_eq!(error.exit_code(), 69);
}

/// No goodbye and no error: packets are lost.
async fn a_silent_connection_is_lost(by: Connection) {
    let sshd = Sshd::start();
    let link = SlowLink::to(sshd.port, Duration::ZERO, u32::MAX);
    let mut behind = target_by(by, &sshd);
    behind.port = Some(link.port);
    let options = Options {
        alive_interval: Duration::from_secs(1),
        ..options()
    };
    let transport = connect(&behind, &options).await.unwrap();
    let channel = at_work(&*transport).await;
    link.pull_the_cable();
    let output = tokio::time::timeout(Duration::from_secs(8), channel.output(b""))
        .await
        .unwrap();
    assert!(
        matches!(output, Err(TransportError::Lost { .. })),
        "{output:?}"
    );
}

/// It takes nothing any more, while much is to be sent.
async fn a_host_that_stands_still_is_lost(by: Connection) {
    let sshd = Sshd::start();
    let options = Options {
        alive_interval: Duration::from_secs(1),
        ..options()
    };
    let transport = connect(&target_by(by, &sshd), &options).await.unwrap();
    let mut channel = transport
        .exec(&["sh", "-c", "echo begun; cat"])
        .await
        .unwrap();
    let mut begun = [0; 6];
    channel.stdout.read_exact(&mut begun).await.unwrap();
    sshd.freeze();
    let much = vec![b'x'; 40_000_000];
    let output = tokio::time::timeout(Duration::from_secs(15), channel.output(&much))
        .await
        .unwrap();
    assert!(
        matches!(output, Err(TransportError::Lost { .. })),
        "{output:?}"
    );
}

/// 40 ms each way, 2 MB a second.
async fn a_slow_link_is_no_hindrance(by: Connection) {
    let sshd = Sshd::start();
    let link = SlowLink::to(sshd.port, Duration::from_millis(40), 2_000_000);
    let mut behind = target_by(by, &sshd);
    behind.port = Some(link.port);
    let transport = connected(&behind).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let output = run(&*transport, &["cat"], &bytes).await;
    assert_eq!((output.exit, output.stdout == bytes), (Exit::Code(0), true));
    transport.close().await;
}

/// The operator thinks about a question while the host asks for signs of life.
async fn an_idle_command_keeps_its_connection(by: Connection) {
    let sshd = Sshd::with("ClientAliveInterval 1\nClientAliveCountMax 1");
    let transport = connected(&target_by(by, &sshd)).await;
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
}

async fn a_pinned_key_need_not_be_the_favourite(by: Connection) {
    for (kind, bits) in [("ecdsa", "256"), ("rsa", "2048")] {
        let sshd = Sshd::with_host_key(&["-t", kind, "-b", bits]);
        let transport = connected(&target_by(by, &sshd)).await;
        assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
        transport.close().await;
    }
}

async fn a_hashed_name_is_known(by: Connection) {
    let sshd = Sshd::start();
    let known_hosts = sshd.path("known_hosts");
    let line = format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key());
    fs::write(&known_hosts, line).unwrap();
    hash_names(&known_hosts);
    assert!(fs::read_to_string(&known_hosts).unwrap().starts_with("|1|"));
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target_by(by, &sshd)
    };
    let text = format!("UserKnownHostsFile {}\n", known_hosts.display());
    let options = options_with(&sshd, &text);
    connect(&unpinned, &options).await.unwrap().close().await;
}

async fn a_revoked_key_is_refused(by: Connection) {
    let sshd = Sshd::start();
    let known_hosts = sshd.path("known_hosts");
    let (port, key) = (sshd.port, sshd.host_key());
    let lines = format!("[127.0.0.1]:{port} {key}\n@revoked * {key}\n");
    fs::write(&known_hosts, lines).unwrap();
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target_by(by, &sshd)
    };
    let text = format!("UserKnownHostsFile {}\n", known_hosts.display());
    let error = refused(&unpinned, &options_with(&sshd, &text)).await;
    if by == Connection::Russh {
        assert!(
            matches!(&error, TransportError::RevokedHostKey { place, .. } if place.ends_with(":2")),
            "{error:?}"
        );
    }
    assert_eq!(sshd.logins(), 0);
}

async fn the_agent_stays_here(by: Connection) {
    let sshd = Sshd::start();
    let agent = SshAgent::with(&[&sshd.path("user")]);
    let mut options = options_with(&sshd, "ForwardAgent yes\n");
    options.credentials.agent = Some(agent.socket.clone());
    let transport = connect(&target_by(by, &sshd), &options).await.unwrap();
    let script = "echo ${SSH_AUTH_SOCK-none}";
    let output = run(&*transport, &["sh", "-c", script], b"").await;
    assert_eq!(output.stdout, b"none\n");
    transport.close().await;
}
