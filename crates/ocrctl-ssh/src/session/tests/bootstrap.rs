//! The agent comes to a host once, whole, and makes room behind it.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::{Duration, SystemTime};

use super::support::{AGENT, TestHost, big_script, files, open, open_watched, script};
use crate::session::agent_file::AgentFile;
use crate::session::{Progress, SessionError};
use crate::test_support::user::User;
use crate::transport;
use ocrctl_command::Program;
use ocrctl_inventory::Connection;

#[tokio::test]
async fn the_agent_is_uploaded_once() {
    let host = TestHost::start();
    let mut steps = Vec::new();
    let session = open_watched(&host.target(), &host.base, script(AGENT), &mut |step| {
        steps.push(step);
    })
    .await
    .unwrap();
    assert_eq!(session.notices(), ["all was well"]);
    session.close().await;
    assert_eq!((host.sshd.logins(), host.sshd.commands()), (1, 3));
    assert!(
        matches!(
            steps[..],
            [
                Progress::Connecting,
                Progress::Starting,
                Progress::Uploading { sent, total },
                Progress::Starting
            ] if sent == total
        ),
        "{steps:?}"
    );
    let name = script(AGENT).name();
    assert_eq!(host.files(), std::slice::from_ref(&name));
    let file = fs::metadata(host.base.join("bin").join(name)).unwrap();
    assert_eq!((file.mode() & 0o7777, file.uid()), (0o755, 0));

    // From now on: one handshake, one exec.
    host.open(AGENT).await.unwrap().close().await;
    assert_eq!((host.sshd.logins(), host.sshd.commands()), (2, 4));
}

#[tokio::test]
async fn it_takes_no_more_without_an_ssh_program() {
    let host = TestHost::start();
    let target = transport::tests::support::target_by(Connection::Russh, &host.sshd);
    let agent = big_script(5_000_000);
    for (logins, commands) in [(1, 3), (2, 4)] {
        let session = open(&target, &host.base, agent.clone()).await.unwrap();
        assert_eq!(session.notices(), ["all was well"]);
        session.reconnect_probe().await.unwrap();
        session.close().await;
        // The probe is a connection and a command of its own.
        assert_eq!(
            (host.sshd.logins(), host.sshd.commands()),
            (2 * logins, commands + logins)
        );
    }
}

#[tokio::test]
async fn a_large_agent_arrives_as_it_was() {
    let host = TestHost::start();
    let agent = big_script(5_000_000);
    let mut last = (0, 0);
    open_watched(&host.target(), &host.base, agent.clone(), &mut |step| {
        if let Progress::Uploading { sent, total } = step {
            assert!(sent > last.0);
            last = (sent, total);
        }
    })
    .await
    .unwrap()
    .close()
    .await;
    assert_eq!(last.0, last.1);
    let stored = fs::read(host.base.join("bin").join(agent.name())).unwrap();
    assert_eq!(agent.payload().await.unwrap().bytes, stored);
}

#[tokio::test]
async fn sudo_without_a_password_is_enough() {
    let host = TestHost::start();
    let user = User::with_sudo(Some("ALL=(root) NOPASSWD: ALL"));
    let target = host.target_as(&user.name);
    open(&target, &host.base, big_script(300_000))
        .await
        .unwrap()
        .close()
        .await;
    let [name] = &host.files()[..] else {
        panic!("{:?}", host.files());
    };
    assert_eq!(
        fs::metadata(host.base.join("bin").join(name))
            .unwrap()
            .uid(),
        0
    );
    open(&target, &host.base, big_script(300_000))
        .await
        .unwrap()
        .close()
        .await;
    assert_eq!((host.sshd.logins(), host.sshd.commands()), (2, 4));
}

#[tokio::test]
async fn a_rule_for_the_agent_alone_is_enough_once_it_is_there() {
    let host = TestHost::start();
    host.open(AGENT).await.unwrap().close().await;
    let rule = format!("ALL=(root) NOPASSWD: {}/bin/ocrctl-*", host.base.display());
    let user = User::with_sudo(Some(&rule));
    open(&host.target_as(&user.name), &host.base, script(AGENT))
        .await
        .unwrap()
        .close()
        .await;
}

#[tokio::test]
async fn root_needs_no_sudo() {
    let tools = tools(&["gzip"]);
    let host = TestHost::with(&format!("SetEnv PATH={}", tools.path().display()));
    host.open(AGENT).await.unwrap().close().await;
    assert_eq!(host.files().len(), 1);
}

/// By its own program, or where that is missing by apt, which every host has.
#[tokio::test]
async fn sends_an_agent_packed_by_xz() {
    for unpacks in [&["xz"][..], &[]] {
        let tools = tools(unpacks);
        let host = TestHost::with(&format!("SetEnv PATH={}", tools.path().display()));
        let (agent, packed) = packed_by_xz(400_000).await;
        let mut last = 0;
        open_watched(&host.target(), &host.base, agent.clone(), &mut |step| {
            if let Progress::Uploading { sent, .. } = step {
                last = sent;
            }
        })
        .await
        .unwrap()
        .close()
        .await;
        assert_eq!(last, packed);
        assert_eq!(host.files(), [agent.name()]);
        let stored = fs::read(host.base.join("bin").join(agent.name())).unwrap();
        assert_eq!(agent.payload().await.unwrap().bytes, stored);
    }
}

#[tokio::test]
async fn discards_an_agent_damaged_by_xz() {
    for unpacks in [&["xz"][..], &[]] {
        let tools = tools(unpacks);
        let host = TestHost::with(&format!("SetEnv PATH={}", tools.path().display()));
        let agent = script(AGENT).with(|it| it.with_xz(&b"\xfd7zXZ\0no more"[..]));
        let error = open(&host.target(), &host.base, agent).await.unwrap_err();
        assert!(matches!(error, SessionError::UploadCut { .. }), "{error:?}");
        assert_eq!(host.files(), [""; 0]);
    }
}

/// An agent that brings itself packed, and how long it is so.
async fn packed_by_xz(bytes: usize) -> (AgentFile, u64) {
    let agent = big_script(bytes);
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("agent");
    fs::write(&plain, &agent.payload().await.unwrap().bytes).unwrap();
    let xz = Program::new("xz").args([plain.to_str().unwrap()]);
    xz.run().await.unwrap();
    let packed = fs::read(plain.with_extension("xz")).unwrap();
    let length = packed.len() as u64;
    (agent.with(|it| it.with_xz(packed)), length)
}

/// Makes a directory with the programs that the scripts need, without sudo.
fn tools(besides: &[&str]) -> tempfile::TempDir {
    let tools = tempfile::tempdir().unwrap();
    let scripts = [
        "sh",
        "id",
        "uname",
        "mkdir",
        "find",
        "mktemp",
        "cat",
        "sha256sum",
        "chmod",
        "sync",
        "mv",
        "readlink",
        "ls",
        "grep",
        "tail",
        "rm",
        "cksum",
    ];
    for tool in scripts.iter().chain(besides) {
        let path = ["/usr/bin", "/bin"]
            .map(|dir| format!("{dir}/{tool}"))
            .into_iter()
            .find(|path| fs::exists(path).unwrap())
            .unwrap();
        symlink(path, tools.path().join(tool)).unwrap();
    }
    tools
}

#[tokio::test]
async fn old_agents_make_room_but_for_the_one_in_use() {
    let host = TestHost::start();
    let bin = host.base.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let name = |n: u64| format!("ocrctl-{n:016x}");
    for n in 1..=6 {
        let file = fs::File::create(bin.join(name(n))).unwrap();
        let age = Duration::from_secs(1000 * (10 - n));
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    symlink(name(1), bin.join("ocrctl")).unwrap();
    fs::write(bin.join("notes"), "not ours").unwrap();
    let leftover = fs::File::create(bin.join(".ocrctl-0000000000000001.abcdef")).unwrap();
    leftover
        .set_modified(SystemTime::now() - Duration::from_secs(7200))
        .unwrap();

    host.open(AGENT).await.unwrap().close().await;
    let mut expected = vec![
        "notes".into(),
        "ocrctl".into(),
        name(1),
        name(4),
        name(5),
        name(6),
        script(AGENT).name(),
    ];
    expected.sort();
    assert_eq!(host.files(), expected);
}

#[tokio::test]
async fn this_machine_is_a_host_too() {
    let dir = tempfile::tempdir().unwrap();
    let target = transport::tests::support::this_machine();
    for _ in 0..2 {
        let session = open(&target, dir.path(), script(AGENT)).await.unwrap();
        assert_eq!(session.notices(), ["all was well"]);
        session.close().await;
    }
    assert_eq!(files(dir.path()).len(), 1);
}

#[tokio::test]
async fn one_ssh_session_at_a_time_is_enough() {
    let host = TestHost::with("MaxSessions 1");
    host.open(AGENT).await.unwrap().close().await;
    assert_eq!(host.sshd.logins(), 1);
}
