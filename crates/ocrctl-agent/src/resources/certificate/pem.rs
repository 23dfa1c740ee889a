//! Reading certificates.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use ocrctl_protocol::{Context, Failure, Result, hex};

/// The properties of a served certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// DNS names, sorted.
    pub names: Vec<String>,
    /// Hexadecimal.
    pub serial: String,
    /// Distinguished name of who signed it.
    pub issuer: String,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
}

impl Leaf {
    /// When a third of its life is left.
    pub fn third_left(&self) -> jiff::Timestamp {
        self.with_left(3)
    }

    /// Returns whether a third or less of its life is left.
    pub fn due(&self, now: jiff::Timestamp) -> bool {
        now >= self.third_left()
    }

    /// Returns whether less than a twentieth of its life is left.
    pub fn nearly_over(&self, now: jiff::Timestamp) -> bool {
        now > self.with_left(20)
    }

    pub fn expired(&self, now: jiff::Timestamp) -> bool {
        self.not_after <= now
    }

    /// When this part of its life is left.
    fn with_left(&self, part: i64) -> jiff::Timestamp {
        let life = self.not_after.as_second() - self.not_before.as_second();
        self.not_after - jiff::SignedDuration::from_secs(life / part)
    }

    /// For a plan.
    pub fn shown(&self) -> String {
        format!("serial {}, until {}", self.serial, self.not_after)
    }

    /// Returns whether it is valid for a name; a wildcard stands for one label (RFC 6125, 6.4.3).
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|own| {
            own == name
                || own.strip_prefix("*.").is_some_and(|rest| {
                    name.split_once('.')
                        .is_some_and(|(_, parent)| parent == rest)
                })
        })
    }
}

/// The certificates of a PEM text, leaf first.
pub fn der(pem: &str) -> std::result::Result<Vec<Vec<u8>>, String> {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<std::result::Result<_, _>>()
        .map_err(|e| e.to_string())?;
    if chain.is_empty() {
        return Err("there is no CERTIFICATE block in it".into());
    }
    Ok(chain.into_iter().map(|c| c.to_vec()).collect())
}

/// The first certificate of a PEM text.
pub fn leaf(pem: &str) -> Result<Leaf> {
    let chain = der(pem).context("reading a certificate")?;
    let (_, certificate) = X509Certificate::from_der(&chain[0]).context("reading a certificate")?;
    let time = |time: x509_parser::time::ASN1Time| {
        jiff::Timestamp::from_second(time.timestamp()).context("reading a certificate's dates")
    };
    let mut names: Vec<String> = certificate
        .subject_alternative_name()
        .context("reading a certificate's names")?
        .map(|extension| {
            let names = extension.value.general_names.iter();
            names
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })
                .collect()
        })
        .ok_or_else(|| Failure::new("the certificate has no subject alternative names"))?;
    names.sort();
    Ok(Leaf {
        names,
        serial: hex(certificate.raw_serial()),
        issuer: certificate.issuer().to_string(),
        not_before: time(certificate.validity().not_before)?,
        not_after: time(certificate.validity().not_after)?,
    })
}

/// Returns the issuer of each certificate of a chain; empty if it can't be read.
pub fn issuers(pem: &str) -> Vec<String> {
    let chain = der(pem).unwrap_or_default();
    chain
        .iter()
        .filter_map(|der| X509Certificate::from_der(der).ok())
        .map(|(_, certificate)| certificate.issuer().to_string())
        .collect()
}

/// That each certificate is followed by its issuer's, as TLS wants it (RFC 8446, 4.4.2).
pub fn check_order(pem: &str) -> std::result::Result<(), String> {
    let chain = der(pem)?;
    for pair in chain.windows(2) {
        let read = |der| X509Certificate::from_der(der).map_err(|error| error.to_string());
        let ((_, one), (_, next)) = (read(&pair[0])?, read(&pair[1])?);
        if one.issuer().as_raw() != next.subject().as_raw() {
            return Err(format!(
                "{} is signed by {}, but {} follows",
                one.subject(),
                one.issuer(),
                next.subject()
            ));
        }
    }
    Ok(())
}

/// Returns whether a private key belongs to the first certificate.
pub fn keys_match(chain: &str, key: &str) -> bool {
    let Ok(chain) = der(chain) else { return false };
    let Ok(key) = PrivateKeyDer::from_pem_slice(key.as_bytes()) else {
        return false;
    };
    let provider = rustls::crypto::ring::default_provider();
    let chain = chain.into_iter().map(CertificateDer::from).collect();
    rustls::sign::CertifiedKey::from_der(chain, key, &provider)
        .is_ok_and(|certified| certified.keys_match().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_one_label() {
        let now = jiff::Timestamp::now();
        let leaf = Leaf {
            names: vec!["*.example.org".into(), "a.example.net".into()],
            serial: String::new(),
            issuer: String::new(),
            not_before: now,
            not_after: now + jiff::SignedDuration::from_hours(1),
        };
        assert!(leaf.covers("ocr.example.org") && leaf.covers("a.example.net"));
        assert!(!leaf.covers("example.org") && !leaf.covers("a.b.example.org"));
        assert!(!leaf.due(now) && !leaf.expired(now));
    }
}
