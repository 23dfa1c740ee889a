//! A certificate authority, asked by ACME (RFC 8555) with HTTP-01: its directory, an account with it, an order.
//! Nothing here touches the host; who answers the challenges is the caller's business.

mod caa;
mod dns;
mod error;
mod http;
mod order;
pub mod preflight;

#[cfg(test)]
pub mod testing;

pub use dns::Dns;
pub use error::{AcmeError, Kind};
pub use instant_acme::{AccountCredentials, CertificateIdentifier};
pub use order::{Challenge, Order};

use instant_acme::{Account as Inner, ExternalAccountKey, NewAccount};
use jiff::Timestamp;
use serde::Deserialize;

use http::Http;
use ocrctl_protocol::{Authority, ExternalAccount};

/// A certificate authority whose directory has been read.
#[derive(Debug)]
pub struct Ca {
    url: String,
    http: Http,
    directory: Directory,
}

/// The part of a directory (RFC 8555, 7.1.1) that matters before an order.
#[derive(Debug, Default, Deserialize)]
struct Directory {
    #[serde(default)]
    meta: Meta,
    #[serde(rename = "renewalInfo")]
    renewal_info: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    caa_identities: Vec<String>,
    external_account_required: bool,
    profiles: std::collections::BTreeMap<String, String>,
}

/// An account with a certificate authority.
pub struct Account {
    inner: Inner,
    http: Http,
}

/// A window that the authority suggests for a renewal (RFC 9773, 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
    /// When to ask again, at the earliest.
    pub ask_after: Timestamp,
}

impl Ca {
    /// Reads the authority's directory.
    ///
    /// # Errors
    /// It can't be reached, its certificate is not trusted, or it answers with something else.
    pub async fn connect(authority: &Authority) -> Result<Self, AcmeError> {
        let http = Http::new(authority.directory_ca.as_deref())?;
        let directory = http.get_json(&authority.directory).await?;
        Ok(Self {
            url: authority.directory.clone(),
            http,
            directory,
        })
    }

    /// Returns the authority's names in CAA records (RFC 8659, 4.2); empty if it publishes none.
    pub fn caa_identities(&self) -> &[String] {
        &self.directory.meta.caa_identities
    }

    /// Returns whether the authority suggests a time for renewal (RFC 9773).
    pub fn has_renewal_info(&self) -> bool {
        self.directory.renewal_info.is_some()
    }

    /// Returns how far the authority's clock is ahead of this machine's, by its last answer; to the second.
    pub fn clock_ahead(&self) -> jiff::SignedDuration {
        self.http.seen().clock_ahead.unwrap_or_default()
    }

    /// A new account. The credentials hold its private key.
    ///
    /// # Errors
    /// The authority refuses, or wants an external account and none is given.
    pub async fn register(
        &self,
        contact: Option<&str>,
        external_account: Option<&ExternalAccount>,
    ) -> Result<(Account, AccountCredentials), AcmeError> {
        if self.directory.meta.external_account_required && external_account.is_none() {
            let mut error = AcmeError::new(
                Kind::ExternalAccount,
                format!("{} takes only accounts that it knows already", self.url),
            );
            error.hint = error::hint_for(error.kind).map(str::to_owned);
            return Err(error);
        }
        let binding = external_account.map(external_key).transpose()?;
        let contact = contact.map(mailto);
        let contacts: Vec<&str> = contact.as_deref().into_iter().collect();
        let account = NewAccount {
            contact: &contacts,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (inner, credentials) = http::patiently!(
            Inner::builder_with_http(Box::new(self.http.clone())).create(
                &account,
                self.url.clone(),
                binding.as_ref()
            )
        )
        .map_err(|error| self.http.error("registering an account", error))?;
        let http = self.http.clone();
        Ok((Account { inner, http }, credentials))
    }

    /// An account that was registered before.
    ///
    /// # Errors
    /// [`Kind::NoAccount`] where the authority no longer has it, or has deactivated it.
    pub async fn account(
        &self,
        credentials: AccountCredentials,
        contact: Option<&str>,
    ) -> Result<Account, AcmeError> {
        let restored = Inner::builder_with_http(Box::new(self.http.clone()))
            .from_credentials(credentials)
            .await;
        let inner = restored.map_err(|error| self.http.error("restoring the account", error))?;
        let contact = contact.map(mailto);
        let contacts: Vec<&str> = contact.as_deref().into_iter().collect();
        // Updates the address, and shows on the way whether the account is still there.
        http::patiently!(inner.update_contacts(&contacts)).map_err(|error| {
            let error = self.http.error("checking the account", error);
            match error.kind {
                Kind::Refused => AcmeError {
                    kind: Kind::NoAccount,
                    ..error
                },
                _ => error,
            }
        })?;
        let http = self.http.clone();
        Ok(Account { inner, http })
    }

    /// Refuses a profile that the authority does not have, before an order is made for it.
    fn check_profile(&self, profile: &str) -> Result<(), AcmeError> {
        let profiles = &self.directory.meta.profiles;
        if profiles.contains_key(profile) {
            return Ok(());
        }
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "it has none".to_owned()
        } else {
            format!("it has {}", known.join(", "))
        };
        Err(AcmeError::new(
            Kind::Refused,
            format!("{} has no profile `{profile}`: {known}", self.url),
        )
        .hint("correct `tls.profile` in the inventory, or remove it"))
    }

    /// Begins an order for these names. `replaces` tells which certificate it renews.
    ///
    /// # Errors
    /// The authority refuses the order, or has had too many ([`Kind::RateLimited`]).
    pub async fn order(
        &self,
        account: &Account,
        names: &[String],
        profile: Option<&str>,
        replaces: Option<CertificateIdentifier<'static>>,
    ) -> Result<Order, AcmeError> {
        if let Some(profile) = profile {
            self.check_profile(profile)?;
        }
        let replaces = replaces.filter(|_| self.has_renewal_info());
        Order::begin(&account.inner, &account.http, names, profile, replaces).await
    }

    /// When the authority suggests to renew a certificate; `None` where it does not say.
    ///
    /// # Errors
    /// It offers the information, but did not give it.
    pub async fn renewal_window(
        &self,
        certificate: &CertificateIdentifier<'_>,
    ) -> Result<Option<Window>, AcmeError> {
        let Some(url) = &self.directory.renewal_info else {
            return Ok(None);
        };
        self.http.renewal_window(url, certificate).await.map(Some)
    }
}

#[cfg(test)]
impl Account {
    pub async fn deactivate(self) {
        self.inner.deactivate().await.unwrap();
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.inner.id())
    }
}

fn mailto(address: &str) -> String {
    format!("mailto:{address}")
}

fn external_key(account: &ExternalAccount) -> Result<ExternalAccountKey, AcmeError> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    // Some authorities hand it out padded.
    let key = URL_SAFE_NO_PAD
        .decode(account.hmac_key.expose().trim().trim_end_matches('='))
        .map_err(|_| {
            AcmeError::new(
                Kind::ExternalAccount,
                "tls.external_account.hmac_key is not base64url",
            )
            .hint("copy the key as the authority shows it: letters, digits, `-` and `_`")
        })?;
    Ok(ExternalAccountKey::new(account.key_id.clone(), &key))
}
