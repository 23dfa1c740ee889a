//! Asking DNS as a certificate authority would: without the host's own `/etc/hosts` and search domains.

use std::net::IpAddr;
#[cfg(test)]
use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::rdata::CAA;
use hickory_resolver::proto::rr::{RData, RecordType};

/// The name servers that the host asks.
pub struct Dns {
    resolver: TokioResolver,
}

/// A name could not be looked up: that it has no such record is an answer, not an error.
#[derive(Debug, thiserror::Error)]
#[error("looking up {kind} of {name}: {source}")]
pub struct DnsError {
    kind: RecordType,
    name: String,
    source: NetError,
}

impl Dns {
    /// The servers of `/etc/resolv.conf`.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn of_system() -> Result<Self, NetError> {
        let mut builder = TokioResolver::builder_tokio()?;
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        // A record that failed a moment ago may have been repaired since.
        options.cache_size = 0;
        Ok(Self {
            resolver: builder.build()?,
        })
    }

    #[cfg(test)]
    pub fn at(server: SocketAddr) -> Self {
        use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
        let mut udp = ConnectionConfig::udp();
        udp.port = server.port();
        let server = NameServerConfig::new(server.ip(), true, vec![udp]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, Default::default());
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        Self {
            resolver: builder.build().unwrap(),
        }
    }

    /// All A and AAAA records of a name, IPv4 first.
    pub async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (v4, v6) = tokio::try_join!(
            self.records(name, RecordType::A),
            self.records(name, RecordType::AAAA)
        )?;
        Ok(v4
            .into_iter()
            .chain(v6)
            .filter_map(|data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            })
            .collect())
    }

    /// The CAA records at exactly this name.
    pub(super) async fn caa(&self, name: &str) -> Result<Vec<CAA>, DnsError> {
        let records = self.records(name, RecordType::CAA).await?;
        Ok(records
            .into_iter()
            .filter_map(|data| match data {
                RData::CAA(caa) => Some(caa),
                _ => None,
            })
            .collect())
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        // The dot at the end keeps search domains out.
        let absolute = format!("{}.", name.trim_end_matches('.'));
        match self.resolver.lookup(absolute, kind).await {
            Ok(found) => Ok(found
                .answers()
                .iter()
                .map(|record| record.data.clone())
                .collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(source) => Err(DnsError {
                kind,
                name: name.to_owned(),
                source,
            }),
        }
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns")
    }
}
