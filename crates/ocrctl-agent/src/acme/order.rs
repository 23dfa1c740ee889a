//! An order for a certificate: its challenges, their validation, and the certificate.

use std::time::{Duration, Instant};

use instant_acme::{
    AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder,
    OrderStatus,
};

use super::error::{AcmeError, Kind, kind_of};
use super::http::{Http, patiently};

/// For the authority to validate the names, and then to sign.
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(250);
const POLL_AT_MOST: Duration = Duration::from_secs(5);

/// An order that the authority has accepted.
pub struct Order {
    inner: instant_acme::Order,
    http: Http,
}

/// The answer that the authority expects at `http://NAME/.well-known/acme-challenge/TOKEN` (RFC 8555, 8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub name: String,
    pub token: String,
    /// The whole body of the answer.
    pub answer: String,
}

impl Order {
    pub(super) async fn begin(
        account: &instant_acme::Account,
        http: &Http,
        names: &[String],
        profile: Option<&str>,
        replaces: Option<CertificateIdentifier<'static>>,
    ) -> Result<Self, AcmeError> {
        let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
        let mut wanted = NewOrder::new(&identifiers);
        if let Some(profile) = profile {
            wanted = wanted.profile(profile);
        }
        let order = match replaces {
            Some(replaces) => {
                let renewing = wanted.replaces(replaces);
                match patiently!(account.new_order(&renewing)) {
                    // Replaced before, from another account, or forgotten: as good as a first order (RFC 9773, 5).
                    Err(Error::Api(problem)) if kind_of(&problem) == Kind::Refused => {
                        let mut wanted = NewOrder::new(&identifiers);
                        if let Some(profile) = profile {
                            wanted = wanted.profile(profile);
                        }
                        patiently!(account.new_order(&wanted))
                    }
                    other => other,
                }
            }
            None => patiently!(account.new_order(&wanted)),
        };
        let inner = order.map_err(|error| http.error("ordering a certificate", error))?;
        Ok(Self {
            inner,
            http: http.clone(),
        })
    }

    /// Returns the challenges to serve before [`Order::validate`]. Names whose authorization is still valid need
    /// none.
    ///
    /// # Errors
    /// An authorization can't be used any more, or offers no HTTP-01.
    pub async fn challenges(&mut self) -> Result<Vec<Challenge>, AcmeError> {
        self.read_authorizations().await?;
        let mut challenges = Vec::new();
        let mut authorizations = self.inner.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let name = authorization.identifier().to_string();
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => {
                    return Err(AcmeError::new(
                        Kind::Validation,
                        format!("the authorization for {name} is {other:?}").to_lowercase(),
                    )
                    .hint("a new order gets a new one"));
                }
            }
            let Some(challenge) = authorization.challenge(ChallengeType::Http01) else {
                return Err(AcmeError::new(
                    Kind::Refused,
                    format!("the authority offers no HTTP-01 for {name}"),
                ));
            };
            challenges.push(Challenge {
                name,
                token: challenge.token.clone(),
                answer: challenge.key_authorization().as_str().to_owned(),
            });
        }
        Ok(challenges)
    }

    /// Has the authority fetch the answers, and waits until it is satisfied.
    ///
    /// # Errors
    /// [`Kind::Validation`], with what the authority saw for each name.
    pub async fn validate(&mut self) -> Result<(), AcmeError> {
        self.read_authorizations().await?;
        let mut authorizations = self.inner.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) {
                patiently!(challenge.set_ready())
                    .map_err(|error| self.http.error("answering a challenge", error))?;
            }
        }
        match self.wait_while(&[OrderStatus::Pending]).await? {
            OrderStatus::Invalid => Err(self.why_invalid().await),
            _ => Ok(()),
        }
    }

    /// Has the certificate signed. `csr` is in DER; gives the chain in PEM, leaf first.
    ///
    /// # Errors
    /// The authority refuses the request, or does not sign in time.
    pub async fn finalize(mut self, csr: &[u8]) -> Result<String, AcmeError> {
        if self.inner.state().status == OrderStatus::Ready
            && let Err(error) = patiently!(self.inner.finalize_csr(csr))
        {
            // An answer that was lost on its way: the order knows.
            let status = self.refresh().await?;
            if !matches!(status, OrderStatus::Processing | OrderStatus::Valid) {
                return Err(self.http.error("finalizing the order", error));
            }
        }
        match self
            .wait_while(&[OrderStatus::Ready, OrderStatus::Processing])
            .await?
        {
            OrderStatus::Valid => {}
            _ => return Err(self.why_invalid().await),
        }
        let chain = patiently!(self.inner.certificate())
            .map_err(|error| self.http.error("fetching the certificate", error))?;
        chain.ok_or_else(|| {
            AcmeError::new(Kind::Unavailable, "the authority has lost the certificate")
        })
    }

    /// Has what the authority knows of each name here, so that going through them asks it for nothing.
    async fn read_authorizations(&mut self) -> Result<(), AcmeError> {
        patiently!(async {
            let mut authorizations = self.inner.authorizations();
            while let Some(authorization) = authorizations.next().await {
                authorization?;
            }
            Ok(())
        })
        .map_err(|error| self.http.error("reading an authorization", error))
    }

    async fn refresh(&mut self) -> Result<OrderStatus, AcmeError> {
        let http = self.http.clone();
        patiently!(self.inner.refresh())
            .map(|state| state.status)
            .map_err(|error| http.error("asking for the order's state", error))
    }

    /// Asks until the order is in none of these states, as often as the authority likes.
    async fn wait_while(&mut self, states: &[OrderStatus]) -> Result<OrderStatus, AcmeError> {
        let until = Instant::now() + LIMIT;
        let mut pause = POLL;
        loop {
            let status = self.refresh().await?;
            if !states.contains(&status) {
                return Ok(status);
            }
            let asked = self.http.seen().wait();
            let wait = asked.unwrap_or(pause).max(POLL);
            if Instant::now() + wait > until {
                return Err(self
                    .http
                    .error("waiting for the authority", Error::Timeout(None)));
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(POLL_AT_MOST);
        }
    }

    /// Fetches the authority's reason for a failed order: usually its view of one of the names.
    async fn why_invalid(&mut self) -> AcmeError {
        if let Some(problem) = self.inner.state().error.clone() {
            let error = self
                .http
                .error("validating the names", Error::Api(problem.clone()));
            if problem.detail.is_some() && !problem.subproblems.is_empty() {
                return error;
            }
        }
        let mut reasons = Vec::new();
        let mut kind = Kind::Validation;
        // Those that can't be read are left out: the order has failed all the same.
        let _ = self.read_authorizations().await;
        let mut authorizations = self.inner.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let name = authorization.identifier().to_string();
            if let Ok(state) = patiently!(authorization.refresh()) {
                for challenge in &state.challenges {
                    if let Some(problem) = &challenge.error {
                        let error = self.http.error(&name, Error::Api(problem.clone()));
                        kind = error.kind;
                        reasons.push(error.message);
                    }
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("it does not say why".to_owned());
        }
        let mut error = AcmeError::new(
            kind,
            format!("the authority could not validate {}", reasons.join("; ")),
        );
        error.hint = super::error::hint_for(Kind::Validation).map(str::to_owned);
        error
    }
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Order({})", self.inner.url())
    }
}
