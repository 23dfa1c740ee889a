//! The host states that change the release, and the reasons.

use super::*;
use jiff::{SignedDuration, Timestamp};
use ocrctl_protocol::{Detail, PageEngine};
use std::time::Duration;

const IMAGE: &str =
    "r.example/o/n@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(super) fn release() -> Release {
    Release {
        image: ImageRef::parse(IMAGE).unwrap(),
        archive: None,
        registry: Registry {
            credentials: None,
            ca: None,
        },
        service: Service {
            workers: None,
            languages: vec!["eng".into()],
            engine: PageEngine::Auto,
            max_upload: 50_000_000,
            max_pages: None,
            page_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(120),
            drain: Duration::from_secs(60),
            ready_timeout: Duration::from_secs(60),
            watch: Duration::ZERO,
            memory: 2 << 30,
            millicpus: None,
            pids: 256,
            require_sandbox: true,
            runtime: None,
        },
        rules: None,
        name: "ocr.example.org".into(),
    }
}

fn container(image: &str, slot: Slot, running: bool) -> Container {
    Container {
        running,
        image: image.into(),
        image_id: "sha256:c0".into(),
        fields: release().spec(image, slot).fields(),
        exit_code: Some(137),
        restarts: 0,
        started: None,
    }
}

fn compare(live: Option<Slot>, a: Option<Container>, b: Option<Container>) -> Option<Change> {
    release().compare(
        IMAGE,
        &State {
            live,
            containers: [a, b],
        },
    )
}

#[test]
fn a_right_live_container_is_no_change() {
    let old = "r.example/o/n@sha256:ffff";
    let kept = Some(container(old, Slot::A, false));
    assert_eq!(
        compare(Some(Slot::B), kept, Some(container(IMAGE, Slot::B, true))),
        None
    );
}

#[test]
fn the_same_image_from_another_registry_is_no_change() {
    let old = Some(container(IMAGE, Slot::A, true));
    let mut release = release();
    let moved = "org.example:5001/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    release.image = ImageRef::parse(moved).unwrap();
    let state = State {
        live: Some(Slot::A),
        containers: [old, None],
    };
    assert_eq!(release.compare(moved, &state), None);
    let change = release.compare("org.example:5001/a/b@sha256:ffff", &state);
    assert_eq!(change.unwrap().reason, "another release is live");
}

#[test]
fn every_other_state_is_a_change_with_its_reason() {
    let right = |running| Some(container(IMAGE, Slot::A, running));
    let old = |running| Some(container("r.example/o/n@sha256:ffff", Slot::A, running));
    let reason = |change: Option<Change>| {
        let change = change.unwrap();
        (change.action, change.reason)
    };
    assert_eq!(reason(compare(None, None, None)).0, Action::Create);
    assert_eq!(reason(compare(Some(Slot::A), None, None)).0, Action::Create);
    assert_eq!(
        reason(compare(Some(Slot::A), old(true), None)),
        (Action::Update, "another release is live".into())
    );
    assert_eq!(
        reason(compare(Some(Slot::A), right(false), None)).0,
        Action::Start
    );
    let both = compare(
        Some(Slot::A),
        right(true),
        Some(container(IMAGE, Slot::B, true)),
    );
    assert_eq!(reason(both).0, Action::Delete);
    let mut drifted = container(IMAGE, Slot::A, true);
    drifted
        .fields
        .insert("published ports".into(), "3000/tcp".into());
    let change = compare(Some(Slot::A), Some(drifted), None).unwrap();
    assert_eq!(change.reason, "its container differs");
    assert_eq!(change.details.len(), 1);
}

#[test]
fn a_plan_names_archived_images_as_the_inventory_does() {
    let image = |digest: &str| {
        let image = ImageRef::parse("r.example:5000/o/n:1").unwrap();
        crate::docker::archived(&image, format!("sha256:{}", digest.repeat(64)))
    };
    let live = Some(container(&image("a").to_string(), Slot::A, true));
    let state = State {
        live: Some(Slot::A),
        containers: [live, None],
    };
    let change = release().compare(&image("b").to_string(), &state).unwrap();
    let shown = |digest: &str| Some(format!("r.example:5000/o/n@sha256:{}", digest.repeat(64)));
    let image = Detail::Field {
        name: "image".into(),
        from: shown("a"),
        to: shown("b"),
    };
    assert!(change.details.contains(&image), "{change:?}");
}

#[test]
fn a_container_that_has_lost_its_socket_is_replaced_unless_it_has_just_started() {
    let now = Timestamp::now();
    let since = |seconds| {
        let mut live = container(IMAGE, Slot::B, true);
        live.started = Some(now - SignedDuration::from_secs(seconds));
        let state = State {
            live: Some(Slot::B),
            containers: [None, Some(live)],
        };
        release().cut_off(&state, now)
    };
    assert_eq!(since(30), None);
    let change = since(90).unwrap();
    assert_eq!(change.action, Action::Update);
    assert!(change.reason.contains("/var/lib/ocr/b/ocr.sock is missing"));
}

#[test]
fn a_container_in_another_runtime_is_replaced_and_the_hosts_own_choice_is_left_alone() {
    let in_runtime = |name: &str| {
        let mut found = container(IMAGE, Slot::A, true);
        found.fields.insert("runtime".into(), name.into());
        State {
            live: Some(Slot::A),
            containers: [Some(found), None],
        }
    };
    for own in ["runc", "crun"] {
        assert_eq!(release().compare(IMAGE, &in_runtime(own)), None);
    }
    let mut caged = release();
    caged.service.runtime = Some("runsc".into());
    assert_ne!(caged.id(IMAGE), release().id(IMAGE));
    let change = caged.compare(IMAGE, &in_runtime("runc")).unwrap();
    let named = |detail: &Detail| matches!(detail, Detail::Field { name, to, .. } if name == "runtime" && to.as_deref() == Some("runsc"));
    assert!(change.details.iter().any(named), "{change:?}");
    // One that was made for runsc goes once the inventory no longer names it.
    let mut made = container(IMAGE, Slot::A, true);
    made.fields = caged.spec(IMAGE, Slot::A).fields();
    let state = State {
        live: Some(Slot::A),
        containers: [Some(made), None],
    };
    assert_eq!(caged.compare(IMAGE, &state), None);
    assert!(release().compare(IMAGE, &state).is_some());
}

#[test]
fn gives_the_service_an_engine_only_where_one_is_chosen() {
    let engine = |engine: PageEngine| {
        let mut release = release();
        release.service.engine = engine;
        let arguments = release.spec(IMAGE, Slot::A).arguments;
        let at = arguments.iter().position(|it| it == "--engine")?;
        arguments.get(at + 1).cloned()
    };
    assert_eq!(engine(PageEngine::Auto), None);
    assert_eq!(engine(PageEngine::Ppocr).as_deref(), Some("ppocr"));
    assert_eq!(engine(PageEngine::Tesseract).as_deref(), Some("tesseract"));
}

#[test]
fn a_limit_of_pages_reaches_the_service_and_a_change_of_it_is_a_new_release() {
    let mut limited = release();
    limited.service.max_pages = Some(300);
    let arguments = limited.spec(IMAGE, Slot::A).arguments;
    assert!(
        arguments
            .windows(2)
            .any(|pair| pair == ["--max-pages", "300"]),
        "{arguments:?}"
    );
    let state = State {
        live: Some(Slot::A),
        containers: [Some(container(IMAGE, Slot::A, true)), None],
    };
    assert!(limited.compare(IMAGE, &state).is_some());
    assert_ne!(limited.id(IMAGE), release().id(IMAGE));
    // Without it, an image that knows no such limit is started as before.
    let arguments = release().spec(IMAGE, Slot::A).arguments;
    assert!(!arguments.iter().any(|argument| argument == "--max-pages"));
}

#[tokio::test]
async fn a_runtime_that_docker_does_not_know_blocks_the_change() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    let mut caged = release();
    caged.image = caged.image.pinned(format!("sha256:{}", "0".repeat(64)));
    let blocked = |change: Option<Change>| change.unwrap().blocked().next();
    assert_eq!(blocked(caged.diff(&host).await.unwrap()), None);
    caged.service.runtime = Some("runsc".into());
    let failure = blocked(caged.diff(&host).await.unwrap()).unwrap();
    assert!(failure.message.contains("no runtime `runsc`"), "{failure}");
}
