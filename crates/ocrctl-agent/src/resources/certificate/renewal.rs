//! Renewing on the host, with nobody else needed: decide, get, put in force, remember. Deploys, `cert renew` and the
//! timer all come through here.

use jiff::Timestamp;
use std::time::Duration;

use super::live::{Issued, Pair};
use super::obtain::{Attempt, Surroundings, chance, identifier};
use super::problem::Problem;
use super::schedule::{Asker, Schedule, State, Why, Window};
use super::settings::{Issuer, Settings};
use super::{Host, Leaf, account, authority, certbot, pem};
use crate::acme::Ca;
use crate::host::Access;
use crate::resources::nginx;
use ocrctl_protocol::{Authority, Context, ExternalAccount, Failure, Result};

const STATE: &str = "/var/lib/ocrctl/renewal.json";
const AGAIN: &str = "ocrctl-renew-again";

/// One run.
#[derive(Debug)]
pub struct Renewal<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    pub external_account: Option<&'a ExternalAccount>,
    pub surroundings: &'a Surroundings,
    pub asker: Asker,
    /// A new certificate even where the one in place is good.
    pub renew_now: bool,
    pub now: Timestamp,
}

/// The outcome of a run, in words.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    NotDue(String),
    Renewed(String),
}

impl State {
    pub fn read(host: &Host) -> Result<Self> {
        let json = host.read(STATE)?;
        // A torn file is as good as none: what it said is found out again.
        Ok(json
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default())
    }

    pub fn remember(&self, host: &Host) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("writing when to renew")?;
        host.write(STATE, &json, Access::root(0o644))
    }
}

impl Renewal<'_> {
    pub async fn run(&self, tell: &mut dyn FnMut(&str)) -> Result<Ended> {
        match &self.settings.issuer {
            Issuer::Files => {
                let leaf = pem::leaf(&live(self.host)?.0)?;
                Ok(Ended::NotDue(format!(
                    "the operator's files are renewed by deploying new ones; valid until {}",
                    leaf.not_after
                )))
            }
            Issuer::SelfSigned => self.self_signed().await,
            Issuer::Acme(authority) | Issuer::Certbot(authority) => {
                self.by_authority(authority, tell).await
            }
        }
    }

    async fn self_signed(&self) -> Result<Ended> {
        let leaf = pem::leaf(&live(self.host)?.0)?;
        if !self.renew_now && !leaf.due(self.now) {
            return Ok(Ended::NotDue(format!("valid until {}", leaf.not_after)));
        }
        let pair = authority::issue(self.host, self.settings)?;
        pair.put_in_force(self.host, self.settings.name()).await?;
        Ok(Ended::Renewed(in_force(&pair)?))
    }

    /// A live certificate that this authority has issued.
    fn current(&self) -> Result<Option<(String, Leaf)>> {
        if Issued::live(self.host)? != Some(Issued::by(&self.settings.issuer)) {
            return Ok(None);
        }
        let Some((chain, key)) = Pair::live(self.host)? else {
            return Ok(None);
        };
        let Ok(leaf) = pem::leaf(&chain) else {
            return Ok(None);
        };
        let mut names = self.settings.names.clone();
        names.sort();
        Ok((leaf.names == names && pem::keys_match(&chain, &key)).then_some((chain, leaf)))
    }

    async fn by_authority(
        &self,
        authority: &Authority,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Ended> {
        let current = self.current()?;
        if !self.renew_now
            && let Some(ended) = self.not_due(authority, current.as_ref()).await?
        {
            return Ok(ended);
        }
        let mut state = State::read(self.host)?;
        if let Some(until) = state.held(self.now, self.asker) {
            self.wake_at(until).await;
            return Err(held(&state, until, self.asker));
        }
        // If this can't be written, the authority is not asked either: it could not be remembered.
        state.begin(self.now);
        state.remember(self.host)?;
        let replaces = current.as_ref().map(|(chain, _)| chain.as_str());
        match self.attempt(authority, replaces, tell).await {
            Ok(pair) => {
                state.succeeded();
                let mut what = in_force(&pair)?;
                // In force all the same; the next look finds out what could not be written down.
                let remembered = match self.settings.issuer {
                    Issuer::Certbot(_) => state.remember(self.host),
                    _ => {
                        let leaf = pem::leaf(&pair.chain)?;
                        self.reschedule(&mut state, authority, &pair.chain, &leaf)
                            .await
                    }
                };
                if let Err(failure) = remembered {
                    what.push_str(&format!("; {}", failure.message));
                }
                Ok(Ended::Renewed(what))
            }
            Err(problem) => {
                let message = &problem.failure.message;
                state.failed(self.now, message, problem.ordered, problem.retry_after);
                state.remember(self.host)?;
                if let Some(until) = state.held(self.now, Asker::Timer) {
                    self.wake_at(until).await;
                }
                Err(problem.failure)
            }
        }
    }

    /// Why nothing is to be ordered now, if so; brings up to date on the way when that will be.
    async fn not_due(
        &self,
        authority: &Authority,
        current: Option<&(String, Leaf)>,
    ) -> Result<Option<Ended>> {
        if let Issuer::Certbot(_) = self.settings.issuer {
            if let Some(ended) = self.adopt().await? {
                return Ok(Some(ended));
            }
            let kept = certbot::held(self.host, self.settings)?.and(current);
            return Ok(kept.map(|(_, leaf)| {
                Ended::NotDue(format!("certbot renews it; valid until {}", leaf.not_after))
            }));
        }
        let Some((chain, leaf)) = current else {
            return Ok(None);
        };
        let mut state = State::read(self.host)?;
        self.update_contact(authority).await?;
        self.reschedule(&mut state, authority, chain, leaf).await?;
        if state.due(&leaf.serial, self.now) {
            return Ok(None);
        }
        Ok(Some(Ended::NotDue(match &state.schedule {
            Some(schedule) => format!("due at {}: {}", schedule.at, schedule.why),
            None => format!("valid until {}", leaf.not_after),
        })))
    }

    /// Gets a certificate and puts it in force.
    async fn attempt(
        &self,
        authority: &Authority,
        replaces: Option<&str>,
        tell: &mut dyn FnMut(&str),
    ) -> std::result::Result<Pair, Problem> {
        let pair = self.obtain(authority, replaces, tell).await?;
        tell("NGINX takes it over");
        match pair.put_in_force(self.host, self.settings.name()).await {
            Ok(()) => Ok(pair),
            Err(failure) => Err(Problem {
                ordered: true,
                ..Problem::from(failure)
            }),
        }
    }

    async fn obtain(
        &self,
        authority: &Authority,
        replaces: Option<&str>,
        tell: &mut dyn FnMut(&str),
    ) -> std::result::Result<Pair, Problem> {
        let attempt = Attempt {
            host: self.host,
            settings: self.settings,
            authority,
            external_account: self.external_account,
            surroundings: self.surroundings,
            replaces,
        };
        if nginx::is_serving(self.host).await? {
            // It would not take a new certificate either.
            nginx::check(self.host).await?;
        }
        tell("asking the authority for its directory");
        let ca = Ca::connect(authority).await?;
        if let Issuer::Certbot(_) = self.settings.issuer {
            attempt.preflight(&ca, tell).await?;
            tell("certbot orders");
            return certbot::obtain(self.host, self.settings, authority, self.external_account)
                .await;
        }
        attempt.run(&ca, tell).await
    }

    /// Adopts a certificate that certbot's own timer has obtained since.
    async fn adopt(&self) -> Result<Option<Ended>> {
        let Some(pair) = certbot::held(self.host, self.settings)? else {
            return Ok(None);
        };
        if Pair::live(self.host)?.is_some_and(|(chain, _)| chain == pair.chain)
            || pair.check(&self.settings.names).is_err()
            || pem::leaf(&pair.chain)?.expired(self.now)
        {
            return Ok(None);
        }
        pair.put_in_force(self.host, self.settings.name()).await?;
        let mut state = State::read(self.host)?;
        state.succeeded();
        state.remember(self.host)?;
        Ok(Some(Ended::Renewed(in_force(&pair)?)))
    }

    /// Tells the authority of another address, if that has changed.
    async fn update_contact(&self, authority: &Authority) -> Result<()> {
        let known = account::contact(self.host, authority)?;
        if known.is_none_or(|known| known == authority.contact) {
            return Ok(());
        }
        let opened = async {
            let ca = Ca::connect(authority).await?;
            account::open(self.host, &ca, authority, self.external_account).await
        };
        opened.await.map(|_| ()).map_err(|problem| problem.failure)
    }

    /// Brings the time of the next renewal up to date: by the authority's renewal information, where it gives any.
    async fn reschedule(
        &self,
        state: &mut State,
        authority: &Authority,
        chain: &str,
        leaf: &Leaf,
    ) -> Result<()> {
        let before = state.clone();
        let known = state
            .schedule
            .as_ref()
            .is_some_and(|schedule| schedule.serial == leaf.serial);
        if !known {
            // Issued by an attempt whose end could not be written down.
            state.succeeded();
        }
        let mut window = state
            .schedule
            .as_ref()
            .filter(|schedule| known && schedule.why == Why::RenewalInformation)
            .map(|schedule| schedule.window);
        let ask = !known || state.ask_after.is_none_or(|after| after <= self.now);
        if ask && let Some(id) = identifier(chain) {
            // An authority that can't be asked now leaves the plan as it was.
            let asked = match Ca::connect(authority).await {
                Ok(ca) => ca.renewal_window(&id).await,
                Err(error) => Err(error),
            };
            if let Ok(suggested) = asked {
                window = suggested.map(|w| Window {
                    start: w.start,
                    end: w.end,
                });
                state.ask_after = suggested.map(|w| w.ask_after);
            }
        }
        state.schedule = Some(Schedule::choose(
            leaf,
            window,
            state.schedule.as_ref(),
            chance()?,
        ));
        if *state != before {
            state.remember(self.host)?;
        }
        if let Some(schedule) = &state.schedule {
            // RFC 9773, 4.2: at exactly that time, if the next look would come later.
            let soon = jiff::SignedDuration::from_hours(7);
            if schedule.at > self.now && schedule.at.duration_since(self.now) < soon {
                self.wake_at(schedule.at).await;
            }
        }
        Ok(())
    }

    /// Has the timer's service run once at that time. Lost in a reboot, after which the timer looks anyway.
    async fn wake_at(&self, at: Timestamp) {
        if !self.host.is_machine() {
            return;
        }
        let limit = Duration::from_secs(30);
        let timer = format!("{AGAIN}.timer");
        let _ = self.host.run("systemctl", &["stop", &timer], limit).await;
        let seconds = at.duration_since(self.now).as_secs().max(1);
        let active = format!("--on-active={seconds}");
        let arguments = [
            "--quiet",
            "--collect",
            "--unit",
            AGAIN,
            &active,
            "--timer-property=AccuracySec=1s",
            "systemctl",
            "start",
            "--no-block",
            "ocrctl-renew.service",
        ];
        // The timer of every six hours stands behind it.
        let _ = self.host.run("systemd-run", &arguments, limit).await;
    }
}

fn live(host: &Host) -> Result<(String, String)> {
    Pair::live(host)?
        .ok_or_else(|| Failure::new("there is no certificate on this host").hint("deploy first"))
}

fn in_force(pair: &Pair) -> Result<String> {
    let leaf = pem::leaf(&pair.chain)?;
    Ok(format!(
        "serial {} is served, valid until {}",
        leaf.serial, leaf.not_after
    ))
}

fn held(state: &State, until: Timestamp, asker: Asker) -> Failure {
    let last = state
        .last_failure
        .as_ref()
        .map(|last| format!("the last attempt, at {}, failed: {}", last.at, last.message))
        .unwrap_or_default();
    let failure = Failure::new(format!(
        "the authority is not asked again before {until}: {last}"
    ));
    if state.retry_after.is_some_and(|at| at >= until) {
        failure.hint("that is the authority's own word; the host's timer tries again then")
    } else if asker == Asker::Timer {
        failure
    } else {
        failure.hint(
            "the host's timer tries again then; `ocrctl cert renew ENV --force` does not wait",
        )
    }
}
