//! `ocrctl rollback ENV`: back to the last good release, on all hosts or on none.

use super::fleet::Fleet;
use super::hooks::{self, Moment};
use super::{Failed, Outcome, Result, environment, limited, probe};
use crate::cli::{Global, Rollback};
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Event, KeptRelease, Level, ReleaseInfo, Request};

pub(super) async fn run(global: &Global, report: &Report, asked: &Rollback) -> Result {
    let environment = environment(global, &asked.operation.environment)?;
    let environment = limited(environment, &asked.rollout.limit)?;
    let desired = environment.desired().await?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let answers = fleet.each(|_| Some(Request::Releases)).await?;
    let mut ways = Vec::new();
    let mut failures = Vec::new();
    for (host, answer) in answers {
        let Event::Releases { live, kept } = answer else {
            return Err(super::fleet::unexpected(&host, &answer));
        };
        match way(&host, live, &kept, asked.to.as_deref()) {
            Ok(way) => ways.push(way),
            Err(failed) => failures.push(failed),
        }
    }
    if let Some(failed) = Failed::together(failures) {
        fleet.close().await;
        return Err(failed);
    }
    let to = same(&ways)?;
    if ways.iter().all(|way| way.from == to) {
        report.note(None, Level::Info, format!("{to} is live already"));
        fleet.close().await;
        return Ok(Outcome::Done);
    }
    let from = ways.first().map_or("", |way| way.from.as_str());
    let question = format!("Switch {} back from {from} to {to}?", environment.name);
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        fleet.close().await;
        return Ok(Outcome::Done);
    }
    let lock_wait = asked.operation.lock_wait;
    let batch = asked.rollout.batch;
    let back = async |fleet: &mut Fleet<'_>| fleet.rollback(&desired, to, lock_wait, batch).await;
    let probe = &asked.probe;
    let ended = probe::during(report, &environment, &mut fleet, probe, back).await;
    let hook = hooks::run(
        report,
        &environment,
        &fleet,
        Moment::PostRollback,
        Some(&ended),
    )
    .await;
    fleet.close().await;
    ended?;
    hook?;
    let text =
        "the inventory still names the release that was live before: the next deploy goes there";
    report.note(None, Level::Info, text);
    Ok(Outcome::Done)
}

/// Where a host is, and where it shall go.
#[derive(Debug)]
struct Way {
    host: String,
    from: String,
    to: String,
}

fn way(
    host: &str,
    live: Option<ReleaseInfo>,
    kept: &[KeptRelease],
    to: Option<&str>,
) -> Result<Way> {
    let refuse =
        |text: String, hint: String| Failed::new(Diagnostic::new(text).host(host).hint(hint));
    let Some(live) = live else {
        return Err(refuse(
            "no release is live here".into(),
            "deploy one first".into(),
        ));
    };
    let names = || {
        let names: Vec<&str> = kept.iter().map(|kept| kept.id.as_str()).collect();
        format!(
            "kept are {}; or deploy the image that you want by its digest",
            names.join(", ")
        )
    };
    let found = match to {
        Some(to) => {
            let mut fitting = kept.iter().filter(|kept| kept.id.starts_with(to));
            match (fitting.next(), fitting.next()) {
                (Some(kept), None) => Some(kept),
                (None, _) => {
                    return Err(refuse(format!("no release `{to}` is kept"), names()));
                }
                (Some(_), Some(_)) => {
                    return Err(refuse(format!("`{to}` begins several releases"), names()));
                }
            }
        }
        // The one that was live last comes first.
        None => kept
            .iter()
            .skip_while(|kept| kept.id != live.id)
            .skip(1)
            .find(|kept| kept.failed.is_none() && !kept.left),
    };
    match found {
        Some(found) => Ok(Way {
            host: host.to_owned(),
            from: live.id,
            to: found.id.clone(),
        }),
        None => Err(refuse(
            format!("no good release before {} is kept", live.id),
            names(),
        )),
    }
}

/// The release that all go to.
fn same(ways: &[Way]) -> Result<&str> {
    let first = ways.first().map_or("", |way| way.to.as_str());
    if ways.iter().all(|way| way.to == first) {
        return Ok(first);
    }
    let each: Vec<String> = ways
        .iter()
        .map(|way| format!("{}: {} back to {}", way.host, way.from, way.to))
        .collect();
    let text = format!(
        "the hosts would roll back to different releases ({})",
        each.join("; ")
    );
    Err(Failed::new(
        Diagnostic::new(text).hint("say which with --to RELEASE; nothing was changed"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(id: &str, failed: bool) -> KeptRelease {
        KeptRelease {
            id: id.into(),
            image: "r.example/o/n@sha256:00".into(),
            live_since: jiff::Timestamp::UNIX_EPOCH,
            failed: failed.then(|| "it failed".into()),
            left: false,
        }
    }

    fn to(live: &str, asked: Option<&str>) -> std::result::Result<String, String> {
        let kept = [
            kept("cc-1", false),
            kept("bb-2", true),
            kept("bb-1", false),
            kept("aa-1", false),
        ];
        let live = ReleaseInfo {
            id: live.into(),
            slot: "a".into(),
            image: String::new(),
        };
        way("h", Some(live), &kept, asked)
            .map(|way| way.to)
            .map_err(|failed| failed.diagnostics[0].message.clone())
    }

    #[test]
    fn a_host_goes_to_its_last_good_release_or_to_the_one_named() {
        assert_eq!(to("cc-1", None).unwrap(), "bb-1");
        assert_eq!(to("bb-1", None).unwrap(), "aa-1");
        assert!(
            to("aa-1", None)
                .unwrap_err()
                .contains("no good release before")
        );
        assert_eq!(to("cc-1", Some("aa")).unwrap(), "aa-1");
        assert!(to("cc-1", Some("bb")).unwrap_err().contains("several"));
        assert!(
            to("cc-1", Some("dd"))
                .unwrap_err()
                .contains("no release `dd`")
        );
    }

    #[test]
    fn rolls_back_to_a_left_release_only_by_name() {
        let bad = KeptRelease {
            left: true,
            ..kept("bb-1", false)
        };
        let kept = [kept("cc-1", false), bad, kept("aa-1", false)];
        let live = || ReleaseInfo {
            id: "cc-1".into(),
            slot: "a".into(),
            image: String::new(),
        };
        let to = |asked| way("h", Some(live()), &kept, asked).unwrap().to;
        assert_eq!(to(None), "aa-1");
        assert_eq!(to(Some("bb")), "bb-1");
    }

    #[test]
    fn hosts_that_differ_are_not_switched_to_different_releases() {
        let way = |to: &str| Way {
            host: "h".into(),
            from: "c".into(),
            to: to.into(),
        };
        assert_eq!(same(&[way("b"), way("b")]).unwrap(), "b");
        assert!(same(&[way("b"), way("a")]).is_err());
    }
}
