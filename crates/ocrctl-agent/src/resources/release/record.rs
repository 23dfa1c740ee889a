//! The record of a release, kept on the host for a rollback: its image, and the configuration that belongs to it. One file
//! each, of the few that were live last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Host, RULES, Release, ReleaseInfo};
use crate::docker::shown;
use crate::host::Access;
use ocrctl_protocol::{Context, Desired, ImageRef, KeptRelease, Result, Service, refused};

const DIRECTORY: &str = "/var/lib/ocrctl/releases";
/// Those that were live longer ago are forgotten.
const KEPT: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The id that the service reports: made of the image's digest and of the settings.
    pub id: String,
    /// Docker's name of it, by digest.
    pub image: String,
    pub service: Service,
    pub rules: Option<String>,
    /// When a deploy made it live last.
    pub live_since: Timestamp,
    /// Why it was taken back after it had become live.
    pub failed: Option<String>,
    /// A rollback has left it behind: later rollbacks skip it, unless it is named.
    #[serde(default)]
    pub left: bool,
}

impl Record {
    /// Changes `desired` to this release, for a rollback.
    pub fn applied_to(&self, desired: Desired) -> Result<Desired> {
        Ok(Desired {
            image: self.image()?,
            // Docker has it; where it came from does not matter any more.
            archive: None,
            service: self.service.clone(),
            // Where none were known, what the host has is left alone.
            rules: self.rules.clone(),
            ..desired
        })
    }

    pub(super) fn image(&self) -> Result<ImageRef> {
        ImageRef::parse(&self.image).context("reading the record of the release")
    }

    /// Returns whether an automatic rollback may choose this release.
    pub fn is_good(&self) -> bool {
        self.failed.is_none() && !self.left
    }

    fn of(release: &Release, image: &str) -> Self {
        Self {
            id: release.id(image),
            image: image.to_owned(),
            service: release.service.clone(),
            rules: release.rules.clone(),
            live_since: Timestamp::now(),
            failed: None,
            left: false,
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

/// A deploy made this release live. Its rules come after it and may be refused: until then, those in force are its own.
pub(super) fn made_live(host: &Host, release: &Release, image: &str) -> Result<()> {
    let rules = match &release.rules {
        Some(_) => host.read_text(RULES)?,
        None => None,
    };
    Record {
        rules,
        ..Record::of(release, image)
    }
    .write(host)?;
    // Counted apart: no number of bad ones takes the place of the last good one.
    let (good, bad): (Vec<Record>, Vec<Record>) = all(host)?.into_iter().partition(Record::is_good);
    for old in bad.iter().skip(KEPT).chain(good.iter().skip(KEPT)) {
        host.remove(&old.path())?;
    }
    Ok(())
}

/// It was live, and was rolled back automatically.
pub(super) fn taken_back(host: &Host, release: &Release, image: &str, why: &str) -> Result<()> {
    Record {
        failed: Some(why.to_owned()),
        ..Record::of(release, image)
    }
    .write(host)
}

/// The host went back to this one. It keeps its place in the order, so that going back again leads further back, and those
/// that came after it are left behind: once another is deployed, the way back from that leads here.
pub fn went_back(host: &Host, record: &Record) -> Result<()> {
    let after = |one: &Record| one.live_since > record.live_since && one.id != record.id;
    for left in all(host)?.into_iter().filter(after) {
        Record { left: true, ..left }.write(host)?;
    }
    Record {
        left: false,
        ..record.clone()
    }
    .write(host)
}

/// It was started anew, which changes nothing of what it is.
pub(super) fn stays(host: &Host, record: &Record) -> Result<()> {
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

/// Those that were live last come first. A file that can't be read as one is skipped: no rollback can use it.
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
        image: shown(&record.image),
        live_since: record.live_since,
        failed: record.failed,
        left: record.left,
    };
    records.into_iter().map(kept).collect()
}

/// The release of this id.
pub fn find(host: &Host, id: &str) -> Result<Record> {
    let found = all(host)?.into_iter().find(|record| record.id == id);
    found.ok_or_else(|| refused(format!("no release `{id}` is kept on this host")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = "r.example/o/n@sha256:0123456789abcdef";

    #[test]
    fn keeps_the_latest_and_skips_damaged_ones() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut release = super::super::tests::release();
        for number in 0..7_u32 {
            release.service.pids = 100 + number;
            made_live(&host, &release, IMAGE).unwrap();
        }
        let pids: Vec<u32> = all(&host).unwrap().iter().map(|r| r.service.pids).collect();
        assert_eq!(pids, [106, 105, 104, 103, 102]);
        host.write(&format!("{DIRECTORY}/torn.json"), b"{", Access::root(0o640))
            .unwrap();
        assert_eq!(all(&host).unwrap().len(), KEPT);
        assert!(find(&host, &release.id(IMAGE)).is_ok());
        assert!(find(&host, "another").is_err());
    }

    #[test]
    fn failed_ones_do_not_take_the_place_of_the_last_good_one() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut release = super::super::tests::release();
        made_live(&host, &release, IMAGE).unwrap();
        let good = release.id(IMAGE);
        for number in 1..8_u32 {
            release.service.pids = 100 + number;
            taken_back(&host, &release, IMAGE, "it failed").unwrap();
        }
        release.service.pids = 200;
        made_live(&host, &release, IMAGE).unwrap();
        assert!(find(&host, &good).is_ok());
        assert_eq!(all(&host).unwrap().len(), 2 + KEPT);
    }

    #[test]
    fn skips_releases_that_a_rollback_left() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut release = super::super::tests::release();
        let mut deployed = |number: u32| {
            release.service.pids = 100 + number;
            made_live(&host, &release, IMAGE).unwrap();
            release.id(IMAGE)
        };
        let oldest = deployed(0);
        let good = deployed(1);
        // More bad ones than are kept, each left for the one that works.
        for number in 2..9 {
            deployed(number);
            went_back(&host, &find(&host, &good).unwrap()).unwrap();
        }
        let live = deployed(10);
        let ways: Vec<String> = all(&host)
            .unwrap()
            .into_iter()
            .filter(Record::is_good)
            .map(|record| record.id)
            .collect();
        assert_eq!(ways, [live, good, oldest]);
        // One that was left can be deployed again.
        let again = deployed(8);
        assert!(find(&host, &again).unwrap().is_good());
    }

    #[test]
    fn rules_belong_to_a_release_once_they_are_in_force() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut release = super::super::tests::release();
        host.write(RULES, b"before", Access::root(0o640)).unwrap();
        release.rules = Some("refused later".into());
        made_live(&host, &release, IMAGE).unwrap();
        let id = release.id(IMAGE);
        assert_eq!(find(&host, &id).unwrap().rules.as_deref(), Some("before"));
        let live = ReleaseInfo {
            id: id.clone(),
            slot: "a".into(),
            image: IMAGE.into(),
        };
        rules_changed(&host, &live, Some("taken")).unwrap();
        assert_eq!(find(&host, &id).unwrap().rules.as_deref(), Some("taken"));
    }
}
