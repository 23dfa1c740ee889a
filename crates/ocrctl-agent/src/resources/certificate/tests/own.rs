//! The environment's own authority and the operator's files.

use crate::host::{Access, Host};
use crate::resources::certificate::settings::Settings;
use crate::resources::certificate::{CHAIN, Certificate, KEY, authority, live_hash};
use ocrctl_protocol::{Authority, KeyType, Secret, Tls};

fn certificate(names: &[&str], tls: Tls) -> Certificate {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    Certificate {
        settings: Settings::new("prod", &names, &tls),
        tls,
    }
}

#[tokio::test]
async fn the_own_authority_issues_once_and_for_new_names_again() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let first = certificate(&["ocr.example.org"], Tls::SelfSigned);
    assert_eq!(first.diff(&host).unwrap().unwrap().reason, "there is none");
    first.apply(&host).await.unwrap();
    assert_eq!(first.diff(&host).unwrap(), None);
    assert_eq!(host.access(KEY).unwrap().unwrap().mode, 0o600);
    assert_eq!(
        host.access("/etc/ocrctl/tls/ca.key").unwrap().unwrap().mode,
        0o600
    );
    let before = authority(&host).unwrap();

    let second = certificate(&["ocr.example.org", "api.example.org"], Tls::SelfSigned);
    let reason = second.diff(&host).unwrap().unwrap().reason;
    assert!(reason.contains("its names are"), "{reason}");
    second.apply(&host).await.unwrap();
    assert_eq!(second.diff(&host).unwrap(), None);
    assert_eq!(
        authority(&host).unwrap(),
        before,
        "clients keep trusting it"
    );

    host.remove("/etc/ocrctl/tls/ca.pem").unwrap();
    assert!(second.diff(&host).unwrap().is_some());
    second.apply(&host).await.unwrap();
    assert_eq!(second.diff(&host).unwrap(), None);
}

#[tokio::test]
async fn repairs_the_mode_of_a_readable_key_and_keeps_it() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let own = certificate(&["ocr.example.org"], Tls::SelfSigned);
    own.apply(&host).await.unwrap();
    let before = live_hash(&host).unwrap();
    host.set_access(KEY, Access::root(0o644)).unwrap();
    let reason = own.diff(&host).unwrap().unwrap().reason;
    assert_eq!(reason, "owner or mode of its key differ");
    own.apply(&host).await.unwrap();
    assert_eq!(own.diff(&host).unwrap(), None);
    assert_eq!(host.access(KEY).unwrap().unwrap().mode, 0o600);
    assert_eq!(live_hash(&host).unwrap(), before, "the same certificate");
}

#[tokio::test]
async fn a_damaged_one_of_an_authority_gives_way_to_a_temporary_one() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let issued = certificate(
        &["ocr.example.org"],
        Tls::Acme {
            authority: Authority {
                directory: "https://acme.example.org/dir".into(),
                directory_ca: None,
                contact: None,
                key_type: KeyType::EcdsaP256,
                profile: None,
            },
            external_account: None,
        },
    );
    issued.apply(&host).await.unwrap();
    assert_eq!(issued.diff(&host).unwrap(), None);
    for path in [CHAIN, KEY] {
        let text = host.read_text(path).unwrap().unwrap();
        std::fs::write(host.path(path), &text[..text.len() / 2]).unwrap();
        let reason = issued.diff(&host).unwrap().unwrap().reason;
        assert!(reason.contains("damaged"), "{reason}");
        issued.apply(&host).await.unwrap();
        assert_eq!(issued.diff(&host).unwrap(), None);
    }
}

#[tokio::test]
async fn the_operators_files_are_checked_before_use() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let own = certificate(&["ocr.example.org"], Tls::SelfSigned).settings;
    let issued = authority::issue(&host, &own).unwrap();
    let other = authority::issue(&host, &own).unwrap();
    let files = |chain: &str, key: &str| Tls::Files {
        chain: chain.to_owned(),
        key: Secret(key.to_owned().into()),
    };
    let good = certificate(&["ocr.example.org"], files(&issued.chain, &issued.key));
    good.apply(&host).await.unwrap();
    assert_eq!(good.diff(&host).unwrap(), None);

    // The files after the operator's own renewal.
    let renewed = certificate(&["ocr.example.org"], files(&other.chain, &other.key));
    let change = renewed.diff(&host).unwrap().unwrap();
    assert_eq!(change.reason, "the operator's files differ");
    renewed.apply(&host).await.unwrap();
    assert_eq!(renewed.diff(&host).unwrap(), None);

    let says = |names: &[&str], tls: Tls| {
        let refused = certificate(names, tls).diff(&host).unwrap_err();
        refused.message
    };
    let mixed = says(&["ocr.example.org"], files(&issued.chain, &other.key));
    assert!(mixed.contains("does not belong"), "{mixed}");
    let elsewhere = says(&["other.example.org"], files(&issued.chain, &issued.key));
    assert!(
        elsewhere.contains("not for other.example.org"),
        "{elsewhere}"
    );
    let garbage = says(&["ocr.example.org"], files("no PEM", &issued.key));
    assert!(garbage.contains("tls.chain"), "{garbage}");

    // The leaf again in the place of its issuer.
    let leaf_only = issued
        .chain
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let twice = says(
        &["ocr.example.org"],
        files(&format!("{leaf_only}{leaf_only}"), &issued.key),
    );
    assert!(twice.contains("follows"), "{twice}");
}
