//! What a release was, kept on the host for the way back: its image, and the configuration that belongs to it. One file
//! each, of the few that were live last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Host, Release, ReleaseInfo};
use crate::agent::{Context, Result, refused};
use crate::protocol::{Desired, Failure, KeptRelease, Service};
use crate::resources::host::Access;

const DIRECTORY: &str = "/var/lib/ocrctl/releases";
/// Those that were live longer ago are forgotten.
const KEPT: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// As the service reports it: of the image's digest and of the settings.
    pub id: String,
    /// `registry/organization/name@sha256:…`.
    pub image: String,
    pub service: Service,
    pub rules: Option<String>,
    /// When a deploy made it live last.
    pub live_since: Timestamp,
    /// Why it was taken back after it had become live.
    pub failed: Option<String>,
}

impl Record {
    /// What `desired` becomes when the host goes back to this release.
    pub fn applied_to(&self, desired: Desired) -> Desired {
        Desired {
            image: self.image.clone(),
            service: self.service.clone(),
            // Where none were known, what the host has is left alone.
            rules: self.rules.clone(),
            ..desired
        }
    }

    fn of(release: &Release, image: &str, failed: Option<String>) -> Self {
        Self {
            id: release.id(image),
            image: image.to_owned(),
            service: release.service.clone(),
            rules: release.rules.clone(),
            live_since: Timestamp::now(),
            failed,
        }
    }

    fn path(&self) -> String {
        format!("{DIRECTORY}/{}.json", self.id)
    }

    fn write(&self, host: &Host) -> Result<()> {
        host.make_dir(DIRECTORY, 0o750)?;
        let json = serde_json::to_string_pretty(self).context("recording the release")?;
        host.write(&self.path(), json.as_bytes(), Access::root(0o640))
    }
}

/// A deploy made this release live.
pub(super) fn made_live(host: &Host, release: &Release, image: &str) -> Result<()> {
    Record::of(release, image, None).write(host)?;
    let records = all(host)?;
    for old in records.iter().skip(KEPT) {
        host.remove(&old.path())?;
    }
    Ok(())
}

/// It was live, and went back by itself.
pub(super) fn taken_back(host: &Host, release: &Release, image: &str, why: &str) -> Result<()> {
    Record::of(release, image, Some(why.to_owned())).write(host)
}

/// The host went back to this one: it keeps its place in the order, so that going back again leads further back.
pub fn went_back(host: &Host, record: &Record) -> Result<()> {
    record.write(host)
}

/// The one that serves has other rules now.
pub fn rules_changed(host: &Host, live: &ReleaseInfo, rules: Option<&str>) -> Result<()> {
    let records = all(host)?;
    match records.into_iter().find(|record| record.id == live.id) {
        Some(record) if rules.is_some() && record.rules.as_deref() != rules => Record {
            rules: rules.map(str::to_owned),
            ..record
        }
        .write(host),
        _ => Ok(()),
    }
}

/// Those that were live last come first. A file that can't be read as one is passed over: it is no way back.
pub fn all(host: &Host) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for name in host.list(DIRECTORY)? {
        let Some(text) = host.read_text(&format!("{DIRECTORY}/{name}"))? else {
            continue;
        };
        records.extend(serde_json::from_str::<Record>(&text).ok());
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.live_since));
    Ok(records)
}

/// For the controller, which decides for all hosts.
pub fn kept(records: Vec<Record>) -> Vec<KeptRelease> {
    let kept = |record: Record| KeptRelease {
        id: record.id,
        image: record.image,
        live_since: record.live_since,
        failed: record.failed,
    };
    records.into_iter().map(kept).collect()
}

/// The release of this id, or, without one, the last good one before that which is `live`.
pub fn choose(mut records: Vec<Record>, live: &str, to: Option<&str>) -> Result<Record> {
    let place = match to {
        Some(id) => records.iter().position(|record| record.id == id),
        None => earlier(
            records.iter().map(|r| (r.id.as_str(), r.failed.is_some())),
            live,
        ),
    };
    match (place, to) {
        (Some(place), _) => Ok(records.swap_remove(place)),
        (None, Some(id)) => Err(refused(format!("no release `{id}` is kept on this host"))),
        (None, None) => Err(Failure::new("no earlier good release is kept on this host")
            .hint("deploy the image that you want back by its digest")),
    }
}

/// The place of the last good release before `live`, among `(id, whether it failed)`, the latest first.
pub fn earlier<'a>(releases: impl Iterator<Item = (&'a str, bool)>, live: &str) -> Option<usize> {
    let mut before = false;
    for (place, (id, failed)) in releases.enumerate() {
        if id == live {
            before = true;
        } else if before && !failed {
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, failed: bool) -> Record {
        let release = super::super::tests::release();
        Record {
            id: id.into(),
            failed: failed.then(|| "it failed".into()),
            ..Record::of(&release, "r.example/o/n@sha256:0123456789abcdef", None)
        }
    }

    fn chosen(records: &[(&str, bool)], live: &str, to: Option<&str>) -> Result<String> {
        let records = records.iter().map(|(id, failed)| record(id, *failed));
        choose(records.collect(), live, to).map(|record| record.id)
    }

    #[test]
    fn the_way_back_leads_to_the_last_good_one_before() {
        let all = [("c", false), ("bad", true), ("b", false), ("a", false)];
        assert_eq!(chosen(&all, "c", None).unwrap(), "b");
        assert_eq!(
            chosen(&all, "b", None).unwrap(),
            "a",
            "further back, not forth again"
        );
        assert!(chosen(&all, "a", None).is_err());
        assert_eq!(chosen(&all, "a", Some("c")).unwrap(), "c");
        assert!(chosen(&all, "a", Some("z")).is_err());
    }

    #[test]
    fn the_latest_are_kept_and_what_is_damaged_is_no_way_back() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut release = super::super::tests::release();
        for number in 0..7_u32 {
            release.service.pids = 100 + number;
            made_live(&host, &release, "r.example/o/n@sha256:0123456789abcdef").unwrap();
        }
        let pids: Vec<u32> = all(&host).unwrap().iter().map(|r| r.service.pids).collect();
        assert_eq!(pids, [106, 105, 104, 103, 102]);
        host.write(&format!("{DIRECTORY}/torn.json"), b"{", Access::root(0o640))
            .unwrap();
        assert_eq!(all(&host).unwrap().len(), KEPT);
    }
}
