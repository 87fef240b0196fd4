//! `listen`: an address, and what is spoken there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ledger::{Ledger, Reason};
use crate::import::syntax::Directive;

/// What one `listen` says.
#[derive(Clone, Debug)]
pub(super) struct Listen<'t> {
    /// `None` where nothing is written, and nginx listens on port 80.
    pub(super) directive: Option<&'t Directive>,
    pub(super) address: SocketAddr,
    pub(super) has_tls: bool,
    pub(super) has_http2: bool,
    pub(super) has_proxy_header: bool,
    pub(super) is_default: bool,
}

impl<'t> Listen<'t> {
    /// Where nginx listens for a server that does not say where.
    pub(super) fn usual() -> Self {
        let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
        Self { directive: None, address, has_tls: false, has_http2: false, has_proxy_header: false, is_default: false }
    }

    /// What `directive` says; it is told of where that cannot be said here.
    pub(super) fn read(directive: &'t Directive, ledger: &Ledger) -> Option<Self> {
        let (address, parameters) = directive.arguments.split_first()?;
        let address = match parse_address(&address.text) {
            Ok(address) => address,
            Err(reason) => {
                ledger.left_because(directive, reason);
                return None;
            }
        };
        let mut listen = Self { directive: Some(directive), address, ..Self::usual() };
        for parameter in parameters {
            let name = parameter.text.split('=').next().unwrap_or("");
            match name {
                "ssl" => listen.has_tls = true,
                "http2" => listen.has_http2 = true,
                "proxy_protocol" => listen.has_proxy_header = true,
                "default_server" | "default" => listen.is_default = true,
                "quic" => {
                    ledger.left(directive, "HTTP/3 is not spoken", "nothing: clients come by HTTP/2 or HTTP/1.1");
                    return None;
                }
                _ if MEAN_NOTHING.contains(&name) => {}
                other => ledger.left(
                    directive,
                    format!("{other:?} of it is not known"),
                    "[listener.NAME] of config/reference.toml has what there is",
                ),
            }
        }
        ledger.carried(directive);
        Some(listen)
    }
}

/// What is about the socket alone.
const MEAN_NOTHING: [&str; 11] = [
    "accept_filter",
    "backlog",
    "bind",
    "deferred",
    "fastopen",
    "ipv6only",
    "rcvbuf",
    "reuseport",
    "setfib",
    "sndbuf",
    "so_keepalive",
];

fn parse_address(text: &str) -> Result<SocketAddr, Reason> {
    let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    if text.starts_with("unix:") {
        return Err(Reason::new(
            "listeners are at addresses, and not at unix sockets",
            "write [listener.NAME] with bind = \"127.0.0.1:8080\", which only this machine reaches, and name it in the routes",
        ));
    }
    if let Ok(port) = text.parse() {
        return with_port(everywhere, port);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return with_port(address.ip().to_canonical(), address.port());
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => {
            (host, port.parse().map_err(|_| no_address(text))?)
        }
        _ => (text, 80),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host {
        "*" => with_port(everywhere, port),
        "localhost" => with_port(Ipv4Addr::LOCALHOST.into(), port),
        _ => match bare.parse::<IpAddr>() {
            Ok(ip) => with_port(ip, port),
            Err(_) if bare.contains(':') && bare.parse::<Ipv6Addr>().is_err() => Err(no_address(text)),
            Err(_) => Err(no_address(text)),
        },
    }
}

fn with_port(ip: IpAddr, port: u16) -> Result<SocketAddr, Reason> {
    match port {
        0 => Err(no_address("port 0")),
        port => Ok(SocketAddr::new(ip, port)),
    }
}

fn no_address(text: &str) -> Reason {
    Reason::new(
        format!("{text} is not one IP address with one port"),
        "write [listener.NAME] with bind = \"0.0.0.0:8080\", one for each port, and name it in the routes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::syntax::{Numbers, parse};
    use crate::import::translate::ledger::Fate;

    #[test]
    fn addresses_have_every_form_of_nginx() {
        for (text, address) in [
            ("80", "0.0.0.0:80"),
            ("*:8080", "0.0.0.0:8080"),
            ("*", "0.0.0.0:80"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("10.0.0.1:443", "10.0.0.1:443"),
            ("[::]:443", "[::]:443"),
            ("[::1]", "[::1]:80"),
            ("localhost:8000", "127.0.0.1:8000"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
        ] {
            assert_eq!(parse_address(text).unwrap().to_string(), address, "{text}");
        }
        for text in ["unix:/run/x.sock", "example.com:80", "80-90", "*:99999", "0", ":80", "[::", "a:b:c", "$port"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_a_socket_needs_means_nothing() {
        let source =
            "listen [::]:443 ssl http2 default_server reuseport backlog=512 ipv6only=on; listen 443 quic; listen 1 x;";
        let tree = parse(source, &"x".into(), &mut Numbers::default()).unwrap();
        let ledger = Ledger::new(3);
        let listen = Listen::read(&tree[0], &ledger).unwrap();
        assert!(listen.has_tls && listen.has_http2 && listen.is_default && !listen.has_proxy_header);
        assert!(Listen::read(&tree[1], &ledger).is_none());
        assert!(Listen::read(&tree[2], &ledger).is_some());
        assert_eq!(ledger.fate(&tree[0]), Fate::Carried);
        assert!(matches!(ledger.fate(&tree[2]), Fate::Left(_)));
    }
}
