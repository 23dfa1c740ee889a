//! Issuing and renewing with a real Pebble on loopback, and what can go wrong with it.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::acme::testing::{Fault, Faults};
use crate::acme::{Ca, Dns};
use crate::host::{Access, Host};
use crate::requests::renew::when_due;
use crate::resources::certificate::issuance::Issuance;
use crate::resources::certificate::live::Issued;
use crate::resources::certificate::renewal::{Ended, Renewal};
use crate::resources::certificate::schedule::{Asker, State, Why};
use crate::resources::certificate::settings::Settings;
use crate::resources::certificate::{
    CHAIN, Certificate, KEY, Leaf, Surroundings, account, live_hash, pem,
};
use crate::test_support::mount::Tmpfs;
use crate::test_support::pebble::{EXTERNAL_ACCOUNT, Pebble, Settings as PebbleSettings, Webroot};
use ocrctl_command::Program;
use ocrctl_protocol::{Authority, Context, ExternalAccount, Failure, KeyType, Result, Secret, Tls};

/// A host with its surroundings.
struct Scene {
    _root: Option<tempfile::TempDir>,
    host: Host,
    pebble: Pebble,
    webroot: Webroot,
    surroundings: Surroundings,
    names: Vec<String>,
    key_type: KeyType,
    profile: Option<String>,
    contact: Option<String>,
    external_account: Option<ExternalAccount>,
    now: Timestamp,
    faults: Faults,
}

impl Scene {
    fn new() -> Self {
        Self::with(PebbleSettings::default())
    }

    fn with(settings: PebbleSettings) -> Self {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        Self::on(host, Some(root), settings)
    }

    fn on(host: Host, root: Option<tempfile::TempDir>, settings: PebbleSettings) -> Self {
        // Installed by main otherwise; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pebble = Pebble::start(settings);
        let webroot = Webroot::serve(host.path("/var/lib/ocrctl/webroot"), pebble.http_port);
        let surroundings = Surroundings {
            dns: Dns::at(pebble.dns),
            http_port: pebble.http_port,
            own_addresses: vec![IpAddr::from([127, 0, 0, 1])],
        };
        let mut scene = Self {
            _root: root,
            host,
            pebble,
            webroot,
            surroundings,
            names: vec!["ocr.example.test".to_owned()],
            key_type: KeyType::EcdsaP256,
            profile: None,
            contact: Some("ocr@example.test".to_owned()),
            external_account: None,
            now: Timestamp::now(),
            faults: Faults::current(),
        };
        scene
            .pebble
            .dns("set-default-ipv4", &serde_json::json!({"ip": "127.0.0.1"}));
        scene.now = Timestamp::now();
        scene
    }

    fn authority(&self) -> Authority {
        Authority {
            directory: self.pebble.directory.clone(),
            directory_ca: Some(self.pebble.ca.clone()),
            contact: self.contact.clone(),
            key_type: self.key_type,
            profile: self.profile.clone(),
        }
    }

    fn settings(&self) -> Settings {
        Settings::new("prod", &self.names, &self.tls())
    }

    fn tls(&self) -> Tls {
        Tls::Acme {
            authority: self.authority(),
            external_account: self.external_account.clone(),
        }
    }

    fn issuance(&self) -> Issuance {
        Issuance {
            settings: self.settings(),
            authority: self.authority(),
            external_account: self.external_account.clone(),
        }
    }

    /// The reason of the planned change, if there is one.
    fn planned(&self) -> Option<String> {
        let change = self.issuance().diff(&self.host).unwrap();
        change.map(|change| change.reason)
    }

    async fn renew_as(&self, asker: Asker, renew_now: bool) -> Result<Ended> {
        let settings = self.settings();
        Renewal {
            host: &self.host,
            settings: &settings,
            external_account: self.external_account.as_ref(),
            surroundings: &self.surroundings,
            asker,
            renew_now,
            now: self.now,
        }
        .run(&mut |_| {})
        .await
    }

    /// Renews like the timer.
    async fn renew(&self) -> Result<Ended> {
        self.renew_as(Asker::Timer, false).await
    }

    async fn issue(&self) {
        let certificate = Certificate {
            settings: self.settings(),
            tls: self.tls(),
        };
        certificate.apply(&self.host).await.unwrap();
        assert_eq!(certificate.diff(&self.host).unwrap(), None);
        assert!(self.planned().unwrap().contains("temporary"));
        let ended = self.renew_as(Asker::Operator, false).await.unwrap();
        assert!(matches!(ended, Ended::Renewed(_)), "{ended:?}");
        assert_eq!(self.planned(), None);
    }

    fn leaf(&self) -> Leaf {
        pem::leaf(&self.host.read_text(CHAIN).unwrap().unwrap()).unwrap()
    }

    fn state(&self) -> State {
        State::read(&self.host).unwrap()
    }

    fn orders(&self) -> usize {
        self.faults.requests("/order-plz")
    }
}

fn renewed(ended: &Result<Ended>) -> bool {
    matches!(ended, Ok(Ended::Renewed(_)))
}

#[tokio::test]
async fn issues_for_all_names_and_renews_at_a_third_of_the_life() {
    let mut scene = Scene::new();
    scene.names.push("api.example.test".to_owned());
    scene.issue().await;
    let first = scene.leaf();
    assert_eq!(first.names, ["api.example.test", "ocr.example.test"]);
    assert_eq!(
        scene.host.access(KEY).unwrap().unwrap(),
        Access::root(0o600)
    );
    assert!(matches!(
        Issued::live(&scene.host).unwrap(),
        Some(Issued::Acme(_))
    ));
    let challenges = scene
        .host
        .path("/var/lib/ocrctl/webroot/.well-known/acme-challenge");
    assert_eq!(
        std::fs::read_dir(challenges).unwrap().count(),
        0,
        "tokens are left"
    );

    // 12's Pebble (2.4) gives no renewal information; 13's (2.6) does.
    let informs = Ca::connect(&scene.authority())
        .await
        .unwrap()
        .has_renewal_info();
    let schedule = scene.state().schedule.unwrap();
    let why = if informs {
        Why::RenewalInformation
    } else {
        Why::Age
    };
    assert_eq!((schedule.why, &schedule.serial), (why, &first.serial));
    assert!(schedule.at > scene.now);
    assert!(matches!(scene.renew().await, Ok(Ended::NotDue(_))));
    assert_eq!(
        scene.state().schedule.unwrap(),
        schedule,
        "the point is kept"
    );

    scene.now = schedule.at + SignedDuration::from_secs(1);
    assert!(renewed(&scene.renew().await));
    assert_ne!(scene.leaf().serial, first.serial);
    assert_eq!(scene.state().schedule.unwrap().serial, scene.leaf().serial);
    assert_eq!(
        scene.faults.requests("/sign-me-up"),
        1,
        "one account for both"
    );
}

#[tokio::test]
async fn other_names_or_another_key_type_are_another_certificate() {
    let mut scene = Scene::new();
    scene.issue().await;
    scene.names.push("api.example.test".to_owned());
    assert!(
        scene
            .planned()
            .unwrap()
            .contains("its names are ocr.example.test")
    );
    assert!(renewed(&scene.renew_as(Asker::Operator, false).await));
    assert_eq!(scene.planned(), None);

    scene.key_type = KeyType::Rsa2048;
    assert!(scene.planned().is_some());
    assert!(renewed(&scene.renew_as(Asker::Operator, false).await));
    let key = scene.host.read_text(KEY).unwrap().unwrap();
    assert!(
        key.contains("BEGIN PRIVATE KEY") && key.len() > 1500,
        "no RSA key"
    );
    assert_eq!(scene.planned(), None);
}

#[tokio::test]
async fn a_new_contact_reaches_the_account_without_an_order() {
    let mut scene = Scene::new();
    scene.issue().await;
    let orders = scene.orders();
    scene.contact = Some("operations@example.test".to_owned());
    assert!(
        scene
            .planned()
            .unwrap()
            .contains("contact is ocr@example.test")
    );
    let ended = scene.renew_as(Asker::Operator, false).await;
    assert!(matches!(ended, Ok(Ended::NotDue(_))), "{ended:?}");
    assert_eq!(scene.planned(), None);
    assert_eq!(scene.orders(), orders);
}

#[tokio::test]
async fn rejected_nonces_are_replaced() {
    let scene = Scene::with(PebbleSettings {
        reject_nonces: 35,
        ..PebbleSettings::default()
    });
    scene.issue().await;
}

/// Each kind of request in turn, more often than the client's own three attempts.
#[tokio::test]
async fn a_nonce_may_be_rejected_at_any_request() {
    let scene = Scene::new();
    let kinds = [
        "/sign-me-up",
        "/order-plz",
        "/authZ/",
        "/chalZ/",
        "/my-order/",
        "/finalize-order/",
        "/certZ/",
    ];
    for kind in kinds {
        for _ in 0..5 {
            scene
                .faults
                .add(kind, Fault::problem(400, "badNonce", Vec::new()));
        }
    }
    scene.issue().await;
    for kind in kinds {
        assert!(scene.faults.requests(kind) > 5, "{kind}");
    }
}

#[tokio::test]
async fn a_deactivated_account_is_replaced_by_a_new_one() {
    let scene = Scene::new();
    scene.issue().await;
    account::deactivate(&scene.host, &scene.authority()).await;
    let before = scene.leaf().serial;
    assert!(renewed(&scene.renew_as(Asker::Force, true).await));
    assert_ne!(scene.leaf().serial, before);
    assert_eq!(scene.faults.requests("/sign-me-up"), 2);
}

#[tokio::test]
async fn an_authority_that_has_forgotten_everything_gets_a_new_account() {
    let mut scene = Scene::new();
    scene.issue().await;
    scene.pebble.down();
    scene.pebble.up();
    assert!(renewed(&scene.renew_as(Asker::Force, true).await));
}

#[tokio::test]
async fn a_failing_validation_is_explained_and_not_repeated_at_once() {
    let mut scene = Scene::new();
    scene.issue().await;
    let before = live_hash(&scene.host).unwrap();
    scene.webroot.withholds.store(true, Ordering::Relaxed);
    scene.now = scene.state().schedule.unwrap().at;
    let orders = scene.orders();
    let failure = scene.renew().await.unwrap_err();
    assert!(
        failure.message.contains("ocr.example.test") && failure.message.contains("404"),
        "{failure}"
    );
    assert!(failure.hint.unwrap().contains("port 80"));
    assert_eq!(
        live_hash(&scene.host).unwrap(),
        before,
        "the old one serves on"
    );
    assert_eq!(scene.orders(), orders + 1);

    // Whoever asks now, no further order is made.
    for asker in [Asker::Timer, Asker::Operator] {
        let held = scene.renew_as(asker, false).await.unwrap_err();
        assert!(held.message.contains("not asked again before"), "{held}");
    }
    assert_eq!(scene.orders(), orders + 1);
    assert_eq!(scene.state().failures, 1);

    scene.now += SignedDuration::from_secs(61);
    scene.renew().await.unwrap_err();
    assert_eq!((scene.orders(), scene.state().failures), (orders + 2, 2));
    scene.now += SignedDuration::from_secs(61);
    scene.renew().await.unwrap_err();
    assert_eq!(scene.orders(), orders + 2, "ten minutes after the second");

    scene.webroot.withholds.store(false, Ordering::Relaxed);
    scene.now += SignedDuration::from_mins(10);
    assert!(renewed(&scene.renew().await));
    assert_eq!(
        (scene.state().failures, scene.state().last_failure),
        (0, None)
    );
}

#[tokio::test]
async fn an_authority_that_is_down_during_a_renewal_is_asked_later() {
    let mut scene = Scene::new();
    scene.issue().await;
    let schedule = scene.state().schedule.unwrap();
    let before = live_hash(&scene.host).unwrap();
    scene.pebble.down();
    assert!(
        matches!(scene.renew().await, Ok(Ended::NotDue(_))),
        "not due yet"
    );
    scene.now = schedule.at;
    let failure = scene.renew().await.unwrap_err();
    assert!(failure.message.contains("refused"), "{failure}");
    assert_eq!(live_hash(&scene.host).unwrap(), before);
    scene.pebble.up();
    scene.now += SignedDuration::from_secs(61);
    assert!(renewed(&scene.renew().await));
}

#[tokio::test]
async fn a_server_error_is_tried_again_and_a_lost_answer_found_again() {
    let scene = Scene::new();
    let html = Fault::Answer {
        status: 503,
        headers: vec![],
        body: "<html>busy</html>".to_owned(),
    };
    scene.faults.add("/order-plz", html.clone());
    scene.faults.add("/authZ/", html);
    scene.faults.add("/dir", Fault::Nothing);
    scene.issue().await;
}

#[tokio::test]
async fn a_rate_limit_holds_everybody_until_the_authority_says() {
    let mut scene = Scene::new();
    scene.issue().await;
    let until = scene.now + SignedDuration::from_hours(30);
    let headers = vec![("retry-after", (30 * 3600).to_string())];
    scene
        .faults
        .add("/order-plz", Fault::problem(429, "rateLimited", headers));
    let failure = scene.renew_as(Asker::Force, true).await.unwrap_err();
    assert!(failure.message.contains("rateLimited"), "{failure}");
    let said = scene.state().retry_after.unwrap();
    assert!(
        said.duration_since(until).abs() < SignedDuration::from_mins(1),
        "{said}"
    );

    let orders = scene.orders();
    scene.now += SignedDuration::from_hours(29);
    let held = scene.renew_as(Asker::Force, true).await.unwrap_err();
    assert!(held.hint.unwrap().contains("authority's own word"));
    assert_eq!(scene.orders(), orders);
    scene.now += SignedDuration::from_hours(2);
    assert!(renewed(&scene.renew_as(Asker::Force, true).await));
}

#[tokio::test]
async fn an_expired_authorization_costs_one_attempt() {
    let mut scene = Scene::new();
    scene.issue().await;
    let expired = serde_json::json!({
        "identifier": {"type": "dns", "value": "ocr.example.test"},
        "status": "expired", "expires": "2020-01-01T00:00:00Z", "challenges": [],
    });
    scene.faults.add(
        "/authZ/",
        Fault::Answer {
            status: 200,
            headers: vec![],
            body: expired.to_string(),
        },
    );
    scene.now = scene.state().schedule.unwrap().at;
    let failure = scene.renew().await.unwrap_err();
    assert!(failure.message.contains("expired"), "{failure}");
    scene.now += SignedDuration::from_secs(61);
    assert!(renewed(&scene.renew().await));
}

#[tokio::test]
async fn a_clock_that_is_off_makes_no_orders() {
    let mut scene = Scene::new();
    scene.issue().await;
    // By the host's clock it is due; the authority's own is 70 days behind.
    scene.now = scene.state().schedule.unwrap().at;
    scene.faults.set_clock(SignedDuration::from_hours(-70 * 24));
    let orders = scene.orders();
    let failure = scene.renew().await.unwrap_err();
    assert!(
        failure.message.contains("clock is 1680.0 h ahead of"),
        "{failure}"
    );
    assert_eq!(scene.orders(), orders);
    scene.faults.set_clock(SignedDuration::from_secs(30));
    scene.now += SignedDuration::from_secs(61);
    assert!(renewed(&scene.renew().await));
}

#[tokio::test]
async fn a_wrong_record_is_named_before_an_order_is_made() {
    let scene = Scene::new();
    // Nothing of ours listens there.
    scene.pebble.dns(
        "add-a",
        &serde_json::json!({"host": "ocr.example.test.", "addresses": ["127.0.0.1", "127.0.0.77"]}),
    );
    let says = async || {
        let mut scene_state = State::read(&scene.host).unwrap();
        scene_state.retry_at = None;
        scene.renew_as(Asker::Operator, false).await.unwrap_err()
    };
    let failure = says().await;
    assert!(
        failure
            .message
            .contains("the A record of ocr.example.test is 127.0.0.77"),
        "{failure}"
    );
    scene
        .pebble
        .dns("clear-a", &serde_json::json!({"host": "ocr.example.test."}));
    scene.pebble.dns(
        "add-aaaa",
        &serde_json::json!({"host": "ocr.example.test.", "addresses": ["::1"]}),
    );
    let failure = says().await;
    assert!(
        failure
            .message
            .contains("the AAAA record of ocr.example.test is ::1"),
        "{failure}"
    );
    scene.pebble.dns(
        "clear-aaaa",
        &serde_json::json!({"host": "ocr.example.test."}),
    );
    scene
        .pebble
        .dns("set-default-ipv4", &serde_json::json!({"ip": ""}));
    let failure = says().await;
    assert!(failure.message.contains("no A or AAAA record"), "{failure}");
    assert_eq!(scene.orders(), 0);

    // Nothing was ordered, so that a repair need not wait.
    scene
        .pebble
        .dns("set-default-ipv4", &serde_json::json!({"ip": "127.0.0.1"}));
    assert!(renewed(&scene.renew_as(Asker::Operator, false).await));
}

#[tokio::test]
async fn a_caa_record_that_allows_only_others_is_named() {
    let scene = Scene::new();
    let ca = Ca::connect(&scene.authority()).await.unwrap();
    let forbid = |host: &str, issuer: &str| {
        scene.pebble.dns(
            "add-caa",
            &serde_json::json!({"host": host, "policies": [{"tag": "issue", "value": issuer}]}),
        );
    };
    // At a parent: it counts for all below that have none of their own.
    forbid("example.test.", "other.example");
    let preflight = |identities: Vec<String>| {
        let scene = &scene;
        async move {
            let token = crate::acme::preflight::Token {
                name: "preflight-token".to_owned(),
                content: "here".to_owned(),
            };
            let path = format!("{}/{}", super::super::CHALLENGES, token.name);
            scene
                .host
                .write(&path, b"here", Access::root(0o644))
                .unwrap();
            crate::acme::preflight::Preflight {
                dns: &scene.surroundings.dns,
                names: &scene.names,
                caa_identities: &identities,
                own: &scene.surroundings.own_addresses,
                token: &token,
                port: scene.surroundings.http_port,
            }
            .run()
            .await
            .failures
        }
    };
    let found = preflight(vec!["pebble.example".to_owned()]).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("CAA record of example.test allows only other.example"),
        "{found:?}"
    );
    forbid("ocr.example.test.", "pebble.example");
    assert_eq!(
        preflight(vec!["pebble.example".to_owned()]).await,
        [] as [&str; 0]
    );
    // An authority that does not say what it is called can't be judged.
    assert_eq!(
        preflight(ca.caa_identities().to_vec()).await,
        [] as [&str; 0]
    );
}

#[tokio::test]
async fn an_external_account_is_bound_once_and_asked_for_where_it_is_missing() {
    let mut scene = Scene::with(PebbleSettings {
        external_accounts_only: true,
        ..PebbleSettings::default()
    });
    let failure = scene.renew_as(Asker::Operator, false).await.unwrap_err();
    assert!(failure.hint.unwrap().contains("tls.external_account"));
    let account = |key: &str| ExternalAccount {
        key_id: EXTERNAL_ACCOUNT.0.to_owned(),
        hmac_key: Secret(key.to_owned().into()),
    };
    scene.external_account = Some(account("not base64url!"));
    let failure = scene.renew_as(Asker::Operator, false).await.unwrap_err();
    assert!(failure.message.contains("hmac_key"), "{failure}");
    assert!(!failure.message.contains("not base64url!"));

    scene.external_account = Some(account(EXTERNAL_ACCOUNT.1));
    scene.issue().await;
    // The host renews without it, and has kept nothing of it.
    scene.external_account = None;
    scene.now = scene.state().schedule.unwrap().at;
    assert!(renewed(&scene.renew().await));
    let left = Program::new("grep")
        .args(["-rlF", EXTERNAL_ACCOUNT.1])
        .arg(scene.host.path("/"))
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[tokio::test]
async fn a_profile_that_the_authority_does_not_have_is_refused_with_those_it_has() {
    let mut scene = Scene::new();
    scene.profile = Some("no-such-profile".to_owned());
    let failure = scene.renew_as(Asker::Operator, false).await.unwrap_err();
    assert!(
        failure.message.contains("has no profile `no-such-profile`"),
        "{failure}"
    );
    assert_eq!(scene.orders(), 0);
}

#[tokio::test]
async fn a_disk_that_is_full_costs_neither_the_certificate_nor_an_order() {
    let disk = Tmpfs::with("size=512k");
    let scene = Scene::on(Host::at(disk.path()), None, PebbleSettings::default());
    scene.issue().await;
    let mut renewals = 0;
    // From no room at all to room enough, one page more each time.
    for pages in 0..14 {
        let before = (live_hash(&scene.host).unwrap(), scene.orders());
        let filler = disk.path().join("filler");
        fill(&filler, pages);
        let outcome = scene.renew_as(Asker::Force, true).await;
        std::fs::remove_file(&filler).unwrap();
        let leaf = scene.leaf();
        let key = scene.host.read_text(KEY).unwrap().unwrap();
        let chain = scene.host.read_text(CHAIN).unwrap().unwrap();
        assert!(pem::keys_match(&chain, &key) && leaf.not_after > scene.now);
        match outcome {
            Ok(_) => renewals += 1,
            Err(failure) => {
                assert!(failure.message.contains("No space left"), "{failure}");
                assert_eq!(live_hash(&scene.host).unwrap(), before.0);
                // Without room to remember it, nothing is ordered.
                if pages == 0 {
                    assert_eq!(scene.orders(), before.1);
                }
            }
        }
    }
    assert!(renewals > 0, "it was always full");
    // With room again, what could not be written down is found out.
    assert!(matches!(
        scene.renew_as(Asker::Timer, false).await,
        Ok(Ended::NotDue(_))
    ));
    assert_eq!(scene.state().schedule.unwrap().serial, scene.leaf().serial);
    assert!(renewed(&scene.renew_as(Asker::Force, true).await));
}

/// Fills the file system but for this many pages.
fn fill(path: &std::path::Path, pages: usize) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    let mut length: u64 = 0;
    while file.write_all(&[0; 4096]).is_ok() {
        length += 4096;
    }
    file.set_len(length.saturating_sub(pages as u64 * 4096))
        .unwrap();
}

#[tokio::test]
async fn of_two_renewals_at_once_one_does_it() -> Result<()> {
    let mut scene = Scene::new();
    scene.issue().await;
    let settings = scene.settings();
    scene
        .host
        .write(
            crate::resources::certificate::settings::PATH,
            settings.to_json().as_bytes(),
            Access::root(0o644),
        )
        .context("writing")?;
    // Due now, by what the host remembers.
    let mut state = scene.state();
    if let Some(schedule) = &mut state.schedule {
        schedule.at = Timestamp::now();
    }
    state.ask_after = Some(Timestamp::now() + SignedDuration::from_hours(1));
    state.remember(&scene.host)?;
    let orders = scene.orders();
    let before = scene.leaf().serial;
    let (mut one, mut two) = (|_: &str| {}, |_: &str| {});
    let both = async {
        tokio::join!(
            when_due(&scene.host, &scene.surroundings, &mut one),
            when_due(&scene.host, &scene.surroundings, &mut two)
        )
    };
    let (one, two) = tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .map_err(|_| Failure::new("they wait for each other"))?;
    assert_eq!(
        [&one, &two].iter().filter(|ended| renewed(ended)).count(),
        1
    );
    assert_eq!(scene.orders(), orders + 1);
    assert_ne!(scene.leaf().serial, before);
    scene.now = Timestamp::now();
    Ok(())
}
