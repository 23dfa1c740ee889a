use super::*;
use ocrctl_protocol::CertificateStatus;
use ocrctl_protocol::health::{Disk, Live, Memory, Problem, Said, Traffic};

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
                says: Some(Said {
                    ready: true,
                    workers: 2,
                    workers_ready: 2,
                    worker_error: None,
                    load: None,
                    keys_error: None,
                    rules_error: None,
                }),
            }),
            nginx: Front::Answers {
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

fn with(mut facts: Facts, problems: &[(With, &str)]) -> Facts {
    let problem = |(with, text): &(With, &str)| Problem {
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
    facts.health.nginx = Front::Fails {
        why: "it answers 503".into(),
    };
    let problems = [
        (With::Release, "it is gone"),
        (With::Nginx, "it answers 503"),
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

fn mends_of(facts: &Facts) -> Vec<Mend> {
    mends(&found(facts), facts, &State::default(), &settings(3))
}

fn attempt(mend: Mend, outcome: Result<Option<&str>, &str>) -> Attempt {
    Attempt {
        at: at(0),
        mend,
        outcome: match outcome {
            Ok(done) => Ok(done.map(str::to_owned)),
            Err(why) => Err(why.to_owned()),
        },
    }
}

#[test]
fn does_nothing_on_a_healthy_host() {
    assert!(found(&facts()).is_empty());
    assert_eq!(mends_of(&facts()), []);
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
    assert_eq!(mends_of(&stopped), [Mend::Start]);
    assert_eq!(
        mends_of(&container(facts(), Container::Gone)),
        [Mend::Restart]
    );
    let running = Container::Running {
        since: Some(at(-3600)),
        restarts: 0,
    };
    assert_eq!(mends_of(&container(facts(), running)), [Mend::Restart]);
    assert_eq!(mends_of(&does_not_read(facts())), [Mend::Restart]);
    let mut nginx = with(facts(), &[(With::Nginx, "refused")]);
    nginx.health.nginx = Front::Fails {
        why: "refused".into(),
    };
    nginx.nginx_runs = false;
    assert_eq!(mends_of(&nginx), [Mend::Nginx]);
    let mut all = container(facts(), Container::Gone);
    all.nginx_runs = false;
    assert_eq!(mends_of(&all), [Mend::Nginx, Mend::Restart]);
    let full = with(facts(), &[(With::Disk, "/ is 95 % full")]);
    assert_eq!(mends_of(&full), [Mend::Prune]);
    let mut docker = with(facts(), &[(With::Release, "Docker does not answer")]);
    docker.health.release = None;
    docker.docker_runs = false;
    assert_eq!(mends_of(&docker), [Mend::Docker]);
    let certificate = with(facts(), &[(With::Certificate, "it has expired")]);
    assert_eq!(mends_of(&certificate), []);
}

#[test]
fn respects_the_limit_of_repairs() {
    let facts = does_not_read(facts());
    let found = found(&facts);
    let mut state = State::default();
    for _ in 0..2 {
        state.mended(&attempt(Mend::Restart, Ok(Some("done"))));
    }
    assert_eq!(mends(&found, &facts, &state, &settings(3)), [Mend::Restart]);
    assert_eq!(mends(&found, &facts, &state, &settings(2)), []);
    assert_eq!(mends(&found, &facts, &state, &settings(0)), []);
    let full = with(super::tests::facts(), &[(With::Disk, "/ is 95 % full")]);
    state.mended(&attempt(Mend::Prune, Ok(None)));
    let found = problems(&full, &BTreeMap::new());
    assert_eq!(mends(&found, &full, &state, &settings(3)), []);
}

#[test]
fn one_cause_is_one_problem() {
    let gone = found(&container(facts(), Container::Gone));
    assert_eq!(gone.keys().collect::<Vec<_>>(), [&With::Release]);
    let reads = with(
        does_not_read(facts()),
        &[(With::Workers, "1 of 2 workers are ready")],
    );
    assert_eq!(
        found(&reads).keys().collect::<Vec<_>>(),
        [&With::Recognition]
    );
    let certificate = [(With::Certificate, "one"), (With::Certificate, "two")];
    assert_eq!(
        found(&with(facts(), &certificate))[&With::Certificate],
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
    let mut open = BTreeMap::from([(With::Release, before)]);
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
    let full = Problems::from([(With::Disk, "/ is 95 % full".to_owned())]);
    let fuller = Problems::from([(With::Disk, "/ is 97 % full".to_owned())]);
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
        With::Disk,
        Open {
            since: at(0),
            text: "/ is 95 % full".into(),
        },
    )]);
    let mut facts = facts();
    facts.health.disks[0].used_percent = 88;
    assert!(found(&facts).is_empty(), "nobody was told");
    assert_eq!(problems(&facts, &open)[&With::Disk], "/ is 95 % full");
    facts.health.disks[0].used_percent = 84;
    assert!(problems(&facts, &open).is_empty());
}

#[test]
fn reports_a_repair_once_and_no_passing_fault() {
    let none = Problems::new();
    let stopped = Problems::from([(With::Release, "it has stopped".to_owned())]);
    let mut open = BTreeMap::new();
    let done = [attempt(Mend::Start, Ok(Some("its container was started")))];
    let told = changes(&mut open, &stopped, &none, &done, at(0));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Mended));
    assert_eq!(told[0].what, "it has stopped; its container was started");
    assert!(open.is_empty());
    assert_eq!(changes(&mut open, &stopped, &none, &[], at(0)), []);
    let hung = Problems::from([(With::Recognition, "it hung and was replaced".to_owned())]);
    let told = changes(&mut open, &hung, &none, &[], at(0));
    assert_eq!((told.len(), told[0].kind), (1, Kind::Mended));
}

#[test]
fn reports_failed_repairs_with_the_problem() {
    let stopped = Problems::from([(With::Release, "it has stopped".to_owned())]);
    let mut open = BTreeMap::new();
    let tried = [attempt(Mend::Start, Err("no space left"))];
    let told = changes(&mut open, &stopped, &stopped, &tried, at(0));
    assert_eq!(
        told[0].what,
        "it has stopped; starting the container failed: no space left"
    );
    assert_eq!(open[&With::Release].text, "it has stopped");
}
