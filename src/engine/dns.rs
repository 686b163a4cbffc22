//! Asking DNS whether records are there: bounded in time, tried again, nothing kept.
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::domain::dns::DnsRecord;

/// One try waits this long for an answer …
const PATIENCE: Duration = Duration::from_secs(3);
/// … and there are this many more tries.
const MORE_TRIES: usize = 2;

/// A resolver.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

impl Dns {
    /// Asks `server`, or those of the system.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let mut builder = match server {
            Some(server) => {
                TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()?,
        };
        patience(builder.options_mut());
        Ok(Self {
            resolver: builder.build()?,
        })
    }

    /// What DNS has of that type at that name, each value as [`DnsRecord::value`] writes it; empty
    /// when there is nothing, an error when nobody answered.
    pub async fn values(&self, kind: &str, name: &str) -> Result<Vec<String>, NetError> {
        let kind: RecordType = kind.parse().map_err(NetError::from)?;
        // What was not there a minute ago may be there now.
        self.resolver.clear_cache();
        // The last dot keeps the system's search list out.
        match self.resolver.lookup(format!("{name}."), kind).await {
            Ok(found) => Ok(found
                .answers()
                .iter()
                .filter(|record| record.record_type() == kind)
                .map(|record| written(&record.data))
                .collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(vec![]),
            Err(error) => Err(error),
        }
    }

    /// Whether DNS has this record.
    pub async fn has(&self, record: &DnsRecord) -> Result<bool, NetError> {
        let values = self.values(&record.kind, &record.name).await?;
        Ok(values.iter().any(|value| fits(record, value)))
    }
}

/// SPF is there in whatever words, as long as it lets the servers of the domain send.
fn fits(record: &DnsRecord, value: &str) -> bool {
    if record.purpose == "spf" {
        let mut terms = value.split_ascii_whitespace();
        return terms.next() == Some("v=spf1") && terms.any(|term| term == "mx" || term == "+mx");
    }
    value.eq_ignore_ascii_case(&record.value)
}

fn only(server: SocketAddr) -> ResolverConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = vec![
        at_port(ConnectionConfig::udp()),
        at_port(ConnectionConfig::tcp()),
    ];
    let server = NameServerConfig::new(server.ip(), true, connections);
    ResolverConfig::from_name_servers(vec![server])
}

fn patience(options: &mut ResolverOpts) {
    options.timeout = PATIENCE;
    options.attempts = MORE_TRIES;
    options.use_hosts_file = ResolveHosts::Never;
}

/// As a zone file writes it, but without the last dot of a name.
fn written(data: &RData) -> String {
    match data {
        RData::TXT(text) => {
            let bytes: Vec<u8> = text.txt_data.concat();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => other.to_string().trim_end_matches('.').to_owned(),
    }
}
