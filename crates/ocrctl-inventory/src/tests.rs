//! Messages about an inventory with mistakes, and the result of one without.

use std::fmt::Write;
use std::path::Path;

use super::*;

const GOOD: &str = "\
environments:
  prod:
    names: [ocr.example.org]
    hosts:
      - address: ocr1.example.org
    image: registry.example.org/example-org/ocr-service:0.1.0
";

fn parse(text: &str) -> Result<Inventory, InventoryError> {
    Inventory::parse(text, Path::new("inventory.yaml"))
}

/// All complaints about `text` as one text.
fn complaints(text: &str) -> String {
    let mut out = String::new();
    for diagnostic in parse(text).unwrap_err().diagnostics() {
        writeln!(out, "{}", diagnostic.message).unwrap();
        if let Some(excerpt) = &diagnostic.excerpt {
            writeln!(out, "{excerpt}").unwrap();
        }
        if let Some(hint) = &diagnostic.hint {
            writeln!(out, "hint: {hint}").unwrap();
        }
        out.push('\n');
    }
    out
}

/// Complaints about [`GOOD`] with more lines in `prod`.
fn complaints_with(lines: &str) -> String {
    complaints(&format!("{GOOD}{lines}"))
}

#[test]
fn a_misspelt_field() {
    insta::assert_snapshot!(complaints(&GOOD.replace("names", "nmaes")));
    insta::assert_snapshot!(complaints_with("    service: {replicas: 3}\n"));
}

#[test]
fn mistakes_in_ownership_and_recipients() {
    insta::assert_snapshot!(complaints_with(
        "    ownership:
      organization: ghcr.io/acme
      domains: [example_org]
      ssh_keys: [ann@desk, SHA256:short, ssh-ed25519 AAAA]
      sudoers: ['%sudo', ann, ann]
      jobs: ['']
    backup:
      recipients: [ann@example.org]
"
    ));
}

#[test]
fn an_identity_among_recipients_is_refused_and_not_repeated() {
    let said = complaints_with("    backup: {recipients: [AGE-SECRET-KEY-1HUNTER2]}\n");
    assert!(
        said.contains("secret") && said.contains("age-keygen -y"),
        "{said}"
    );
    assert!(!said.contains("HUNTER2"), "{said}");
}

#[test]
fn everything_wrong_is_named_at_once() {
    insta::assert_snapshot!(complaints(
        "\
environments:
  prod:
    names: [192.0.2.1, '*.example.org', ocr.example.org, OCR.example.org]
    hosts:
      - address: deploy@ocr1.example.org:22
      - {address: ocr2, port: 70000, connection: telnet}
      - {address: ocr2, identity_file: key}
      - {user: root}
      - {address: ocr3, host_keys: [ssh-ed25519], jump: ['bastion:ssh']}
      - {address: ocr3, name: again, connection: local, port: 22}
    image: ocr-service
    tls: {issuer: acne}
    registry: {username: ocr-pull}
    service:
      workers: 0
      languages: [eng, EN, eng]
      engine: tesserac
      max_upload: 3GB
      page_timeout: 5m
      memory: 2048
      cpus: 0.01
    firewall:
      allow:
        - {port: 443}
        - {port: 9100, from: 10.1.2.3/8}
        - {protocol: tpc}
  Staging:
    hosts: []
"
    ));
}

#[test]
fn what_is_not_the_yaml_that_is_expected() {
    let texts = [
        "",
        "environments: {}",
        "environments: [prod]",
        "environments:\n\tprod: {}\n",
        "environments:\n  prod: {image: \"unclosed\n",
        "environments:\n  prod: {image: a}\n  prod: {image: b}\n",
        "environments:\n  prod:\n    names: ocr.example.org\n",
        "environments:\n  prod:\n    names: [~]\n",
        "environments:\n  prod:\n    image: [a]\n",
        "environments:\n  prod:\n    image: *base\n",
        "environments:\n  prod: {}\n---\nenvironments: {}\n",
    ];
    let all: Vec<String> = texts
        .iter()
        .map(|text| format!("{text}\n~~~\n{}", complaints(text)))
        .collect();
    insta::assert_snapshot!(all.join("====\n"));
}

#[test]
fn combinations_that_make_no_sense() {
    insta::assert_snapshot!(complaints_with(
        "    service: {page_timeout: 3m, drain: 10s}\n"
    ));
    insta::assert_snapshot!(complaints_with(
        "    service: {drain: 10s, max_upload: 3GB}\n"
    ));
    insta::assert_snapshot!(complaints_with(
        "    tls: {issuer: files, chain: chain.pem}\n"
    ));
    insta::assert_snapshot!(complaints_with("    tls: {chain: chain.pem}\n"));
    insta::assert_snapshot!(complaints_with(
        "    registry: {username: a, password: {env: A, file: b}}\n"
    ));
    insta::assert_snapshot!(complaints_with(
        "    tls: {issuer: certbot, profile: shortlived, key: {env: A}}\n"
    ));
}

#[test]
fn an_authority_that_can_not_be_asked() {
    insta::assert_snapshot!(complaints_with(
        "    tls:
      issuer: acme
      directory: letsencript
      contact: ocr at example.org
      key_type: rsa
      external_account: {key_id: one}
"
    ));
    let text = complaints_with(
        "    tls: {issuer: acme, external_account: {key_id: one, hmac_key: hunter2}}\n",
    );
    assert!(text.contains("is not written into the inventory") && !text.contains("hunter2"));
}

#[test]
fn an_authority_is_named_or_written_out() {
    let tls = |fields: &str| {
        let inventory = parse(&format!("{GOOD}    tls: {{issuer: acme{fields}}}\n")).unwrap();
        match &inventory.environment("prod").unwrap().tls {
            tls::Tls::Acme(authority) => authority.clone(),
            other => panic!("{other:?}"),
        }
    };
    let default = tls("");
    assert_eq!(
        default.directory,
        "https://acme-v02.api.letsencrypt.org/directory"
    );
    assert_eq!(default.key_type, ocrctl_protocol::KeyType::EcdsaP256);
    assert_eq!((default.contact, default.profile), (None, None));
    let staging = tls(", directory: letsencrypt-staging");
    assert!(staging.directory.contains("staging"));
    let own = tls(", directory: 'https://ca.example.org/dir', contact: 'mailto:ocr@example.org'");
    assert_eq!(own.directory, "https://ca.example.org/dir");
    assert_eq!(own.contact.as_deref(), Some("ocr@example.org"));
}

#[test]
fn a_secret_that_is_written_out_is_refused_and_not_repeated() {
    for lines in [
        "    registry: {username: ocr-pull, password: hunter2}\n",
        "    registry:\n      username: ocr-pull\n      password: \"hunter2\"\n",
        "    registry: {username: ocr-pull, pasword: hunter2}\n",
        "    registry: {username: ocr-pull, passwd: hunter2}\n",
        "    registry:\n      password: |\n        hunter2\n",
        "    registry: {password: hunter2, username: 'a:b'}\n",
        "    registry: {password: hunter2, usernam: a}\n",
        "    registry: {password: a: hunter2}\n",
        "    registry: {username: ocr-pull, password: \"hunter2}\n",
        "    registry: {username: ocr-pull, password: [hunter2]}\n",
        "    registry: {username: ocr-pull, password: {evn: hunter2}}\n",
        "    registry: {username: ocr-pull, password: {env: A}, password: hunter2}\n",
    ] {
        let text = complaints_with(lines);
        assert!(!text.contains("hunter2"), "{text}");
        let error = parse(&format!("{GOOD}{lines}")).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
    insta::assert_snapshot!(complaints_with(
        "    registry: {username: ocr-pull, password: hunter2}\n"
    ));
}

#[test]
fn an_unknown_environment_is_named_with_what_there_is() {
    let inventory = parse(GOOD).unwrap();
    let hint = |name| {
        inventory.environment(name).unwrap_err().diagnostics()[0]
            .hint
            .clone()
    };
    assert_eq!(hint("prdo").unwrap(), "did you mean `prod`?");
    assert_eq!(
        hint("rehearsal").unwrap(),
        "the environments here are `prod`"
    );
}

#[test]
fn anchors_and_merges_share_what_environments_have_in_common() {
    let inventory = parse(
        "\
environments:
  prod: &prod
    names: [ocr.example.org]
    hosts: [{address: ocr1}]
    image: registry.example.org/ocr-service:0.1.0
    service: {memory: 4GiB}
  staging:
    <<: *prod
    hosts: [{address: staging1}]
",
    )
    .unwrap();
    let staging = inventory.environment("staging").unwrap();
    assert_eq!(staging.service.memory, 4 << 30);
    assert_eq!(staging.hosts[0].address, "staging1");
}

#[test]
fn the_deadline_carries_the_values_that_depend_on_it() {
    let service = |fields: &str| {
        parse(&format!("{GOOD}    service: {{{fields}}}\n"))
            .unwrap()
            .environments[0]
            .service
            .clone()
    };
    let long = service("deadline: 10m");
    assert_eq!(long.drain, long.deadline);
    let short = service("deadline: 10s");
    assert_eq!(short.page_timeout, short.deadline);
}

#[tokio::test]
async fn desired_state_has_secrets_and_files() {
    let dir = tempfile::tempdir().unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
    std::fs::write(dir.path().join("key.pem"), "PEM of a key\n").unwrap();
    let text = format!(
        "{GOOD}    registry: {{username: ocr-pull, password: {{command: [cat, key.pem]}}, ca: ca.pem}}
    tls: {{issuer: files, chain: ca.pem, key: {{file: key.pem}}}}
    firewall: {{allow: [{{port: 9100, from: 10.0.0.0/8}}]}}
"
    );
    let inventory = Inventory::parse(&text, &dir.path().join("inventory.yaml")).unwrap();
    let desired = inventory.environments[0].desired().await.unwrap();
    assert_eq!(desired.registry.ca.as_deref(), Some(pem));
    let credentials = desired.registry.credentials.as_ref().unwrap();
    assert_eq!(credentials.password.expose(), "PEM of a key");
    let ocrctl_protocol::Tls::Files { chain, key } = &desired.tls else {
        panic!("{:?}", desired.tls);
    };
    assert_eq!((chain.as_str(), key.expose()), (pem, "PEM of a key"));
    assert!(!format!("{desired:?}").contains("PEM of a key"));
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
    let desired = async |file: &str| {
        let text = format!("{GOOD}    registry: {{ca: {file}}}\n");
        let inventory = Inventory::parse(&text, &dir.path().join("inventory.yaml")).unwrap();
        inventory.environments[0]
            .desired()
            .await
            .unwrap_err()
            .to_string()
    };
    let missing = desired("nowhere.pem").await;
    assert!(missing.contains("environments.prod.registry.ca") && missing.contains("No such file"));
    assert!(
        desired("key.pem")
            .await
            .contains("there is a private key in it")
    );
}
