//! Reasons that keep an agent from starting, and their messages.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::support::{AGENT, TestHost, big_script, files, open, open_watched, options, script};
use crate::session::agent_file::{AgentFile, Agents};
use crate::session::{Progress, Session, SessionError};
use crate::test_support::mount::Tmpfs;
use crate::test_support::user::User;
use crate::transport::TransportError;

#[tokio::test]
async fn a_password_for_sudo_is_asked_for_in_vain() {
    let host = TestHost::start();
    for rule in [Some("ALL=(root) ALL"), None] {
        let user = User::with_sudo(rule);
        let error = open(&host.target_as(&user.name), &host.base, script(AGENT))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, SessionError::SudoPassword { .. }),
            "{error:?}"
        );
        let hint = error.hint().unwrap();
        let line = format!("{} ALL=(root) NOPASSWD: ALL", user.name);
        assert!(hint.contains(&line), "{hint}");
    }
    // The same where the agent is there already.
    host.open(AGENT).await.unwrap().close().await;
    let user = User::with_sudo(None);
    let error = open(&host.target_as(&user.name), &host.base, script(AGENT))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SessionError::SudoPassword { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn reports_a_user_without_sudo() {
    let tools = tempfile::tempdir().unwrap();
    for tool in ["sh", "id", "uname"] {
        symlink(format!("/usr/bin/{tool}"), tools.path().join(tool)).unwrap();
    }
    let open_to_all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(tools.path(), open_to_all).unwrap();
    let host = TestHost::with(&format!("SetEnv PATH={}", tools.path().display()));
    let user = User::with_sudo(None);
    let error = open(&host.target_as(&user.name), &host.base, script(AGENT))
        .await
        .unwrap_err();
    assert!(matches!(&error, SessionError::NoSudo { .. }), "{error:?}");
}

#[tokio::test]
async fn a_mount_without_exec_is_named() {
    let host = TestHost::start();
    let mount = Tmpfs::with("size=1m,noexec");
    let user = User::with_sudo(Some("ALL=(root) NOPASSWD: ALL"));
    for target in [host.target(), host.target_as(&user.name)] {
        let error = open(&target, mount.path(), script(AGENT))
            .await
            .unwrap_err();
        let SessionError::NoExec { directory, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(directory.ends_with("/bin"));
    }
}

#[tokio::test]
async fn a_full_disk_keeps_no_half_of_an_agent() {
    let host = TestHost::start();
    let mount = Tmpfs::with("size=256k");
    let user = User::with_sudo(Some("ALL=(root) NOPASSWD: ALL"));
    for target in [host.target(), host.target_as(&user.name)] {
        let error = open(&target, mount.path(), big_script(3_000_000))
            .await
            .unwrap_err();
        assert!(matches!(&error, SessionError::DiskFull { .. }), "{error:?}");
        assert_eq!(files(mount.path()), [""; 0]);
    }
}

#[tokio::test]
async fn a_cut_upload_keeps_no_half_of_an_agent() {
    let host = TestHost::start();
    let sshd = &host.sshd;
    let error = open_watched(
        &host.target(),
        &host.base,
        big_script(8_000_000),
        &mut |step| {
            if let Progress::Uploading { sent, .. } = step
                && sent > 2_000_000
            {
                sshd.cut();
            }
        },
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&error, SessionError::Transport(TransportError::Lost { .. })),
        "{error:?}"
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while !host.files().is_empty() {
        assert!(Instant::now() < deadline, "{:?}", host.files());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // And the next attempt succeeds.
    let agent = big_script(8_000_000);
    open(&host.target(), &host.base, agent)
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn a_damaged_upload_is_thrown_away() {
    let host = TestHost::start();
    let agent = script(AGENT).with(|mut payload| {
        payload.sha256 = "0".repeat(64);
        payload
    });
    let error = open(&host.target(), &host.base, agent).await.unwrap_err();
    assert!(
        matches!(&error, SessionError::UploadCut { .. }),
        "{error:?}"
    );
    assert_eq!(host.files(), [""; 0]);
}

#[tokio::test]
async fn an_agent_for_another_architecture_is_not_sent() {
    let host = TestHost::start();
    let agent = AgentFile::new("/usr/bin/ocrctl".into(), "s390x".into(), AGENT);
    let error = open(&host.target(), &host.base, agent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "there is no agent for prod1: it needs one for {}, and there is /usr/bin/ocrctl (s390x)",
            std::env::consts::ARCH
        )
    );
    assert_eq!(host.files(), [""; 0]);
}

#[tokio::test]
async fn a_dynamic_executable_is_not_sent() {
    let host = TestHost::start();
    let mut options = options(&host.base);
    options.agents = Arc::new(Agents::new(Some("/bin/sh".into())));
    let error = Session::open(&host.target(), "ann", &options, &mut |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SessionError::AgentUnfit { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("dynamically linked"), "{error}");
}

#[tokio::test]
async fn another_version_of_the_protocol_is_refused() {
    let host = TestHost::start();
    let agent = "#!/bin/sh\necho '{\"type\":\"hello\",\"version\":99,\"notices\":[]}'\nread -r x\n";
    let error = host.open(agent).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SessionError::Version {
                ours: ocrctl_protocol::VERSION,
                theirs: 99,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_agent_that_dies_at_once_is_quoted() {
    let host = TestHost::start();
    let error = host
        .open("#!/bin/sh\necho 'cannot open /var/log/ocrctl' >&2\nexit 1\n")
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("cannot open /var/log/ocrctl"),
        "{error}"
    );
}

#[tokio::test]
async fn a_talkative_login_shell_does_no_harm() {
    let host = TestHost::with("ForceCommand echo Welcome to prod1; eval \"$SSH_ORIGINAL_COMMAND\"");
    host.open(AGENT).await.unwrap().close().await;
}

#[tokio::test]
async fn a_forced_command_is_not_taken_for_an_agent() {
    let host = TestHost::with("ForceCommand yes you may not");
    let error = host.open(AGENT).await.unwrap_err();
    assert!(matches!(&error, SessionError::Garbled { .. }), "{error:?}");
}
