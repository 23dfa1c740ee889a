//! The display of healthy, sick and dead hosts.

use super::*;
use ocrctl_protocol::CertificateStatus;
use ocrctl_protocol::health::{Disk, Health, Memory, Part, Problem, SelfReport};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-03-01T12:00:00Z";

fn well() -> Status {
    Status {
        health: Health {
            release: Some(Live {
                id: "0f3c5ad2b1e9-77d0a1".into(),
                slot: "a".into(),
                image: "r.example/o/n@sha256:0f3c".into(),
                container: Container::Running {
                    since: Some(at("2026-02-27T10:00:00Z")),
                    restarts: 0,
                },
                says: Some(SelfReport {
                    ready: true,
                    workers: 4,
                    workers_ready: 4,
                    worker_error: None,
                    load: Some(ocr_api::health::Load {
                        busy: 3,
                        waiting: 12,
                        documents: 2,
                    }),
                    keys_error: None,
                    rules_error: None,
                }),
            }),
            nginx: NginxState::Answers {
                release: "0f3c5ad2b1e9-77d0a1".into(),
                ms: 5,
            },
            traffic: Traffic {
                seconds: 300,
                requests: 1000,
                failed: 3,
                refused: 7,
                median_ms: Some(400),
                p95_ms: Some(1240),
            },
            certificate: Some(CertificateStatus {
                names: vec!["ocr.example.org".into()],
                issuer: "https://acme.example.org/directory".into(),
                issued_by: "CN=Example CA".into(),
                serial: "0a1b".into(),
                not_before: at("2026-02-01T00:00:00Z"),
                not_after: at("2026-05-02T00:00:00Z"),
                next_renewal: None,
                last_failure: None,
                problems: vec![],
            }),
            disks: vec![Disk {
                path: "/".into(),
                total: 1 << 36,
                available: 1 << 35,
                used_percent: 41,
                inodes_used_percent: 3,
            }],
            memory: Some(Memory {
                total: 1 << 33,
                available: 1 << 32,
                used_percent: 35,
            }),
            problems: vec![],
        },
        since: Some(at("2026-02-26T10:00:00Z")),
        firewall: Firewall::Closed,
        drift: Drift::No,
        last: Some(HistoryEntry {
            began: at("2026-02-26T10:00:00Z"),
            ended: Some(at("2026-02-26T10:01:00Z")),
            operator: "ann@desk".into(),
            command: "deploy".into(),
            from: None,
            to: Some("0f3c5ad2b1e9-77d0a1".into()),
            outcome: Ended::Done,
            detail: None,
        }),
    }
}

fn sick() -> Status {
    let mut status = well();
    let live = status.health.release.as_mut().unwrap();
    live.container = Container::Stopped {
        exit_code: Some(137),
    };
    live.says = None;
    status.health.traffic = Traffic {
        seconds: 12,
        requests: 4096,
        failed: 4000,
        ..Traffic::default()
    };
    status.health.disks.push(Disk {
        path: "/var/lib/docker".into(),
        used_percent: 93,
        ..status.health.disks[0].clone()
    });
    status.firewall = Firewall::Open;
    status.drift = Drift::Yes {
        changes: vec!["release: its container has stopped".into()],
    };
    status.health.problems = vec![
        Problem {
            with: Part::Release,
            text: "the live release has stopped".into(),
        },
        Problem {
            with: Part::Nginx,
            text: "\x1b[2Jit answers 503".into(),
        },
    ];
    status
}

fn hosts() -> Vec<HostStatus> {
    vec![
        HostStatus::seen("ocr1", well()),
        HostStatus::seen("ocr2", sick()),
        HostStatus::unseen("ocr3", "ocr3 can't be reached: connection refused"),
    ]
}

#[test]
fn a_screen_with_a_healthy_a_sick_and_a_dead_host() {
    let shown = render("prod", &hosts(), at(NOW), &Styles::default());
    insta::assert_snapshot!(shown);
}

#[test]
fn json_has_a_line_a_host() {
    let status = sick();
    let line = super::super::json::line(at(NOW), Some("ocr2"), super::super::Body::Status(&status));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["type"], "status");
    assert_eq!(line["host"], "ocr2");
    assert_eq!(line["problems"][0]["with"], "release");
    assert_eq!(line["traffic"]["failed"], 4000);
    assert_eq!(line["drift"]["state"], "yes");
    assert_eq!(line["release"]["container"]["exit_code"], 137);
    assert_eq!(line["memory"]["used_percent"], 35);
}

#[test]
fn one_host_that_is_well_says_so() {
    let one = [HostStatus::seen("ocr1", well())];
    let shown = render("prod", &one, at(NOW), &Styles::default());
    assert!(shown.starts_with("prod: 1 host, all is well"), "{shown}");
    assert!(!shown.contains("wrong"), "{shown}");
}

#[test]
fn ten_hosts_are_one_screen() {
    let ten: Vec<HostStatus> = (0..10)
        .map(|number| HostStatus::seen(&format!("ocr{number}"), well()))
        .collect();
    let shown = render("prod", &ten, at(NOW), &Styles::default());
    assert!(shown.lines().count() <= 25, "{shown}");
    let widest = shown.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 100, "{shown}");
}
