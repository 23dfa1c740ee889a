//! Which keys `connection: russh` is let in with, and who is asked for what opens them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::{options, options_with, run, target_by};
use crate::test_support::ssh_agent::SshAgent;
use crate::test_support::sshd::{Sshd, keygen, remove_passphrase, sign};
use crate::transport::{Exit, Options, Passphrases, TransportError, connect, probe};
use ocrctl_inventory::{Connection, Target};

const PASSPHRASE: &str = "open sesame";

/// The host, without a key of the inventory to log in with.
fn keyless(sshd: &Sshd) -> Target {
    Target {
        identity_file: None,
        ..target_by(Connection::Russh, sshd)
    }
}

async fn works(target: &Target, options: &Options) {
    let transport = connect(target, options).await.unwrap();
    assert_eq!(run(&*transport, &["true"], b"").await.exit, Exit::Code(0));
    transport.close().await;
}

async fn refused(target: &Target, options: &Options) -> TransportError {
    match connect(target, options).await {
        Err(error) => error,
        Ok(_) => panic!("the connection was made"),
    }
}

/// Answers with the passphrase, but first with `wrong` others; counts the questions.
fn asking(wrong: usize) -> (Passphrases, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let questions = Arc::clone(&count);
    let passphrases = Passphrases::asked_by(move |question| {
        assert!(question.contains("Passphrase for /"), "{question}");
        let said = match questions.fetch_add(1, Ordering::SeqCst) {
            n if n < wrong => "open barley",
            _ => PASSPHRASE,
        };
        Some(said.to_owned().into())
    });
    (passphrases, count)
}

/// A key that the host takes, and that needs a passphrase.
fn locked(sshd: &Sshd) -> Target {
    let path = sshd.path("locked");
    keygen(&path, &["-N", PASSPHRASE]);
    fs::copy(sshd.path("locked.pub"), sshd.path("authorized")).unwrap();
    Target {
        identity_file: Some(path),
        ..keyless(sshd)
    }
}

#[tokio::test]
async fn the_usual_key_files_are_tried() {
    let sshd = Sshd::start();
    let mut options = options();
    options.credentials.directory = Some(sshd.path(""));
    for (name, kind) in [
        ("id_ed25519", &["-t", "ed25519"][..]),
        ("id_ecdsa", &["-t", "ecdsa"]),
        // With SHA-1 it would be refused.
        ("id_rsa", &["-t", "rsa", "-b", "2048"]),
    ] {
        keygen(&sshd.path(name), kind);
        fs::copy(sshd.path(&format!("{name}.pub")), sshd.path("authorized")).unwrap();
        works(&keyless(&sshd), &options).await;
        fs::remove_file(sshd.path(name)).unwrap();
    }
}

#[tokio::test]
async fn an_agent_signs() {
    let sshd = Sshd::start();
    keygen(&sshd.path("rsa"), &["-t", "rsa", "-b", "2048"]);
    for name in ["user", "rsa"] {
        fs::copy(
            sshd.path(name).with_extension("pub"),
            sshd.path("authorized"),
        )
        .unwrap();
        let agent = SshAgent::with(&[&sshd.path("stranger"), &sshd.path(name)]);
        let mut options = options();
        options.credentials.agent = Some(agent.socket.clone());
        works(&keyless(&sshd), &options).await;
    }
}

#[tokio::test]
async fn an_agent_opens_the_file_that_the_inventory_names() {
    let sshd = Sshd::start();
    let target = locked(&sshd);
    // The agent has it without a passphrase.
    let open = sshd.path("opened");
    fs::copy(sshd.path("locked"), &open).unwrap();
    remove_passphrase(&open, PASSPHRASE);
    let agent = SshAgent::with(&[&open]);
    let mut options = options();
    options.credentials.agent = Some(agent.socket.clone());
    works(&target, &options).await;
}

#[tokio::test]
async fn a_passphrase_is_asked_for_once() {
    let sshd = Sshd::start();
    let target = locked(&sshd);
    let (passphrases, questions) = asking(0);
    let mut options = options();
    options.credentials.passphrases = passphrases;
    let (one, other) = tokio::join!(connect(&target, &options), connect(&target, &options));
    one.unwrap().close().await;
    other.unwrap().close().await;
    probe(&target, &options).await.unwrap();
    assert_eq!(questions.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_passphrase_may_be_mistyped_twice() {
    let sshd = Sshd::start();
    let target = locked(&sshd);
    let mut options = options();
    let (passphrases, questions) = asking(2);
    options.credentials.passphrases = passphrases;
    works(&target, &options).await;
    assert_eq!(questions.load(Ordering::SeqCst), 3);

    let (passphrases, questions) = asking(9);
    options.credentials.passphrases = passphrases;
    let error = refused(&target, &options).await;
    assert!(
        matches!(error, TransportError::Passphrase { .. }),
        "{error:?}"
    );
    assert_eq!(questions.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_key_that_the_host_does_not_want_is_not_asked_for() {
    let sshd = Sshd::start();
    let target = locked(&sshd);
    fs::copy(sshd.path("user.pub"), sshd.path("authorized")).unwrap();
    let (passphrases, questions) = asking(0);
    let mut options = options();
    options.credentials.passphrases = passphrases;
    let error = refused(&target, &options).await;
    assert!(matches!(error, TransportError::Denied { .. }), "{error:?}");
    assert_eq!(questions.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_anybody_to_ask_the_hint_names_the_agent() {
    let sshd = Sshd::start();
    let target = locked(&sshd);
    let error = refused(&target, &options()).await;
    let TransportError::Passphrase { path, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(path, &sshd.path("locked"));
    let hint = error.hint().unwrap();
    assert!(hint.contains("ssh-add"), "{hint}");
}

#[tokio::test]
async fn a_refusal_lists_what_was_tried() {
    let sshd = Sshd::start();
    let agent = SshAgent::with(&[&sshd.path("stranger")]);
    let config = format!("IdentityFile {}\n", sshd.path("absent").display());
    let mut options = options_with(&sshd, &config);
    options.credentials.agent = Some(agent.socket.clone());
    let error = refused(&keyless(&sshd), &options).await;
    let said = error.to_string();
    for words in [
        "Permission denied (publickey)",
        "to let root in",
        "absent does not exist",
        "the agent's key SHA256:",
        "(ocrctl test) was refused",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }

    options.credentials.agent = None;
    let error = refused(&keyless(&sshd), &options).await;
    assert!(
        error.to_string().contains("Permission denied (publickey)"),
        "{error}"
    );
    options.ssh_config.clear();
    let error = refused(&keyless(&sshd), &options).await;
    assert!(
        error.to_string().contains("there was no key to offer"),
        "{error}"
    );
}

#[tokio::test]
async fn separates_too_many_keys_from_wrong_ones() {
    let sshd = Sshd::with("MaxAuthTries 2");
    let names = ["a", "b", "c", "user"].map(|name| sshd.path(name));
    for name in &names[..3] {
        keygen(name, &[]);
    }
    let agent = SshAgent::with(&names.each_ref().map(|path| path.as_path()));
    let mut options = options();
    options.credentials.agent = Some(agent.socket.clone());
    let error = refused(&keyless(&sshd), &options).await;
    assert!(
        error
            .to_string()
            .contains("Too many authentication failures"),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("identity_file"), "{hint}");
    // A key that is named comes first.
    let named = Target {
        identity_file: Some(sshd.path("user")),
        ..keyless(&sshd)
    };
    works(&named, &options).await;
}

#[tokio::test]
async fn an_agent_learns_which_host_it_signs_for() {
    let (sshd, other) = (Sshd::start(), Sshd::start());
    fs::copy(sshd.path("user.pub"), other.path("authorized")).unwrap();
    let known_hosts = sshd.path("known_hosts");
    let line = |host: &Sshd| format!("[127.0.0.1]:{} {}\n", host.port, host.host_key());
    fs::write(&known_hosts, line(&sshd) + &line(&other)).unwrap();
    let destination = format!("root@[127.0.0.1]:{}", sshd.port);
    let agent = SshAgent::constrained(&sshd.path("user"), &destination, &known_hosts);
    let mut options = options();
    options.credentials.agent = Some(agent.socket.clone());
    works(&keyless(&sshd), &options).await;
    let error = refused(&keyless(&other), &options).await;
    assert!(matches!(error, TransportError::Denied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_lets_its_bearer_in() {
    let authority = tempfile::tempdir().unwrap();
    let ca = authority.path().join("ca");
    keygen(&ca, &[]);
    let sshd = Sshd::with(&format!("TrustedUserCAKeys {}.pub", ca.display()));
    fs::write(sshd.path("authorized"), "").unwrap();
    sign(&ca, &sshd.path("user"));
    works(&target_by(Connection::Russh, &sshd), &options()).await;

    // An agent has it with its key.
    let agent = SshAgent::with(&[&sshd.path("user")]);
    let mut options = options();
    options.credentials.agent = Some(agent.socket.clone());
    works(&keyless(&sshd), &options).await;
}

#[tokio::test]
async fn an_authority_for_host_keys_is_not_asked_and_said() {
    let sshd = Sshd::start();
    let known_hosts = sshd.path("known_hosts");
    fs::write(
        &known_hosts,
        format!("@cert-authority * {}\n", sshd.host_key()),
    )
    .unwrap();
    let mut options = options();
    options.credentials.directory = Some(sshd.path(""));
    let unpinned = Target {
        host_keys: Vec::new(),
        ..target_by(Connection::Russh, &sshd)
    };
    let error = refused(&unpinned, &options).await;
    assert!(
        matches!(error, TransportError::HostCertificate { .. }),
        "{error:?}"
    );
    assert_eq!(sshd.logins(), 0);
}
