//! The address of a request's client.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderName;

use crate::listener::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address. Only the proxy can connect to the Unix socket, so its `X-Forwarded-For` is trusted; the
/// header's last address is the one that the proxy added. Over TCP, anybody can write that header, so the connection's
/// address counts instead.
pub(crate) fn address(request: &Request) -> Option<IpAddr> {
    match request.extensions().get::<Peer>() {
        Some(Peer::Proxy) => {
            let last = request
                .headers()
                .get_all(FORWARDED_FOR)
                .iter()
                .next_back()?;
            last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
        }
        Some(Peer::Client(address)) => Some(*address),
        None => None,
    }
}

/// True if the host itself sent the request over the Unix socket. A proxy uses that socket, too, but adds its client's
/// address to each request, whatever headers the client sent.
pub(crate) fn is_host(request: &Request) -> bool {
    matches!(request.extensions().get::<Peer>(), Some(Peer::Proxy))
        && !request.headers().contains_key(FORWARDED_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn trusts_x_forwarded_for_only_from_the_proxy() {
        let of = |peer: Option<Peer>, headers: &[&str]| {
            let mut request = Request::new(Body::empty());
            for value in headers {
                request
                    .headers_mut()
                    .append(FORWARDED_FOR, value.parse().unwrap());
            }
            request.extensions_mut().extend(
                peer.map(|peer| {
                    let mut extensions = axum::http::Extensions::new();
                    extensions.insert(peer);
                    extensions
                })
                .unwrap_or_default(),
            );
            address(&request).map(|address| address.to_string())
        };
        let proxy = Some(Peer::Proxy);
        assert_eq!(of(proxy, &["192.0.2.7"]).as_deref(), Some("192.0.2.7"));
        let forged = ["1.1.1.1, 192.0.2.7", "2.2.2.2", "9.9.9.9, 2001:db8::1"];
        assert_eq!(of(proxy, &forged).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(proxy, &["unknown"]), None);
        assert_eq!(of(proxy, &[]), None);
        let client = Some(Peer::Client([127, 0, 0, 1].into()));
        assert_eq!(of(client, &["192.0.2.7"]).as_deref(), Some("127.0.0.1"));
        assert_eq!(of(None, &["192.0.2.7"]), None);
    }
}
