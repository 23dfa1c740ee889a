//! The host's account with a certificate authority, kept for as long as the authority keeps it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Host;
use crate::acme::{Account, AccountCredentials, Ca, Kind};
use crate::host::Access;
use ocrctl_protocol::{Authority, Context, ExternalAccount, Failure, Result, hex};

pub const DIRECTORY: &str = "/etc/ocrctl/acme";

/// One account, as it is kept. It holds the account's private key.
#[derive(Serialize, Deserialize)]
struct Stored {
    directory: String,
    contact: Option<String>,
    credentials: AccountCredentials,
}

/// Where the account with this authority is.
fn path(authority: &Authority) -> String {
    let url = &authority.directory;
    let host = url.split('/').nth(2).unwrap_or("authority");
    let name: String = host
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let digest = hex(&Sha256::digest(url));
    format!("{DIRECTORY}/{name}-{}/account.json", &digest[..8])
}

/// The address that the account was registered with; `None` if there is no account yet.
pub fn contact(host: &Host, authority: &Authority) -> Result<Option<Option<String>>> {
    Ok(read(host, authority)?.map(|stored| stored.contact))
}

/// The account with this authority: the one kept, with its contact brought up to date, or a new one.
pub async fn open(
    host: &Host,
    ca: &Ca,
    authority: &Authority,
    external: Option<&ExternalAccount>,
) -> std::result::Result<Account, super::problem::Problem> {
    let contact = authority.contact.as_deref();
    if let Some(stored) = read(host, authority)? {
        match ca
            .account(stored.credentials.clone_for_use()?, contact)
            .await
        {
            Ok(account) => {
                if stored.contact != authority.contact {
                    let stored = Stored {
                        contact: authority.contact.clone(),
                        ..stored
                    };
                    write(host, authority, &stored)?;
                }
                return Ok(account);
            }
            // It was deactivated, or the authority has forgotten it: a new one is as good.
            Err(error) if error.kind == Kind::NoAccount => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (account, credentials) = ca.register(contact, external).await?;
    let stored = Stored {
        directory: authority.directory.clone(),
        contact: authority.contact.clone(),
        credentials,
    };
    write(host, authority, &stored)?;
    Ok(account)
}

fn read(host: &Host, authority: &Authority) -> Result<Option<Stored>> {
    let path = path(authority);
    let Some(json) = host.read(&path)? else {
        return Ok(None);
    };
    // serde's words could quote the key.
    serde_json::from_slice(&json).map(Some).map_err(|_| {
        Failure::new(format!("the ACME account in {path} can't be read")).hint(
            "restore it from a backup, or remove the file: the next attempt registers a new account",
        )
    })
}

fn write(host: &Host, authority: &Authority, stored: &Stored) -> Result<()> {
    let json = serde_json::to_vec(stored).context("writing the ACME account")?;
    host.write(&path(authority), &json, Access::root(0o600))
}

trait CloneForUse: Sized {
    fn clone_for_use(&self) -> Result<Self>;
}

impl CloneForUse for AccountCredentials {
    /// The type offers no `clone`, but it can be written and read.
    fn clone_for_use(&self) -> Result<Self> {
        let json = serde_json::to_vec(self).context("reading the ACME account")?;
        serde_json::from_slice(&json).context("reading the ACME account")
    }
}

/// Deactivates the account, like an operator of the authority.
#[cfg(test)]
pub async fn deactivate(host: &Host, authority: &Authority) {
    let ca = Ca::connect(authority).await.unwrap();
    let stored = read(host, authority).unwrap().unwrap();
    let account = ca.account(stored.credentials, None).await.unwrap();
    account.deactivate().await;
}
