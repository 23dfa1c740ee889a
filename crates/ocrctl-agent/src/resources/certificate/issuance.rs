//! A certificate from an authority, as a resource. It is the last in the order: NGINX must answer on port 80
//! first, and whatever the authority says, the service is up behind what certificate there is.

use std::fmt::Write;

use super::live::{Issued, Pair};
use super::obtain::Surroundings;
use super::renewal::{Ended, Renewal};
use super::schedule::{Asker, State};
use super::settings::{Issuer, Settings};
use super::{Host, account, certbot, pem};
use crate::host::Operation;
use ocrctl_protocol::{Action, Authority, Change, Detail, ExternalAccount, Level, Result};

#[derive(Debug)]
pub struct Issuance {
    pub settings: Settings,
    pub authority: Authority,
    pub external_account: Option<ExternalAccount>,
}

impl Issuance {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let Some((action, reason)) = self.reason(host)? else {
            return Ok(None);
        };
        let before = Pair::live(host)?.and_then(|(chain, _)| pem::leaf(&chain).ok());
        let mut to = self.settings.issuer.describe();
        if let Some(profile) = &self.authority.profile {
            // Writing to a string can't fail.
            let _ = write!(to, ", profile {profile}");
        }
        Ok(Some(Change {
            resource: format!("certificate for {}", self.settings.names.join(", ")),
            action,
            reason,
            details: vec![Detail::Field {
                name: "certificate".into(),
                from: before.map(|leaf| leaf.shown()),
                to: Some(format!("one from {to}")),
            }],
        }))
    }

    fn reason(&self, host: &Host) -> Result<Option<(Action, String)>> {
        let create = |reason: &str| Ok(Some((Action::Create, reason.to_owned())));
        let update = |reason: String| Ok(Some((Action::Update, reason)));
        let Some((chain, key)) = Pair::live(host)? else {
            return create("the authority has issued none yet");
        };
        match Issued::live(host)? {
            Some(Issued::Temporary) => {
                return create(
                    "a temporary self-signed one serves until the authority has issued one",
                );
            }
            Some(issued) if issued == Issued::by(&self.settings.issuer) => {}
            Some(issued) => return update(format!("the one in place is {issued}")),
            None => return update("it is not known where the one in place is from".to_owned()),
        }
        let Ok(leaf) = pem::leaf(&chain) else {
            return update("the one in place can't be read".to_owned());
        };
        let mut names = self.settings.names.clone();
        names.sort();
        if leaf.names != names {
            return update(format!("its names are {}", leaf.names.join(", ")));
        }
        if !pem::keys_match(&chain, &key) {
            return update("its key does not belong to it".to_owned());
        }
        let now = jiff::Timestamp::now();
        match &self.settings.issuer {
            Issuer::Acme(_) => {
                if State::read(host)?.due(&leaf.serial, now) {
                    return update(format!(
                        "its renewal is due; it is valid until {}",
                        leaf.not_after
                    ));
                }
                let contact = account::contact(host, &self.authority)?;
                if let Some(contact) = contact
                    && contact != self.authority.contact
                {
                    return update(format!(
                        "the account's contact is {}",
                        contact.as_deref().unwrap_or("none")
                    ));
                }
            }
            _ if certbot::held(host, &self.settings)?.is_none() => {
                return update("certbot does not have it, and can't renew it".to_owned());
            }
            _ => {}
        }
        Ok(None)
    }

    pub async fn apply(&self, host: &Host, operation: &mut Operation) -> Result<()> {
        let surroundings = Surroundings::of_host()?;
        let renewal = Renewal {
            host,
            settings: &self.settings,
            external_account: self.external_account.as_ref(),
            surroundings: &surroundings,
            asker: Asker::Operator,
            renew_now: false,
            now: jiff::Timestamp::now(),
        };
        let events = &operation.events;
        let mut tell = |what: &str| {
            if what.starts_with("not certain: ") {
                events.note(Level::Warning, what);
            } else {
                events.progress("certificate", what, None);
            }
        };
        let temporary = Issued::live(host)? == Some(Issued::Temporary);
        let ended = renewal.run(&mut tell).await.inspect_err(|_| {
            if temporary {
                events.note(
                    Level::Warning,
                    "the service is up, behind a temporary self-signed certificate that no client trusts; \
                     the host's own timer goes on trying",
                );
            }
        })?;
        if let Ended::Renewed(what) = ended {
            events.note(Level::Info, what);
        }
        Ok(())
    }
}

impl std::fmt::Display for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |from: &super::live::From| {
            let mut text = format!("from {}", from.directory);
            if let Some(profile) = &from.profile {
                let _ = write!(text, ", profile {profile}");
            }
            text
        };
        match self {
            Self::Temporary => f.write_str("a temporary one"),
            Self::SelfSigned => f.write_str("from the environment's own authority"),
            Self::Files => f.write_str("from the operator's files"),
            Self::Acme(from) => f.write_str(&of(from)),
            Self::Certbot(from) => write!(f, "{} by certbot", of(from)),
        }
    }
}
