//! The environment's own certificate authority, kept on the host.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use super::live::{DIRECTORY, Issued, Pair};
use super::settings::Settings;
use super::{Host, pem};
use crate::host::Access;
use ocrctl_protocol::{Context, Failure, Result};

/// Some clients refuse server certificates that live longer.
const LEAF_DAYS: i64 = 397;
const AUTHORITY_DAYS: i64 = 3650;
const TEMPORARY_DAYS: i64 = 90;
/// Clocks differ.
const BACKDATED: time::Duration = time::Duration::hours(1);

fn certificate() -> String {
    format!("{DIRECTORY}/ca.pem")
}

fn key() -> String {
    format!("{DIRECTORY}/ca.key")
}

/// PEM of the authority, for those who verify the host.
pub fn authority(host: &Host) -> Result<String> {
    host.read_text(&certificate())?.ok_or_else(|| {
        Failure::new("the host has no certificate authority of its own")
            .hint("only `tls.issuer: self_signed` has one; deploy first")
    })
}

/// Returns whether the host's current authority has issued a chain.
pub fn issued(host: &Host, chain: &str) -> Result<bool> {
    let Some(authority) = host.read_text(&certificate())? else {
        return Ok(false);
    };
    if host.read(&key())?.is_none() {
        return Ok(false);
    }
    let authority = pem::der(&authority).unwrap_or_default();
    let chain = pem::der(chain).unwrap_or_default();
    Ok(!authority.is_empty() && chain.last() == authority.first())
}

/// A new certificate from the authority, which is made where there is none.
pub fn issue(host: &Host, settings: &Settings) -> Result<Pair> {
    let (authority, authority_key) =
        match (host.read_text(&certificate())?, host.read_text(&key())?) {
            (Some(certificate), Some(key)) => (certificate, key),
            _ => create(host, &settings.environment)?,
        };
    let sign = || -> std::result::Result<Pair, rcgen::Error> {
        let issuer = Issuer::from_ca_cert_pem(&authority, KeyPair::from_pem(&authority_key)?)?;
        let mut params = leaf(&settings.names, LEAF_DAYS)?;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &issuer)?;
        Ok(Pair {
            chain: leaf.pem() + &authority,
            key: key.serialize_pem(),
            issued: Issued::SelfSigned,
        })
    };
    sign().context("issuing a certificate")
}

/// A certificate signed by its own key, for NGINX to begin with. Nobody trusts it.
pub fn temporary(names: &[String]) -> Result<Pair> {
    let sign = || -> std::result::Result<Pair, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = leaf(names, TEMPORARY_DAYS)?.self_signed(&key)?;
        Ok(Pair {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            issued: Issued::Temporary,
        })
    };
    sign().context("making a temporary certificate")
}

fn leaf(names: &[String], days: i64) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = common_name(names.first().map_or("", String::as_str));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    valid_for(&mut params, days);
    Ok(params)
}

fn create(host: &Host, environment: &str) -> Result<(String, String)> {
    let make = || -> std::result::Result<(String, String), rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&format!("ocrctl {environment} CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut params, AUTHORITY_DAYS);
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    let (authority, authority_key) = make().context("making the certificate authority")?;
    host.write(&key(), authority_key.as_bytes(), Access::root(0o600))?;
    host.write(&certificate(), authority.as_bytes(), Access::root(0o644))?;
    Ok((authority, authority_key))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn valid_for(params: &mut CertificateParams, days: i64) {
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - BACKDATED;
    params.not_after = now + time::Duration::days(days);
}
