//! A change on its way through hosts, over real connections to agents that play their part.

use super::*;
use crate::commands::hooks::{self, Moment};
use crate::report::Options as ReportOptions;
use crate::test_support::test_host::{TestHost, desired};
use ocrctl_protocol::VERSION;

/// Writes the type of each request to a file that all hosts share, and does what it is told, or fails to apply.
fn agent(name: &str, log: &str, fails: bool) -> String {
    let info = |id: &str| format!(r#"{{"id":"{id}","slot":"a","image":"i"}}"#);
    let applied = |from: &str, to: &str| {
        format!(
            r#"{{"type":"applied","release":{},"before":{}}}"#,
            info(to),
            info(from)
        )
    };
    let apply = if fails {
        r#"{"type":"failed","kind":"failed","message":"no room","hint":null}"#.to_owned()
    } else {
        applied("old", "new")
    };
    let back = applied("new", "old");
    format!(
        r#"#!/bin/sh
read -r hello
echo '{{"type":"hello","version":{VERSION},"notices":[]}}'
while read -r request; do
  case "$request" in
  *'"type":"apply"'*) echo '{name} began' >>{log}; sleep 0.3; echo '{name} ended' >>{log}; echo '{apply}' ;;
  *'"type":"rollback"'*'"to":"old"'*) echo '{name} went back' >>{log}; echo '{back}' ;;
  esac
done
"#
    )
}

/// Hosts that do this with each request, by name.
async fn fleet<'a>(report: &'a Report, host: &TestHost, does: &[(&str, &str)]) -> Fleet<'a> {
    let mut hosts = Vec::new();
    for (name, does) in does {
        let script = format!(
            "#!/bin/sh\nread -r hello\n\
             echo '{{\"type\":\"hello\",\"version\":{VERSION},\"notices\":[]}}'\n\
             while read -r request; do {does}; done\n"
        );
        hosts.push(Host {
            name: (*name).into(),
            session: host.open(&script).await.unwrap(),
            archive: None,
        });
    }
    Fleet {
        report,
        operator: "ann@desk".into(),
        hosts,
    }
}

#[tokio::test]
async fn reports_other_hosts_despite_a_dead_or_silent_one() {
    let (report, host) = (Report::new(ReportOptions::default()), TestHost::start());
    let well = r#"echo '{"type":"history","entries":[]}'"#;
    let does = [("dies", "exit 3"), ("silent", "true"), ("well", well)];
    let mut fleet = fleet(&report, &host, &does).await;
    let answers = fleet
        .ask_each(Duration::from_secs(2), |_| Request::History)
        .await;
    fleet.close().await;
    let told: Vec<(&str, Option<&str>)> = answers
        .iter()
        .map(|(host, answer)| {
            let failed = answer.as_ref().err();
            (&**host, failed.map(|it| &*it.diagnostics[0].message))
        })
        .collect();
    assert!(told[0].1.unwrap().contains("exit code 3"), "{told:?}");
    assert_eq!(told[1].1, Some("no answer came within 2 s"));
    assert_eq!(told[2], ("well", None));
}

#[tokio::test]
async fn names_a_host_without_a_plan_in_time_and_goes_on() {
    let (report, host) = (Report::new(ReportOptions::default()), TestHost::start());
    let planned = r#"echo '{"type":"planned","changes":[],"fingerprint":"f"}'"#;
    let mut fleet = fleet(&report, &host, &[("silent", "true"), ("well", planned)]).await;
    let began = std::time::Instant::now();
    let planned = fleet.plan_within(Duration::from_secs(2), &desired()).await;
    assert!(began.elapsed() < Duration::from_secs(60));
    fleet.close().await;
    let failed = planned.unwrap_err();
    let [one] = &failed.diagnostics[..] else {
        panic!("{failed:?}");
    };
    assert_eq!(one.host.as_deref(), Some("silent"));
    assert_eq!(one.message, "no plan came within 2 s");
}

#[tokio::test]
async fn stops_at_a_failed_restart_without_a_rollback() {
    let (report, host) = (Report::new(ReportOptions::default()), TestHost::start());
    let info = r#"{"id":"r","slot":"b","image":"i"}"#;
    let applied = format!(r#"echo '{{"type":"applied","release":{info},"before":{info}}}'"#);
    let fails = r#"echo '{"type":"failed","kind":"failed","message":"no room","hint":null}'"#;
    let dir = tempfile::tempdir().unwrap();
    let third = format!("touch {}", dir.path().join("asked").display());
    let does = [("h1", &*applied), ("h2", fails), ("h3", &*third)];
    let mut fleet = fleet(&report, &host, &does).await;
    let failed = fleet.restart(Duration::ZERO, 1).await.unwrap_err();
    fleet.close().await;
    assert_eq!(failed.diagnostics.len(), 1);
    assert_eq!(failed.diagnostics[0].message, "no room");
    assert!(!dir.path().join("asked").exists());
}

/// Deploys to five hosts, two at once after the first; gives how it ended and what the hosts did, in order.
async fn deployed(failing: &[&str]) -> (Result<Vec<Switched>>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let host = TestHost::start();
    let report = Report::new(ReportOptions::default());
    let mut hosts = Vec::new();
    for name in ["h1", "h2", "h3", "h4", "h5"] {
        let script = agent(name, log.to_str().unwrap(), failing.contains(&name));
        hosts.push(Host {
            name: name.into(),
            session: host.open(&script).await.unwrap(),
            archive: None,
        });
    }
    let plan = |changes| Plan {
        changes,
        fingerprint: "f".into(),
    };
    let change = Change {
        resource: "release".into(),
        action: ocrctl_protocol::Action::Update,
        reason: "another release is live".into(),
        details: vec![],
    };
    let mut plans: Vec<Plan> = hosts.iter().map(|_| plan(vec![change.clone()])).collect();
    // This one is as it should be.
    plans[2].changes.clear();
    let mut fleet = Fleet {
        report: &report,
        operator: "ann@desk".into(),
        hosts,
    };
    let desired = desired();
    let ended = fleet.apply(&plans, &desired, Duration::ZERO, 2).await;
    fleet.close().await;
    let log = std::fs::read_to_string(&log).unwrap();
    (ended, log.lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn one_host_goes_first_and_the_others_in_batches() {
    let (ended, log) = deployed(&[]).await;
    let switched: Vec<String> = ended.unwrap().into_iter().map(|it| it.host).collect();
    assert_eq!(switched, ["h1", "h2", "h4", "h5"]);
    assert_eq!(log[..2], ["h1 began", "h1 ended"]);
    let mut together = log[2..4].to_vec();
    together.sort();
    assert_eq!(together, ["h2 began", "h4 began"], "side by side");
    assert_eq!(log[6..], ["h5 began", "h5 ended"]);
}

#[tokio::test]
async fn a_failing_first_host_leaves_the_others_alone() {
    let (ended, log) = deployed(&["h1"]).await;
    let failed = ended.unwrap_err();
    assert_eq!(failed.diagnostics[0].message, "no room");
    assert_eq!(log, ["h1 began", "h1 ended"]);
}

#[tokio::test]
async fn a_later_failure_takes_those_back_that_have_switched() {
    let (ended, log) = deployed(&["h4"]).await;
    assert!(ended.is_err());
    let mut back: Vec<&String> = log
        .iter()
        .filter(|line| line.ends_with("went back"))
        .collect();
    back.sort();
    assert_eq!(back, ["h1 went back", "h2 went back"]);
    assert!(!log.iter().any(|line| line.starts_with("h5")));
}

#[tokio::test]
async fn passes_the_event_to_a_hook_and_reports_its_failure() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("inventory.yaml");
    let text = "
environments:
  prod:
    names: [ocr.example.org]
    hosts: [{address: ocr1.example.org}]
    image: registry.example.org/example-org/ocr-service:0.1.0
    hooks:
      pre_deploy: [sh, -c, 'cat > \"$0\"', EVENT]
      post_deploy: [sh, -c, 'echo no chat >&2; exit 3']
";
    let event = dir.path().join("event");
    std::fs::write(&file, text.replace("EVENT", event.to_str().unwrap())).unwrap();
    let inventory = ocrctl_inventory::Inventory::load(&file).unwrap();
    let environment = inventory.environment("prod").unwrap();
    let report = Report::new(ReportOptions::default());
    let fleet = Fleet {
        report: &report,
        operator: "ann@desk".into(),
        hosts: Vec::new(),
    };
    hooks::run(&report, environment, &fleet, Moment::PreDeploy, None)
        .await
        .unwrap();
    let event: serde_json::Value = serde_json::from_slice(&std::fs::read(&event).unwrap()).unwrap();
    assert_eq!(event["version"], 1);
    assert_eq!(event["event"], "pre_deploy");
    assert_eq!(event["environment"], "prod");
    assert_eq!(event["operator"], "ann@desk");
    assert!(event["outcome"].is_null());

    let ended = Ok(Vec::new());
    let failed = hooks::run(
        &report,
        environment,
        &fleet,
        Moment::PostDeploy,
        Some(&ended),
    )
    .await
    .unwrap_err();
    let message = &failed.diagnostics[0].message;
    assert!(
        message.contains("post_deploy") && message.contains("no chat"),
        "{message}"
    );
    let none = hooks::run(
        &report,
        environment,
        &fleet,
        Moment::PostRollback,
        Some(&ended),
    )
    .await;
    none.unwrap();
}

/// Asks for the whole of two blobs in one piece each, and writes down what came.
fn archive_agent(log: &str, blobs: &[(String, u64)]) -> String {
    let mut asked = String::new();
    for (id, (digest, size)) in blobs.iter().enumerate() {
        asked += &format!(
            r#"
  echo '{{"type":"wanted","id":{id},"digest":"{digest}","offset":0,"length":{size}}}'
  read -r piece
  length=${{piece#*'"length":'}}
  case "$piece" in *'"packed":true'*) unpack='gzip -d' ;; *) unpack=cat ;; esac
  head -c "${{length%%,*}}" | $unpack | sha256sum >>{log}"#
        );
    }
    format!(
        r#"#!/bin/sh
read -r hello
echo '{{"type":"hello","version":{VERSION},"notices":[]}}'
read -r apply
{asked}
echo '{{"type":"applied","release":null,"before":null}}'
read -r end
"#
    )
}

#[tokio::test]
async fn a_host_gets_the_pieces_that_it_asks_for() {
    use crate::test_support::saved_image::{digest, saved};

    let (plain, random) = (vec![7; 100_000], {
        let mut bytes = vec![0; 100_000];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    });
    let file = saved(&[], "amd64", &[&plain, &random]);
    let image = ocrctl_protocol::ImageRef::parse("r.example/o/ocr:1").unwrap();
    let archive = Arc::new(Archive::open(&file.path, &image).unwrap());
    let layers: Vec<_> = archive.image.platforms[0].layers().cloned().collect();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let host = TestHost::start();
    let script = archive_agent(log.to_str().unwrap(), &layers);
    let mut host = Host {
        name: "h1".into(),
        session: host.open(&script).await.unwrap(),
        archive: Some(Supply::of(archive)),
    };
    let report = Report::new(ReportOptions::default());
    let request = Request::Apply {
        fingerprint: "f".into(),
        lock_wait: Duration::ZERO,
    };
    host.operate(&report, &request).await.unwrap();
    let came = std::fs::read_to_string(&log).unwrap();
    let came: Vec<String> = came
        .lines()
        .map(|line| format!("sha256:{}", &line[..64]))
        .collect();
    assert_eq!(came, [digest(&plain), digest(&random)]);
    let told = host.archive.as_ref().and_then(Supply::told).unwrap();
    assert_eq!(told, "0.1 MB were sent of an image of 0.2 MB");
    host.session.close().await;
}
