//! A certificate from an authority by ACME: preflight, order, challenges in NGINX's webroot, key and request.

use std::net::IpAddr;
use std::time::Duration;

use jiff::SignedDuration;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;

use super::live::{Issued, Pair};
use super::problem::Problem;
use super::settings::Settings;
use super::{Host, account, pem};
use crate::acme::preflight::{Findings, Preflight, Token};
use crate::acme::{Ca, CertificateIdentifier, Challenge, Dns};
use crate::host::Access;
use ocrctl_protocol::{Authority, Context, ExternalAccount, Failure, KeyType, Result};

/// NGINX serves it on port 80 for every name.
pub const WEBROOT: &str = "/var/lib/ocrctl/webroot";
pub const CHALLENGES: &str = "/var/lib/ocrctl/webroot/.well-known/acme-challenge";
/// A clock may be off by this without a word.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Access to the world outside; tests substitute their own.
#[derive(Debug)]
pub struct Surroundings {
    pub dns: Dns,
    pub http_port: u16,
    pub own_addresses: Vec<IpAddr>,
}

impl Surroundings {
    pub fn of_host() -> Result<Self> {
        Ok(Self {
            dns: Dns::of_system().context("reading /etc/resolv.conf")?,
            http_port: 80,
            own_addresses: own_addresses()?,
        })
    }
}

/// Inputs of one attempt.
#[derive(Debug)]
pub struct Attempt<'a> {
    pub host: &'a Host,
    pub settings: &'a Settings,
    pub authority: &'a Authority,
    pub external_account: Option<&'a ExternalAccount>,
    pub surroundings: &'a Surroundings,
    /// The chain that is renewed, in PEM, if it is from this authority.
    pub replaces: Option<&'a str>,
}

impl Attempt<'_> {
    /// Gets a certificate; nothing of it is in force yet. `tell` hears how far it has come.
    pub async fn run(
        &self,
        ca: &Ca,
        tell: &mut dyn FnMut(&str),
    ) -> std::result::Result<Pair, Problem> {
        tell("checking DNS records and port 80");
        self.preflight(ca, tell).await?;
        tell("opening the account");
        let account = account::open(self.host, ca, self.authority, self.external_account).await?;
        tell("ordering");
        let names = &self.settings.names;
        let profile = self.authority.profile.as_deref();
        let replaces = self.replaces.and_then(identifier);
        let mut order = ca
            .order(&account, names, profile, replaces)
            .await
            .map_err(|error| Problem::from(error).after_order())?;
        let obtained = async {
            let challenges = order.challenges().await?;
            for challenge in &challenges {
                serve(self.host, &challenge.token, &challenge.answer)?;
            }
            tell("the authority validates the names");
            let validated = order.validate().await;
            self.withdraw(&challenges);
            validated?;
            let key = private_key(self.host, self.authority.key_type).await?;
            let request = request(names, &key)?;
            tell("the authority signs");
            let chain = order.finalize(&request).await?;
            Ok::<_, Problem>((chain, key))
        };
        let (chain, key) = obtained.await.map_err(Problem::after_order)?;
        let pair = Pair {
            chain,
            key,
            issued: Issued::by(&self.settings.issuer),
        };
        pair.check(names)
            .map_err(|failure| Problem::from(failure).after_order())?;
        Ok(pair)
    }

    /// Everything that can be known before an order is made.
    pub async fn preflight(
        &self,
        ca: &Ca,
        tell: &mut dyn FnMut(&str),
    ) -> std::result::Result<(), Problem> {
        let ahead = ca.clock_ahead();
        if ahead.abs() > CLOCK_TOLERANCE {
            let (hours, way) = (
                ahead.as_secs().unsigned_abs() as f64 / 3600.0,
                if ahead.is_positive() {
                    "behind"
                } else {
                    "ahead of"
                },
            );
            return Err(Failure::new(format!(
                "the host's clock is {hours:.1} h {way} the authority's; no order was made"
            ))
            .hint("set it (`timedatectl set-ntp true`): certificates are judged by it")
            .into());
        }
        let token = Token {
            name: format!("ocrctl-preflight-{}", random_text()?),
            content: random_text()?,
        };
        serve(self.host, &token.name, &token.content)?;
        let found = Preflight {
            dns: &self.surroundings.dns,
            names: &self.settings.names,
            caa_identities: ca.caa_identities(),
            own: &self.surroundings.own_addresses,
            token: &token,
            port: self.surroundings.http_port,
        }
        .run()
        .await;
        let _ = self.host.remove(&format!("{CHALLENGES}/{}", token.name));
        let Findings { failures, doubts } = found;
        for doubt in doubts {
            tell(&format!("not certain: {doubt}"));
        }
        if failures.is_empty() {
            return Ok(());
        }
        Err(
            Failure::new(format!("no order was made: {}", failures.join("; ")))
                .hint("correct the record, wait until it is seen everywhere, and deploy again")
                .into(),
        )
    }

    /// Leftovers do no harm.
    fn withdraw(&self, challenges: &[Challenge]) {
        for challenge in challenges {
            let _ = self
                .host
                .remove(&format!("{CHALLENGES}/{}", challenge.token));
        }
    }
}

/// Which certificate an order replaces (RFC 9773, 5).
pub fn identifier(chain: &str) -> Option<CertificateIdentifier<'static>> {
    let leaf = pem::der(chain).ok()?.into_iter().next()?;
    let leaf = CertificateDer::from(leaf);
    CertificateIdentifier::try_from(&leaf)
        .ok()
        .map(CertificateIdentifier::into_owned)
}

fn serve(host: &Host, token: &str, answer: &str) -> Result<()> {
    // RFC 8555, 8.3: base64url. It becomes a file name.
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if token.is_empty() || token.len() > 200 || !token.bytes().all(sound) {
        return Err(Failure::new("the authority's token is not base64url"));
    }
    let path = format!("{CHALLENGES}/{token}");
    host.write(&path, answer.as_bytes(), Access::root(0o644))
}

/// A new private key, PKCS#8 PEM.
async fn private_key(host: &Host, kind: KeyType) -> Result<String> {
    match kind {
        KeyType::EcdsaP256 => KeyPair::generate()
            .map(|key| key.serialize_pem())
            .context("making a key"),
        // `ring` makes no RSA keys; openssl comes with the package ca-certificates.
        KeyType::Rsa2048 => {
            let arguments = [
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
            ];
            host.run("openssl", &arguments, Duration::from_secs(60))
                .await
        }
    }
}

/// A certificate signing request in DER.
fn request(names: &[String], key: &str) -> Result<Vec<u8>> {
    let make = || -> std::result::Result<Vec<u8>, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        Ok(params
            .serialize_request(&KeyPair::from_pem(key)?)?
            .der()
            .to_vec())
    };
    make().context("making the certificate request")
}

/// 128 random bits, in hexadecimal digits.
fn random_text() -> Result<String> {
    Ok(ocrctl_protocol::hex(&random::<16>()?))
}

/// Uniform in 0..1.
pub fn chance() -> Result<f64> {
    // An f64 holds 53 bits.
    Ok((u64::from_le_bytes(random()?) >> 11) as f64 / (1u64 << 53) as f64)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("asking the operating system for random numbers")?;
    Ok(bytes)
}

/// Addresses of the host's interfaces, without loopback.
pub fn own_addresses() -> Result<Vec<IpAddr>> {
    let interfaces = nix::ifaddrs::getifaddrs().context("reading the host's addresses")?;
    Ok(interfaces
        .filter_map(|interface| interface.address)
        .filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .filter(|address| !address.is_loopback())
        .collect())
}
