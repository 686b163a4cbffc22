//! The DNS records of a mail domain: the one that proves it, and those that mail and mail programs
//! look for.
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::mailserver::{Listener, Security};
use super::{DomainName, Protocol};

/// A DNS record that somebody has to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// What it is for: `proof`, `mx`, `spf`, `autoconfig`, `autodiscover`, `imaps`, `pop3s`,
    /// `submission`, `caldavs`, `carddavs`.
    pub purpose: String,
    /// Its type, such as `TXT`.
    pub kind: String,
    /// Its full name, without a trailing dot.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether DNS had it when last asked; `None` when it was never asked.
    pub seen: Option<bool>,
}

/// A mail server as the world knows it.
#[derive(Debug, Clone)]
pub struct MailHost {
    /// Its name in the panel.
    pub name: String,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
}

/// The name under which a domain is proved.
#[must_use]
pub fn proof_name(domain: &DomainName) -> String {
    format!("_pilothouse.{domain}")
}

/// The text that proves it.
#[must_use]
pub fn proof_value(token: &str) -> String {
    format!("pilothouse-proof={token}")
}

/// What to publish for a domain whose mailboxes may be on any of these servers.
#[must_use]
pub fn records(domain: &DomainName, proof_token: &str, servers: &[MailHost]) -> Vec<DnsRecord> {
    let mut records = vec![record(
        "proof",
        "TXT",
        proof_name(domain),
        proof_value(proof_token),
    )];
    let hosts: Vec<String> = servers.iter().filter_map(public_host).collect();
    for host in &hosts {
        records.push(record("mx", "MX", domain.to_string(), format!("10 {host}")));
    }
    if let Some(first) = hosts.first() {
        // RFC 7208: whoever may receive for the domain may send for it; the rest is doubtful.
        let spf = "v=spf1 mx ~all".to_owned();
        records.push(record("spf", "TXT", domain.to_string(), spf));
        for purpose in ["autoconfig", "autodiscover"] {
            let name = format!("{purpose}.{domain}");
            records.push(record(purpose, "CNAME", name, first.clone()));
        }
    }
    for server in servers {
        let services = server.listeners.iter().flat_map(services);
        for (purpose, service, host, port) in services {
            let Some(host) = named(&host).or_else(|| public_host(server)) else {
                continue;
            };
            let name = format!("_{service}._tcp.{domain}");
            records.push(record(purpose, "SRV", name, format!("0 1 {port} {host}")));
        }
    }
    let mut seen = std::collections::HashSet::new();
    records.retain(|one| seen.insert((one.name.clone(), one.kind.clone(), one.value.clone())));
    records
}

fn record(purpose: &str, kind: &str, name: String, value: String) -> DnsRecord {
    DnsRecord {
        purpose: purpose.to_owned(),
        kind: kind.to_owned(),
        name,
        value,
        seen: None,
    }
}

/// A record names a host: not an address, and not a word without a dot.
fn named(host: &str) -> Option<String> {
    (host.parse::<IpAddr>().is_err() && host.contains('.')).then(|| host.to_owned())
}

/// The host that clients are told, or else the server's name where that is one.
fn public_host(server: &MailHost) -> Option<String> {
    let told = server.listeners.iter().map(|listener| &listener.host);
    told.chain([&server.name]).find_map(|host| named(host))
}

/// The services of a listener (RFC 6186, RFC 6764, RFC 8314): purpose, service, host and port.
fn services(listener: &Listener) -> Vec<(&'static str, &'static str, String, u16)> {
    let names: &[(&str, &str)] = match (listener.protocol, listener.security) {
        (Protocol::Imap, Security::Tls) => &[("imaps", "imaps")],
        (Protocol::Pop3, Security::Tls) => &[("pop3s", "pop3s")],
        (Protocol::Smtp, Security::Tls) => &[("submission", "submissions")],
        (Protocol::Smtp, Security::Starttls) => &[("submission", "submission")],
        (Protocol::Dav, Security::Tls) => &[("caldavs", "caldavs"), ("carddavs", "carddavs")],
        _ => &[],
    };
    names
        .iter()
        .map(|(purpose, service)| (*purpose, *service, listener.host.clone(), listener.port))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(protocol: Protocol, host: &str, port: u16, security: Security) -> Listener {
        Listener {
            protocol,
            host: host.to_owned(),
            port,
            security,
            url: None,
        }
    }

    #[test]
    fn the_records_name_what_the_servers_listen_on() {
        let server = MailHost {
            name: "mail-1".to_owned(),
            listeners: vec![
                listener(Protocol::Imap, "mx.host.test", 993, Security::Tls),
                listener(Protocol::Imap, "mx.host.test", 143, Security::Starttls),
                listener(Protocol::Smtp, "mx.host.test", 587, Security::Starttls),
                listener(Protocol::Dav, "mx.host.test", 443, Security::Tls),
            ],
        };
        let domain = DomainName::stored("acme.test".to_owned());
        let text: Vec<String> = records(&domain, "abc", &[server.clone(), server])
            .iter()
            .map(|one| format!("{} {} {}", one.name, one.kind, one.value))
            .collect();
        assert_eq!(
            text,
            [
                "_pilothouse.acme.test TXT pilothouse-proof=abc",
                "acme.test MX 10 mx.host.test",
                "acme.test TXT v=spf1 mx ~all",
                "autoconfig.acme.test CNAME mx.host.test",
                "autodiscover.acme.test CNAME mx.host.test",
                "_imaps._tcp.acme.test SRV 0 1 993 mx.host.test",
                "_submission._tcp.acme.test SRV 0 1 587 mx.host.test",
                "_caldavs._tcp.acme.test SRV 0 1 443 mx.host.test",
                "_carddavs._tcp.acme.test SRV 0 1 443 mx.host.test",
            ]
        );
    }

    #[test]
    fn a_server_without_a_name_is_in_no_record() {
        let server = MailHost {
            name: "mail-1".to_owned(),
            listeners: vec![listener(Protocol::Imap, "127.0.0.1", 993, Security::Tls)],
        };
        let domain = DomainName::stored("acme.test".to_owned());
        let records = records(&domain, "abc", &[server]);
        assert_eq!(records.len(), 1, "{records:?}");
    }
}
