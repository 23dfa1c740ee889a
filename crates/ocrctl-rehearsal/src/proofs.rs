//! The proofs, in the order in which they are tried: each builds on those before it.

mod archive;
mod audit;
mod backup;
pub(super) mod certificates;
mod client;
mod convergence;
mod daytwo;
mod doctor;
mod documents;
mod faults;
mod fleet;
mod host;
mod issuers;
mod key_file;
mod keys;
mod migration;
mod packages;
mod ports;
mod probe;
mod releases;
mod secrets;
mod ssh_socket;
mod tls;
mod tutorial;
mod watcher;

use std::future::Future;
use std::pin::Pin;

use super::{Provider, Rehearsal, Seen};

/// A page of the letter as a scanner gives it.
const SCAN: &[u8] = include_bytes!("../../../vagrant/documents/scan.jpg");
/// The letter as a PDF with a text layer.
const LETTER: &[u8] = include_bytes!("../../../vagrant/documents/letter.pdf");

type Proving<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    pub(super) name: &'static str,
    /// Names of those whose state it goes on from, beside [`BASIS`].
    after: &'static [&'static str],
    /// Why it can be tried in containers only, if so.
    docker: &'static [&'static str],
    pub(super) prove: fn(&mut Rehearsal) -> Proving<'_>,
}

macro_rules! proofs {
    ($($name:literal $function:path $(, after $($after:literal)+)? $(, docker $docker:ident)?);* $(;)?) => {
        &[$(Proof {
            name: $name,
            after: &[$($($after),+)?],
            docker: &[$($docker)?],
            prove: |rehearsal| Box::pin($function(rehearsal)),
        }),*]
    };
}

/// `migrate-registry` needs an operator who knows the registries by the names that the hosts do.
const OPERATOR: &str = "its operator is a container of the docker provider's image";

impl Proof {
    /// Why it can't be tried with this provider.
    pub(super) fn left_out(&self, provider: Provider) -> Option<String> {
        if provider == Provider::Docker {
            return None;
        }
        let own = self.docker.first().map(|why| (*why).to_owned());
        own.or_else(|| {
            let mut before = ALL.iter().filter(|it| self.after.contains(&it.name));
            let missing = before.find(|it| it.left_out(provider).is_some())?;
            Some(format!("it goes on from \"{}\"", missing.name))
        })
    }
}

/// The number of first proofs that every other one needs: machines, a deployed host and a key. The doctor sees a bare
/// host only there.
const BASIS: usize = 4;

/// The proofs that were asked for by parts of their names, with those that they go on from; without `only`, all. Those
/// of `skip` are left out, unless one that is asked for goes on from them. A part that no name has is the error.
pub(super) fn chosen(only: &[String], skip: &[String]) -> Result<Vec<&'static Proof>, String> {
    let named = |part: &String| ALL.iter().any(|proof| proof.name.contains(part.as_str()));
    if let Some(part) = only.iter().chain(skip).find(|part| !named(part)) {
        return Err(part.clone());
    }
    let has = |parts: &[String], name: &str| parts.iter().any(|part| name.contains(part.as_str()));
    let mut wanted: Vec<bool> = ALL
        .iter()
        .enumerate()
        .map(|(index, proof)| {
            index < BASIS || (only.is_empty() || has(only, proof.name)) && !has(skip, proof.name)
        })
        .collect();
    // Proofs that a wanted one builds on stand before it.
    for index in (0..ALL.len()).rev() {
        if wanted[index] {
            for (other, proof) in ALL.iter().enumerate().take(index) {
                wanted[other] |= ALL[index].after.contains(&proof.name);
            }
        }
    }
    Ok(ALL
        .iter()
        .zip(wanted)
        .filter_map(|(proof, wanted)| wanted.then_some(proof))
        .collect())
}

/// What shows that a host serves, in minutes.
const SMOKE: [&str; 8] = [
    "machines up",
    "deploy of a bare host",
    "new API key",
    "scanned page over HTTPS",
    "PDF over HTTPS",
    "403 without a good key",
    "release switch under load",
    "rollback under load",
];

pub(super) fn smoke() -> Vec<&'static Proof> {
    ALL.iter()
        .filter(|proof| SMOKE.contains(&proof.name))
        .collect()
}

pub(super) const ALL: &[Proof] = proofs![
    "machines up" host::up;
    "doctor before the first deploy" doctor::bare;
    "deploy of a bare host" host::deploy;
    "new API key" documents::key;
    "second deploy is a no-op" host::no_op;
    "scanned page over HTTPS" documents::scan;
    "PDF over HTTPS" documents::pdf;
    "ocr client" client::client;
    "status of a healthy host" daytwo::healthy;
    "logs by request id" daytwo::logs;
    "status of a stopped service" daytwo::stopped;
    "engine and sandbox" documents::engine;
    "lines and a searchable PDF over HTTPS" documents::formats;
    "rules of the organization's own" documents::rules;
    "403 without a good key" documents::refused;
    "bad uploads get a clear error" documents::bad_uploads;
    "HTTP redirects, unknown names get nothing" documents::names;
    "key rotation under load" keys::rotation;
    "a key ends at its second" keys::expiry;
    "mistakes lose no key" keys::mistakes;
    "release switch under load" releases::switch;
    "broken release never serves" releases::broken,
        after "release switch under load";
    "release that fails its clients goes back" releases::failing,
        after "release switch under load";
    "two deploys at once" releases::two_at_once,
        after "release switch under load";
    "rollback under load" releases::rollback,
        after "release switch under load";
    "deploy and rollback with a probe" probe::probed;
    "restart under load" daytwo::restart;
    "killed at every step" faults::every_step;
    "history" releases::history,
        after "release that fails its clients goes back" "rollback under load";
    "wrong registry password" releases::password;
    "doctor finds what is broken" doctor::broken;
    "disk full while pulling" releases::disk_full;
    "deploy from an archive with the registry off" archive::archive;
    "drift is found and repaired" host::drift;
    "the tutorial, as it stands" tutorial::tutorial;
    "from outside, only what the inventory names" ports::outside_in;
    "rules that cut SSH off go back by themselves" host::rules_cut;
    "sshd change that cuts SSH off goes back by itself" host::sshd_cut;
    "ssh.socket keeps its port" ssh_socket::forms;
    "refused NGINX configuration never goes live" host::bad_nginx;
    "damaged key file changes nothing" key_file::damaged;
    "guesses are slowed down, clients are not" keys::guesses;
    "TLS as Mozilla's intermediate configuration" tls::scan;
    "certificate status" certificates::status;
    "forced renewal under load" certificates::renewal_under_load;
    "authority down during a renewal" certificates::authority_down;
    "wrong record is named, no order made" certificates::wrong_record;
    "temporary certificate while the authority is down" certificates::temporary;
    "certbot, there and back" issuers::certbot;
    "renewal as the authority suggests, controller gone" certificates::suggested;
    "changing the issuer" issuers::issuers;
    "image moves to another registry under load" migration::migrate, docker OPERATOR;
    "the old registry is off: deploy and rollback" migration::without_the_old,
        after "image moves to another registry under load";
    "the old registry is off: reboot" migration::reboot,
        after "image moves to another registry under load";
    "reboot with the registry off" releases::reboot;
    "metrics for keys of their scope" watcher::metrics;
    "alerts go out, and their secrets nowhere else" watcher::channels;
    "what goes wrong is repaired or reported once" watcher::faults,
        after "alerts go out, and their secrets nowhere else";
    "use of keys is counted" keys::usage,
        after "release switch under load" "rollback under load";
    "audit is quiet once its findings are fixed" audit::quiet;
    "audit finds what was planted" audit::planted,
        after "audit is quiet once its findings are fixed";
    "every kind of resource comes back" convergence::every_kind,
        after "alerts go out, and their secrets nowhere else";
    "what is switched off goes, and comes again" convergence::switches;
    "several hosts" fleet::several;
    "docker-ce and what runs in it stay" packages::docker_ce;
    "release in a runtime of the operator's choice" packages::runtime,
        after "docker-ce and what runs in it stay";
    "no secret left behind" secrets::secrets;
    "backup is for its recipient alone" backup::backup;
    "restored onto a bare host" backup::restore,
        after "backup is for its recipient alone";
    "still no secret left behind" secrets::secrets;
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let own =
            |parts: &[&str]| -> Vec<String> { parts.iter().map(|&part| part.to_owned()).collect() };
        let chosen = chosen(&own(only), &own(skip)).unwrap();
        chosen.into_iter().map(|proof| proof.name).collect()
    }

    #[test]
    fn a_proof_comes_with_what_it_goes_on_from() {
        let basis = [
            "machines up",
            "doctor before the first deploy",
            "deploy of a bare host",
            "new API key",
        ];
        assert_eq!(
            names(&["rollback under load"], &[]),
            [
                &basis[..],
                &["release switch under load", "rollback under load"]
            ]
            .concat()
        );
        // Needed proofs are not skipped.
        assert!(names(&["rollback under"], &["switch"]).contains(&"release switch under load"));
        assert_eq!(names(&[], &[]).len(), ALL.len());
        assert_eq!(names(&[], &["killed at every step"]).len(), ALL.len() - 1);
        assert_eq!(
            chosen(&["wat".to_owned()], &[]).err().as_deref(),
            Some("wat")
        );
    }

    #[test]
    fn skips_proofs_of_containers_on_vms_with_their_dependents() {
        let out = |provider| -> Vec<_> {
            let out = ALL
                .iter()
                .map(|proof| (proof.name, proof.left_out(provider)));
            out.filter_map(|(name, why)| Some((name, why?))).collect()
        };
        assert_eq!(out(Provider::Docker), []);
        let vms = out(Provider::Libvirt);
        assert_eq!(vms.len(), 3, "{vms:?}");
        assert_eq!(vms[0].1, OPERATOR);
        assert_eq!(
            vms[2].1,
            "it goes on from \"image moves to another registry under load\""
        );
    }

    #[test]
    fn the_documentation_lists_these_proofs_in_their_order() {
        let text = include_str!("../../../docs/rehearsal.md");
        let listed: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(name, _)| name)
            .take_while(|name| *name != "prod1")
            .collect();
        let names: Vec<&str> = ALL.iter().map(|proof| proof.name).collect();
        assert_eq!(listed, names);
    }

    #[test]
    fn every_proof_follows_those_that_it_builds_on() {
        let smoke: Vec<Proof> = smoke().into_iter().copied().collect();
        assert_eq!(smoke.len(), SMOKE.len());
        for proofs in [ALL, &smoke] {
            for (index, proof) in proofs.iter().enumerate() {
                for name in proof.after {
                    assert!(
                        proofs[..index].iter().any(|other| other.name == *name),
                        "{name}"
                    );
                }
            }
        }
    }
}
