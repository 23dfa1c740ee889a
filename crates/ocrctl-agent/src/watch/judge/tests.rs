use super::*;
use ocrctl_protocol::CertificateStatus;
use ocrctl_protocol::health::{Disk, Live, Memory, Problem, SelfReport, Traffic};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Of a host that is well.
pub(in crate::watch) fn facts() -> Facts {
    Facts {
        at: at(0),
        health: Health {
            release: Some(Live {
                id: "r1".into(),
                slot: "a".into(),
                image: String::new(),
                container: Container::Running {
                    since: Some(at(-3600)),
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
                release: "r1".into(),
                ms: 2,
            },
            traffic: Traffic::default(),
            certificate: Some(CertificateStatus {
                names: Vec::new(),
                issuer: String::new(),
                issued_by: String::new(),
                serial: String::new(),
                not_before: at(0),
                not_after: at(86_400),
                next_renewal: None,
                last_failure: None,
                problems: Vec::new(),
            }),
            disks: vec![Disk {
                path: "/".into(),
                total: 100,
                available: 50,
                used_percent: 50,
                inodes_used_percent: 10,
            }],
            memory: Some(Memory {
                total: 100,
                available: 60,
                used_percent: 40,
            }),
            problems: Vec::new(),
        },
        recognition: Some(Ok(Recognition {
            status: RecognitionStatus::Ok,
            release: "r1".into(),
            error: None,
            ms: 120,
        })),
        nginx_runs: true,
        docker_runs: true,
    }
}

fn with(mut facts: Facts, problems: &[(Part, &str)]) -> Facts {
    let problem = |(with, text): &(Part, &str)| Problem {
        with: *with,
        text: (*text).to_owned(),
    };
    facts.health.problems = problems.iter().map(problem).collect();
    facts
}

fn container(mut facts: Facts, container: Container) -> Facts {
    let live = facts.health.release.as_mut().unwrap();
    live.container = container;
    live.says = None;
    facts.recognition = None;
    facts.health.nginx = NginxState::Fails {
        why: "it answers 503".into(),
    };
    let problems = [
        (Part::Release, "it is gone"),
        (Part::Nginx, "it answers 503"),
    ];
    with(facts, &problems)
}

fn does_not_read(mut facts: Facts) -> Facts {
    facts.recognition = Some(Ok(Recognition {
        status: RecognitionStatus::Failed,
        release: "r1".into(),
        error: Some("1 of 2 workers did not read the sample: it hung and was replaced".into()),
        ms: 10_000,
    }));
    facts
}

fn settings(repairs_per_hour: u32) -> Settings {
    Settings {
        environment: "prod".into(),
        name: "ocr.example.org".into(),
        repairs_per_hour,
        host: "ocr1".into(),
    }
}

fn found(facts: &Facts) -> Problems {
    problems(facts, &BTreeMap::new())
}

fn repairs_of(facts: &Facts) -> Vec<Repair> {
    repairs(&found(facts), facts, &State::default(), &settings(3))
}

fn attempt(repair: Repair, outcome: Result<Option<&str>, &str>) -> Attempt {
    Attempt {
        at: at(0),
        repair,
        outcome: match outcome {
            Ok(done) => Ok(done.map(str::to_owned)),
            Err(why) => Err(why.to_owned()),
        },
    }
}

#[test]
fn does_nothing_on_a_healthy_host() {
    assert!(found(&facts()).is_empty());
    assert_eq!(repairs_of(&facts()), []);
    let mut open = BTreeMap::new();
    let none = Problems::new();
    assert_eq!(changes(&mut open, &none, &none, &[], at(0)), []);
}

#[test]
fn repairs_each_fault_in_its_way() {
    let stopped = container(
        facts(),
        Container::Stopped {
            exit_code: Some(137),
        },
    );
    assert_eq!(repairs_of(&stopped), [Repair::Start]);
    assert_eq!(
        repairs_of(&container(facts(), Container::Gone)),
        [Repair::Restart]
    );
    let running = Container::Running {
        since: Some(at(-3600)),
        restarts: 0,
    };
    assert_eq!(repairs_of(&container(facts(), running)), [Repair::Restart]);
    assert_eq!(repairs_of(&does_not_read(facts())), [Repair::Restart]);
    let mut nginx = with(facts(), &[(Part::Nginx, "refused")]);
    nginx.health.nginx = NginxState::Fails {
        why: "refused".into(),
    };
    nginx.nginx_runs = false;
    assert_eq!(repairs_of(&nginx), [Repair::Nginx]);
    let mut all = container(facts(), Container::Gone);
    all.nginx_runs = false;
    assert_eq!(repairs_of(&all), [Repair::Nginx, Repair::Restart]);
    let full = with(facts(), &[(Part::Disk, "/ is 95 % full")]);
    assert_eq!(repairs_of(&full), [Repair::Prune]);
    let mut docker = with(facts(), &[(Part::Release, "Docker does not answer")]);
    docker.health.release = None;
    docker.docker_runs = false;
    assert_eq!(repairs_of(&docker), [Repair::Docker]);
    let certificate = with(facts(), &[(Part::Certificate, "it has expired")]);
    assert_eq!(repairs_of(&certificate), []);
}

#[test]
fn respects_the_limit_of_repairs() {
    let facts = does_not_read(facts());
    let found = found(&facts);
    let mut state = State::default();
    for _ in 0..2 {
        state.repaired(&attempt(Repair::Restart, Ok(Some("done"))));
    }
    assert_eq!(
        repairs(&found, &facts, &state, &settings(3)),
        [Repair::Restart]
    );
    assert_eq!(repairs(&found, &facts, &state, &settings(2)), []);
    assert_eq!(repairs(&found, &facts, &state, &settings(0)), []);
    let full = with(super::tests::facts(), &[(Part::Disk, "/ is 95 % full")]);
    state.repaired(&attempt(Repair::Prune, Ok(None)));
    let found = problems(&full, &BTreeMap::new());
    assert_eq!(repairs(&found, &full, &state, &settings(3)), []);
}

#[test]
fn one_cause_is_one_problem() {
    let gone = found(&container(facts(), Container::Gone));
    assert_eq!(gone.keys().collect::<Vec<_>>(), [&Part::Release]);
    let reads = with(
        does_not_read(facts()),
        &[(Part::Workers, "1 of 2 workers are ready")],
    );
    assert_eq!(
        found(&reads).keys().collect::<Vec<_>>(),
        [&Part::Recognition]
    );
    let certificate = [(Part::Certificate, "one"), (Part::Certificate, "two")];
    assert_eq!(
        found(&with(facts(), &certificate))[&Part::Certificate],
        "one; two"
    );
}

#[test]
fn a_release_that_has_just_started_is_left_alone_and_not_taken_for_well() {
    let young = Container::Running {
        since: Some(at(-20)),
        restarts: 0,
    };
    let facts = container(facts(), young);
    assert!(starting(&facts.health, facts.at));
    assert!(found(&facts).is_empty());
    let before = Open {
        since: at(-60),
        text: "it is gone".into(),
    };
    let mut open = BTreeMap::from([(Part::Release, before)]);
    let still = problems(&facts, &open);
    assert_eq!(changes(&mut open, &still, &still, &[], at(0)), []);
    // A loop is no start.
    let again = Container::Running {
        since: Some(at(-2)),
        restarts: 3,
    };
    let looping = container(super::tests::facts(), again);
    assert!(!starting(&looping.health, looping.at));
}

#[test]
fn reports_a_problem_and_its_end_once() {
    let full = Problems::from([(Part::Disk, "/ is 95 % full".to_owned())]);
    let fuller = Problems::from([(Part::Disk, "/ is 97 % full".to_owned())]);
    let none = Problems::new();
    let mut open = BTreeMap::new();
    let told = changes(&mut open, &full, &full, &[], at(0));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Problem));
    assert!(!has_new(&fuller, &open));
    assert_eq!(changes(&mut open, &fuller, &fuller, &[], at(30)), []);
    let told = changes(&mut open, &none, &none, &[], at(600));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Recovered));
    assert_eq!(
        (told[0].since, told[0].what.as_str()),
        (at(0), "/ is 97 % full")
    );
    assert_eq!(changes(&mut open, &none, &none, &[], at(630)), []);
}

#[test]
fn a_disk_is_well_again_well_below_its_limit() {
    let open = BTreeMap::from([(
        Part::Disk,
        Open {
            since: at(0),
            text: "/ is 95 % full".into(),
        },
    )]);
    let mut facts = facts();
    facts.health.disks[0].used_percent = 88;
    assert!(found(&facts).is_empty(), "nobody was told");
    assert_eq!(problems(&facts, &open)[&Part::Disk], "/ is 95 % full");
    facts.health.disks[0].used_percent = 84;
    assert!(problems(&facts, &open).is_empty());
}

#[test]
fn reports_a_repair_once_and_no_passing_fault() {
    let none = Problems::new();
    let stopped = Problems::from([(Part::Release, "it has stopped".to_owned())]);
    let mut open = BTreeMap::new();
    let done = [attempt(
        Repair::Start,
        Ok(Some("its container was started")),
    )];
    let told = changes(&mut open, &stopped, &none, &done, at(0));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Repaired));
    assert_eq!(told[0].what, "it has stopped; its container was started");
    assert!(open.is_empty());
    assert_eq!(changes(&mut open, &stopped, &none, &[], at(0)), []);
    let hung = Problems::from([(Part::Recognition, "it hung and was replaced".to_owned())]);
    let told = changes(&mut open, &hung, &none, &[], at(0));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Repaired));
}

#[test]
fn reports_failed_repairs_with_the_problem() {
    let stopped = Problems::from([(Part::Release, "it has stopped".to_owned())]);
    let mut open = BTreeMap::new();
    let tried = [attempt(Repair::Start, Err("no space left"))];
    let told = changes(&mut open, &stopped, &stopped, &tried, at(0));
    assert_eq!(
        told[0].what,
        "it has stopped; starting the container failed: no space left"
    );
    assert_eq!(open[&Part::Release].text, "it has stopped");
}
