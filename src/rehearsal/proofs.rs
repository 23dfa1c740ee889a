//! The proofs, in the order in which they are tried: each builds on those before it.

mod audit;
mod backup;
mod certificates;
mod daytwo;
mod doctor;
mod documents;
mod faults;
mod host;
mod issuers;
mod keys;
mod migration;
mod releases;
mod secrets;
mod tls;
mod tutorial;

use std::future::Future;
use std::pin::Pin;

use super::{Rehearsal, Seen};

/// A page of the letter as a scanner gives it.
const SCAN: &[u8] = include_bytes!("../../vagrant/documents/scan.jpg");
/// The letter as a PDF with a text layer.
const LETTER: &[u8] = include_bytes!("../../vagrant/documents/letter.pdf");

/// Files of the rehearsal's state: a backup, and the age identity that opens it.
pub(super) const BACKUP: &str = "rehearsal.backup";
pub(super) const IDENTITY: &str = "age-identity";

type Proving<'a> = Pin<Box<dyn Future<Output = Seen> + 'a>>;

pub(super) struct Proof {
    pub(super) name: &'static str,
    pub(super) prove: fn(&mut Rehearsal) -> Proving<'_>,
}

macro_rules! proofs {
    ($($name:literal $function:path),* $(,)?) => {
        &[$(Proof { name: $name, prove: |rehearsal| Box::pin($function(rehearsal)) }),*]
    };
}

pub(super) const ALL: &[Proof] = proofs![
    "machines up" host::up,
    "doctor before the first deploy" doctor::bare,
    "deploy of a bare host" host::deploy,
    "second deploy is a no-op" host::no_op,
    "new API key" documents::key,
    "scanned page over HTTPS" documents::scan,
    "PDF over HTTPS" documents::pdf,
    "status of a healthy host" daytwo::healthy,
    "logs by request id" daytwo::logs,
    "status of a stopped service" daytwo::stopped,
    "engine and sandbox" documents::engine,
    "lines and a searchable PDF over HTTPS" documents::formats,
    "rules of the organization's own" documents::rules,
    "403 without a good key" documents::refused,
    "bad uploads get a clear error" documents::bad_uploads,
    "HTTP redirects, unknown names get nothing" documents::names,
    "key rotation under load" keys::rotation,
    "a key ends at its second" keys::expiry,
    "mistakes lose no key" keys::mistakes,
    "release switch under load" releases::switch,
    "broken release never serves" releases::broken,
    "release that fails its clients goes back" releases::failing,
    "two deploys at once" releases::two_at_once,
    "rollback under load" releases::rollback,
    "restart under load" daytwo::restart,
    "killed at every step" faults::every_step,
    "history" releases::history,
    "wrong registry password" releases::password,
    "doctor finds what is broken" doctor::broken,
    "disk full while pulling" releases::disk_full,
    "drift is found and mended" host::drift,
    "the tutorial, as it stands" tutorial::tutorial,
    "rules that cut SSH off go back by themselves" host::locked_out,
    "refused NGINX configuration never goes live" host::bad_nginx,
    "damaged key file changes nothing" keys::damaged,
    "guesses are slowed down, clients are not" keys::guesses,
    "TLS as Mozilla's intermediate configuration" tls::scan,
    "certificate status" certificates::status,
    "forced renewal under load" certificates::renewal_under_load,
    "authority down during a renewal" certificates::authority_down,
    "wrong record is named, no order made" certificates::wrong_record,
    "temporary certificate while the authority is down" certificates::temporary,
    "certbot, there and back" issuers::certbot,
    "renewal as the authority suggests, controller gone" certificates::suggested,
    "changing the issuer" issuers::issuers,
    "image moves to another registry under load" migration::migrate,
    "the old registry is off: deploy and rollback" migration::without_the_old,
    "the old registry is off: reboot" migration::reboot,
    "reboot with the registry off" releases::reboot,
    "use of keys is counted" keys::usage,
    "audit is quiet once its findings are mended" audit::quiet,
    "audit finds what was planted" audit::planted,
    "no secret left behind" secrets::secrets,
    "backup is for its recipient alone" backup::backup,
    "restored onto a bare host" backup::restore,
    "still no secret left behind" secrets::secrets,
];
