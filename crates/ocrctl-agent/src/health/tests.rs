//! Problems of a host, by facts.

use jiff::SignedDuration;

use super::*;
use ocrctl_protocol::health::{Disk, Memory, Traffic};

const NOW: &str = "2026-03-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A host that is well.
pub(crate) fn well() -> Health {
    Health {
        release: Some(Live {
            id: "0f3c-77d0".into(),
            slot: "a".into(),
            image: "r.example/o/n@sha256:0f3c".into(),
            container: Container::Running {
                since: Some(now() - SignedDuration::from_hours(50)),
                restarts: 0,
            },
            says: Some(SelfReport {
                ready: true,
                workers: 2,
                workers_ready: 2,
                worker_error: None,
                load: None,
                keys_error: None,
                rules_error: None,
            }),
        }),
        nginx: NginxState::Answers {
            release: "0f3c-77d0".into(),
            ms: 4,
        },
        traffic: Traffic {
            seconds: 300,
            requests: 100,
            failed: 4,
            refused: 50,
            median_ms: Some(400),
            p95_ms: Some(900),
        },
        certificate: None,
        disks: vec![Disk {
            path: "/".into(),
            total: 100,
            available: 11,
            used_percent: 89,
            inodes_used_percent: 3,
        }],
        memory: Some(Memory {
            total: 100,
            available: 6,
            used_percent: 94,
        }),
        problems: vec![],
    }
}

/// Returns the problems of a healthy host after `happen`.
fn after(happen: impl FnOnce(&mut Health)) -> Vec<(Part, String)> {
    let mut health = well();
    happen(&mut health);
    let problems = judge::problems(&health, now()).into_iter();
    problems.map(|it| (it.with, it.text)).collect()
}

fn live(health: &mut Health) -> &mut Live {
    health.release.as_mut().unwrap()
}

#[test]
fn a_host_that_is_well_has_no_problem() {
    assert_eq!(after(|_| {}), []);
}

#[test]
fn reports_each_problem_once() {
    let one = |happen: fn(&mut Health)| {
        let found = after(happen);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let (with, text) = one(|it| it.release = None);
    assert_eq!((with, &*text), (Part::Release, "no release is live"));
    let (with, text) = one(|it| {
        live(it).container = Container::Stopped {
            exit_code: Some(137),
        };
        live(it).says = None;
    });
    assert!(with == Part::Release && text.contains("137"), "{text}");
    let (with, text) = one(|it| live(it).says = None);
    assert!(with == Part::Release && text.contains("socket"), "{text}");
    let (with, text) = one(|it| {
        let says = live(it).says.as_mut().unwrap();
        (says.ready, says.workers_ready) = (false, 1);
        says.worker_error = Some("the model is damaged".into());
    });
    assert_eq!(with, Part::Workers);
    assert_eq!(text, "1 of 2 workers are ready: the model is damaged");
    let (with, _) = one(|it| live(it).says.as_mut().unwrap().ready = false);
    assert_eq!(with, Part::Release);
    let (with, _) = one(|it| {
        live(it).container = Container::Running {
            since: Some(now() - SignedDuration::from_mins(9)),
            restarts: 3,
        }
    });
    assert_eq!(with, Part::Restarts);
    let (with, _) = one(|it| {
        it.nginx = NginxState::Fails {
            why: "it answers 503".into(),
        }
    });
    assert_eq!(with, Part::Nginx);
    let (with, text) = one(|it| {
        it.nginx = NginxState::Answers {
            release: "old".into(),
            ms: 1,
        }
    });
    assert!(with == Part::Nginx && text.contains("old"), "{text}");
    let (with, text) = one(|it| it.traffic.failed = 10);
    assert_eq!(
        (with, &*text),
        (Part::Traffic, "10 of the last 100 requests failed")
    );
    let (with, text) = one(|it| it.disks[0].used_percent = 90);
    assert_eq!((with, &*text), (Part::Disk, "/ is 90 % full"));
    assert_eq!(one(|it| it.disks[0].inodes_used_percent = 95).0, Part::Disk);
    let memory = |it: &mut Health| it.memory.as_mut().unwrap().used_percent = 95;
    assert_eq!(one(memory).0, Part::Memory);
    let keys = |it: &mut Health| live(it).says.as_mut().unwrap().keys_error = Some("torn".into());
    assert_eq!(one(keys), (Part::Keys, "torn".into()));
}

#[test]
fn restarts_long_ago_and_what_is_not_known_are_no_problem() {
    let long_ago = |it: &mut Health| {
        live(it).container = Container::Running {
            since: Some(now() - SignedDuration::from_mins(11)),
            restarts: 3,
        };
    };
    assert_eq!(after(long_ago), []);
    assert_eq!(after(|it| it.memory = None), []);
    // Why the release is not known stands there already.
    let unknown = |it: &mut Health| {
        it.release = None;
        it.problems
            .push(problem(Part::Release, "Docker does not answer\nat all"));
    };
    assert_eq!(after(unknown), []);
    assert_eq!(problem(Part::Release, "one\ntwo").text, "one");
}

#[tokio::test]
async fn a_bare_host_says_what_is_missing_and_has_a_disk() {
    let root = tempfile::tempdir().unwrap();
    let health = read(&Host::at(root.path()), now()).await;
    assert_eq!(health.release, None);
    let with: Vec<Part> = health.problems.iter().map(|it| it.with).collect();
    assert!(
        with.contains(&Part::Release) && with.contains(&Part::Nginx),
        "{with:?}"
    );
    assert_eq!(health.disks.len(), 1);
    assert!(health.disks[0].total > 0);
    assert_eq!(health.traffic.requests, 0);
}

#[test]
fn memory_is_what_the_kernel_says() {
    let root = tempfile::tempdir().unwrap();
    let host = Host::at(root.path());
    assert_eq!(machine::memory(&host), None);
    let text = "MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     250 kB\n";
    host.write(
        "/proc/meminfo",
        text.as_bytes(),
        crate::host::Access::root(0o644),
    )
    .unwrap();
    let memory = machine::memory(&host).unwrap();
    assert_eq!((memory.total, memory.used_percent), (1_024_000, 75));
}
