//! Turns an environment of the inventory into a host's desired state: references resolved, files read.

use std::path::Path;

use super::InventoryError;
use super::alerts::Email;
use super::environment::Environment;
use super::registry::Registry;
use super::secret::SecretRef;
use super::tls::{Authority, Tls};

impl Environment {
    /// Returns the desired state of each of the environment's hosts.
    pub async fn desired(&self) -> Result<ocrctl_protocol::Desired, InventoryError> {
        let tls = match &self.tls {
            Tls::SelfSigned => ocrctl_protocol::Tls::SelfSigned,
            Tls::Files { chain, key } => ocrctl_protocol::Tls::Files {
                chain: self.certificates("tls.chain", chain)?,
                key: ocrctl_protocol::Secret(key.resolve().await?),
            },
            Tls::Acme(authority) => ocrctl_protocol::Tls::Acme {
                authority: self.authority(authority)?,
                external_account: external_account(authority).await?,
            },
            Tls::Certbot(authority) => ocrctl_protocol::Tls::Certbot {
                authority: self.authority(authority)?,
                external_account: external_account(authority).await?,
            },
        };
        Ok(ocrctl_protocol::Desired {
            environment: self.name.clone(),
            names: self.names.clone(),
            tls,
            image: self.image.clone(),
            archive: None,
            registry: self.registry_access(&self.registry).await?,
            service: self.service.clone(),
            rules: self.rules()?,
            firewall: self.firewall.clone(),
            packages: self.packages.clone(),
            alerts: self.alert_channels().await?,
            watcher: self.watcher,
            hygiene: self.hygiene,
        })
    }

    async fn alert_channels(&self) -> Result<ocrctl_protocol::alerts::Alerts, InventoryError> {
        let url = async |reference: &Option<SecretRef>| match reference {
            Some(reference) => Ok::<_, InventoryError>(Some(ocrctl_protocol::Secret(
                reference.resolve_url().await?,
            ))),
            None => Ok(None),
        };
        let email = match &self.alerts.email {
            Some(email) => Some(self.email(email).await?),
            None => None,
        };
        Ok(ocrctl_protocol::alerts::Alerts {
            webhook: url(&self.alerts.webhook).await?,
            ping: url(&self.alerts.ping).await?,
            email,
        })
    }

    async fn email(&self, email: &Email) -> Result<ocrctl_protocol::alerts::Email, InventoryError> {
        Ok(ocrctl_protocol::alerts::Email {
            from: email.from.clone(),
            to: email.to.clone(),
            relay: email.relay.clone(),
            port: email.port,
            security: email.security,
            ca: match &email.ca {
                Some(path) => Some(self.certificates("alerts.email.ca", path)?),
                None => None,
            },
            credentials: match &email.credentials {
                Some(credentials) => Some(ocrctl_protocol::Credentials {
                    username: credentials.username.clone(),
                    password: ocrctl_protocol::Secret(credentials.password.resolve().await?),
                }),
                None => None,
            },
        })
    }

    /// Reads the rules unchecked: the service checks them, at the host's request.
    fn rules(&self) -> Result<Option<String>, InventoryError> {
        let Some(path) = &self.rules else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path).map_err(|error| InventoryError::File {
            field: format!("environments.{}.service.rules", self.name),
            path: path.clone(),
            reason: error.to_string(),
        })?;
        Ok(Some(text))
    }

    fn authority(
        &self,
        authority: &Authority,
    ) -> Result<ocrctl_protocol::Authority, InventoryError> {
        Ok(ocrctl_protocol::Authority {
            directory: authority.directory.clone(),
            directory_ca: match &authority.directory_ca {
                Some(path) => Some(self.certificates("tls.directory_ca", path)?),
                None => None,
            },
            contact: authority.contact.clone(),
            key_type: authority.key_type,
            profile: authority.profile.clone(),
        })
    }

    /// Returns the access to the image's registry: by the environment's own `registry`, or by another one.
    pub async fn registry_access(
        &self,
        registry: &Registry,
    ) -> Result<ocrctl_protocol::Registry, InventoryError> {
        let credentials = match &registry.credentials {
            Some(credentials) => Some(credentials.resolve(&self.image.registry).await?),
            None => None,
        };
        let ca = match &registry.ca {
            Some(path) => Some(self.certificates("registry.ca", path)?),
            None => None,
        };
        Ok(ocrctl_protocol::Registry { credentials, ca })
    }

    /// The text of a PEM file with at least one certificate in it.
    fn certificates(&self, field: &str, path: &Path) -> Result<String, InventoryError> {
        let error = |reason: String| InventoryError::File {
            field: format!("environments.{}.{field}", self.name),
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|e| error(e.to_string()))?;
        if text.contains("PRIVATE KEY-----") {
            return Err(error("there is a private key in it".to_owned()));
        }
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(error("there is no certificate in it".to_owned()));
        }
        Ok(text)
    }
}

async fn external_account(
    authority: &Authority,
) -> Result<Option<ocrctl_protocol::ExternalAccount>, InventoryError> {
    let Some(account) = &authority.external_account else {
        return Ok(None);
    };
    Ok(Some(ocrctl_protocol::ExternalAccount {
        key_id: account.key_id.clone(),
        hmac_key: ocrctl_protocol::Secret(account.hmac_key.resolve().await?),
    }))
}
