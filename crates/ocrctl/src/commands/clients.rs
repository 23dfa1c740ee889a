//! The client's way to a service: its address, the authority that verifies it, and the key.

use std::net::SocketAddr;
use std::path::Path;

use ocr_api::keys::ApiKey;
use reqwest::{Certificate, Client, ClientBuilder};

use super::{Failed, Result};
use ocrctl_protocol::Diagnostic;
use ocrctl_protocol::causes::chain;

/// The key in a file.
pub(super) fn key(path: &Path) -> Result<ApiKey> {
    ApiKey::parse(&read(path)?).map_err(|error| {
        let text = format!("{} holds no API key: {error}", path.display());
        let hint = "name the file that `ocrctl keys add ENV --name CLIENT --out FILE` wrote";
        Failed::usage(Diagnostic::new(text).hint(hint))
    })
}

/// The authorities in a file (PEM).
pub(super) fn authority(path: &Path) -> Result<Vec<Certificate>> {
    let roots = roots(&read(path)?)?;
    if roots.is_empty() {
        let text = format!("{} holds no certificate", path.display());
        let hint = "`ocrctl cert ca ENV` prints the authority of an environment, as PEM";
        return Err(Failed::usage(Diagnostic::new(text).hint(hint)));
    }
    Ok(roots)
}

pub(super) fn roots(pem: &str) -> Result<Vec<Certificate>> {
    Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| unfit(&error))
}

/// Address and port, such as `192.0.2.7:8443` or `[2001:db8::1]`; 443 where no port is given.
pub(super) fn address(text: &str) -> Option<(String, u16)> {
    let (address, port) = match text.rsplit_once(':') {
        // An IPv6 address without a port has brackets or more colons.
        Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
            (address, port.parse().ok()?)
        }
        _ => (text, 443),
    };
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Some((address.to_owned(), port))
}

/// The addresses of a place. `flag`: what names another one.
pub(super) async fn addresses(
    (address, port): &(String, u16),
    flag: &str,
) -> Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((address.as_str(), *port)).await;
    Ok(found
        .map_err(|error| {
            let text = format!("{address} has no address: {error}");
            let hint = format!("{flag} says where clients reach it");
            Failed::new(Diagnostic::new(text).hint(hint))
        })?
        .collect())
}

/// A client that takes `name` to be at these addresses, and no proxy between.
pub(super) fn at(name: &str, addresses: &[SocketAddr]) -> ClientBuilder {
    Client::builder()
        .resolve_to_addrs(name, addresses)
        .no_proxy()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let text = format!("{} can't be read: {error}", path.display());
        Failed::usage(Diagnostic::new(text).hint("give the path of a file that is yours to read"))
    })
}

pub(super) fn unfit(error: &reqwest::Error) -> Failed {
    let text = format!("no client can be made: {}", chain(error));
    let hint = "look at the authority's file: it has to be PEM";
    Failed::new(Diagnostic::new(text).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_port() {
        let place = |address: &str, port| Some((address.to_owned(), port));
        assert_eq!(address("192.0.2.7"), place("192.0.2.7", 443));
        assert_eq!(address("127.0.0.1:8443"), place("127.0.0.1", 8443));
        assert_eq!(address("[2001:db8::1]:444"), place("2001:db8::1", 444));
        assert_eq!(address("2001:db8::1"), place("2001:db8::1", 443));
        assert_eq!(address("x:port"), None);
    }
}
