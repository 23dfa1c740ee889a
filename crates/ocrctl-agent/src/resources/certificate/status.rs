//! The state and problems of a host's certificate.

use jiff::Timestamp;

use super::live::{Issued, Pair};
use super::schedule::State;
use super::settings::{Issuer, Settings};
use super::{Host, Leaf, pem, served};
use crate::host::systemd;
use ocrctl_protocol::{CertificateStatus, FailedAttempt, Failure, NextRenewal, Result};

/// Words in an environment's name by which it is not production.
const NOT_PRODUCTION: [&str; 9] = [
    "staging",
    "test",
    "testing",
    "dev",
    "development",
    "qa",
    "demo",
    "sandbox",
    "rehearsal",
];

/// Reads the certificate in force, asks NGINX for it, and judges it.
pub async fn read(host: &Host, now: Timestamp) -> Result<CertificateStatus> {
    let settings = Settings::read(host)?;
    let mut status = by(&settings, host, now).await?;
    if let Err(failure) = served::until_served(host, settings.name()).await {
        status.problems.push(failure.message);
    }
    Ok(status)
}

/// The same without asking NGINX.
pub async fn glance(host: &Host, now: Timestamp) -> Result<CertificateStatus> {
    by(&Settings::read(host)?, host, now).await
}

async fn by(settings: &Settings, host: &Host, now: Timestamp) -> Result<CertificateStatus> {
    let (chain, key) = Pair::live(host)?
        .ok_or_else(|| Failure::new("there is no certificate on this host").hint("deploy first"))?;
    let leaf = pem::leaf(&chain)?;
    let issued = Issued::live(host)?;
    let state = State::read(host)?;
    let mut problems = judge(settings, issued.as_ref(), &leaf, &chain, now);
    if !pem::keys_match(&chain, &key) {
        problems.push("its key does not belong to it".to_owned());
    }
    let timer = timer(&settings.issuer);
    if !systemd::is_active(host, timer).await {
        problems.push(format!("{timer} is not active: nothing renews it"));
    }
    let next = match (&state.schedule, &settings.issuer) {
        (Some(schedule), Issuer::Acme(_)) if schedule.serial == leaf.serial => Some(NextRenewal {
            at: schedule.at.max(state.retry_at.unwrap_or(schedule.at)),
            why: schedule.why.to_string(),
        }),
        (_, Issuer::Acme(_) | Issuer::Certbot(_)) if state.retry_at.is_some() => {
            state.retry_at.map(|at| NextRenewal {
                at,
                why: "the last attempt failed".to_owned(),
            })
        }
        (_, Issuer::SelfSigned) => Some(NextRenewal {
            at: leaf.third_left(),
            why: "a third of its life is left then".to_owned(),
        }),
        // Before it expires in 30 days, as certbot does by default.
        (_, Issuer::Certbot(_)) => Some(NextRenewal {
            at: leaf.not_after - jiff::SignedDuration::from_hours(30 * 24),
            why: "certbot renews 30 days before the end".to_owned(),
        }),
        _ => None,
    };
    Ok(CertificateStatus {
        names: leaf.names.clone(),
        issuer: settings.issuer.describe(),
        issued_by: leaf.issuer.clone(),
        serial: leaf.serial.clone(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        next_renewal: next,
        last_failure: state.last_failure.map(|last| FailedAttempt {
            at: last.at,
            message: last.message,
        }),
        problems,
    })
}

/// Returns the timer that renews the certificate.
fn timer(issuer: &Issuer) -> &'static str {
    match issuer {
        Issuer::Certbot(_) => "certbot.timer",
        _ => "ocrctl-renew.timer",
    }
}

/// Reports problems of a certificate by itself.
pub fn judge(
    settings: &Settings,
    issued: Option<&Issued>,
    leaf: &Leaf,
    chain: &str,
    now: Timestamp,
) -> Vec<String> {
    let mut problems = Vec::new();
    if leaf.expired(now) {
        problems.push(format!("it has expired at {}", leaf.not_after));
    } else if leaf.nearly_over(now) {
        problems.push(format!(
            "less than a twentieth of its life is left: it expires at {}",
            leaf.not_after
        ));
    }
    if leaf.not_before > now {
        problems.push(format!(
            "it is not valid before {}: check the host's clock",
            leaf.not_before
        ));
    }
    if let Some(name) = settings.names.iter().find(|name| !leaf.covers(name)) {
        problems.push(format!("it is not valid for {name}"));
    }
    if issued == Some(&Issued::Temporary) {
        problems.push(
            "it is a temporary self-signed one: the authority has not issued one yet".to_owned(),
        );
    } else if is_production(&settings.environment) && from_staging(issued, chain) {
        problems.push(
            "it is from a staging authority, which no client trusts: correct `tls.directory` and deploy"
                .to_owned(),
        );
    }
    problems
}

/// Every environment is, unless its name says otherwise.
fn is_production(environment: &str) -> bool {
    !environment
        .split('-')
        .any(|word| NOT_PRODUCTION.contains(&word))
}

/// By what Let's Encrypt's staging and Pebble call themselves, in their directory or in the chain.
fn from_staging(issued: Option<&Issued>, chain: &str) -> bool {
    let directory = match issued {
        Some(Issued::Acme(from) | Issued::Certbot(from)) => from.directory.contains("staging"),
        _ => false,
    };
    directory
        || pem::issuers(chain).iter().any(|issuer| {
            ["(STAGING)", "Fake LE ", "Pebble "]
                .iter()
                .any(|mark| issuer.contains(mark))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::{Authority, KeyType};

    fn settings(environment: &str) -> Settings {
        Settings {
            environment: environment.to_owned(),
            names: vec!["ocr.example.org".to_owned()],
            issuer: Issuer::Acme(Authority {
                directory: "https://acme-staging-v02.api.letsencrypt.org/directory".to_owned(),
                directory_ca: None,
                contact: None,
                key_type: KeyType::EcdsaP256,
                profile: None,
            }),
        }
    }

    fn leaf() -> Leaf {
        Leaf {
            names: vec!["ocr.example.org".to_owned()],
            serial: "01".to_owned(),
            issuer: "CN=x".to_owned(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2026-04-11T00:00:00Z".parse().unwrap(),
        }
    }

    fn problems(environment: &str, issued: &Issued, now: &str) -> String {
        let now = now.parse().unwrap();
        judge(&settings(environment), Some(issued), &leaf(), "", now).join("\n")
    }

    #[test]
    fn the_last_twentieth_of_a_life_is_a_problem() {
        // 100 days: the last 5 begin on April 6th.
        let good = "2026-04-05T23:00:00Z";
        assert_eq!(problems("prod", &Issued::SelfSigned, good), "");
        let late = problems("prod", &Issued::SelfSigned, "2026-04-06T01:00:00Z");
        assert!(late.contains("twentieth"), "{late}");
        let over = problems("prod", &Issued::SelfSigned, "2026-04-12T00:00:00Z");
        assert!(over.contains("expired"), "{over}");
        let early = problems("prod", &Issued::SelfSigned, "2025-12-31T00:00:00Z");
        assert!(early.contains("clock"), "{early}");
    }

    #[test]
    fn a_staging_authority_is_a_problem_in_production_and_a_temporary_one_anywhere() {
        let issued = Issued::by(&settings("prod").issuer);
        let now = "2026-02-01T00:00:00Z";
        for production in ["prod", "ocr", "eu-live", "prod-2"] {
            assert!(
                problems(production, &issued, now).contains("staging"),
                "{production}"
            );
        }
        for other in ["staging", "rehearsal", "eu-test", "dev-2"] {
            assert_eq!(problems(other, &issued, now), "", "{other}");
            assert!(problems(other, &Issued::Temporary, now).contains("temporary"));
        }
    }
}
