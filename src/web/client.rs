//! Who is at the other end of the connection, for the audit log and for throttling.
use std::net::IpAddr;

use actix_web::HttpMessage as _;
use actix_web::HttpRequest;
use tracing_actix_web::RequestId;

use crate::authz::Origin;

/// A network: an address and the length of its prefix.
pub type Network = (IpAddr, u8);

/// Where a request came from. `X-Forwarded-For` is believed only from proxies that were configured,
/// read from its end: everything before the first stranger could be the stranger's invention.
#[must_use]
pub fn origin(request: &HttpRequest, trusted: &[Network]) -> Origin {
    let peer = request.peer_addr().map(|peer| peer.ip());
    Origin {
        ip: peer.map(|peer| behind_proxies(request, peer, trusted)),
        request: request
            .extensions()
            .get::<RequestId>()
            .map(ToString::to_string),
    }
}

fn behind_proxies(request: &HttpRequest, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let believed = |ip: &IpAddr| trusted.iter().any(|network| holds(*network, *ip));
    if !believed(&peer) {
        return peer;
    }
    let values = request.headers().get_all("x-forwarded-for");
    let named: Vec<IpAddr> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|ip| ip.trim().parse().ok())
        .collect();
    let stranger = named.iter().rev().find(|ip| !believed(ip));
    stranger.or(named.first()).copied().unwrap_or(peer)
}

/// Whether an address is in a network; an IPv4 address is never in an IPv6 network.
#[must_use]
pub fn holds(network: Network, ip: IpAddr) -> bool {
    let (base, bits) = network;
    match (base, ip.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(bits.into()))
                .unwrap_or(0);
            u32::from(base) & mask == u32::from(ip) & mask
        }
        (IpAddr::V6(base), IpAddr::V6(ip)) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(bits.into()))
                .unwrap_or(0);
            u128::from(base) & mask == u128::from(ip) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn from(peer: &str, forwarded: &str) -> String {
        let request = TestRequest::default()
            .peer_addr(format!("{peer}:9").parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded))
            .to_http_request();
        let trusted = [("10.0.0.0".parse().unwrap(), 8)];
        origin(&request, &trusted).ip.unwrap().to_string()
    }

    #[test]
    fn a_strangers_forwarded_for_is_not_believed() {
        assert_eq!(from("192.0.2.7", "203.0.113.1"), "192.0.2.7");
    }

    #[test]
    fn behind_trusted_proxies_the_last_stranger_is_the_client() {
        assert_eq!(
            from("10.0.0.1", "203.0.113.1, 198.51.100.4, 10.9.9.9"),
            "198.51.100.4"
        );
        assert_eq!(from("10.0.0.1", ""), "10.0.0.1");
    }

    #[test]
    fn a_prefix_of_nothing_holds_everything_of_its_family() {
        assert!(holds(
            ("0.0.0.0".parse().unwrap(), 0),
            "203.0.113.1".parse().unwrap()
        ));
        assert!(!holds(
            ("::".parse().unwrap(), 0),
            "203.0.113.1".parse().unwrap()
        ));
    }
}
