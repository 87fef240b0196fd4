//! Where a browser finds what a listener serves: one address for people, of the many that may lead there.

use std::net::SocketAddr;

use crate::config::{ListenerName, Settings};

/// The address of a page: by the first of the hosts, or one that a pattern stands for; by the listener's own where there is none.
pub fn page_address(listen: SocketAddr, is_secure: bool, hosts: &[String]) -> String {
    let address = listen.ip();
    let host = match hosts.iter().find(|host| !host.contains('*')).or(hosts.first()) {
        Some(host) => host.replace('*', "chat"),
        None if address.is_unspecified() => "localhost".into(),
        None if address.is_ipv6() => format!("[{address}]"),
        None => address.to_string(),
    };
    let (scheme, usual) = if is_secure { ("https", 443) } else { ("http", 80) };
    match listen.port() {
        port if port == usual => format!("{scheme}://{host}"),
        port => format!("{scheme}://{host}:{port}"),
    }
}

/// What somebody reads who has just started it in a terminal.
pub(super) fn invitation(settings: &Settings, listeners: &[(ListenerName, SocketAddr)]) -> String {
    let pages = listeners.iter().map(|(name, address)| {
        let is_secure = settings.listeners.get(name).is_some_and(|listener| listener.tls.is_some());
        page_address(*address, is_secure, &hosts_of(settings, name))
    });
    let pages = pages.collect::<Vec<_>>().join(" and ");
    format!("serving {pages}; `windlass status` says what is open, from another terminal; Ctrl-C stops it")
}

/// By which names a listener serves anything; none where it does by every name.
fn hosts_of(settings: &Settings, listener: &ListenerName) -> Vec<String> {
    let routes = settings.routes.values().filter(|it| it.listeners.is_empty() || it.listeners.contains(listener));
    let mut hosts = Vec::new();
    for route in routes {
        if route.hosts.is_empty() {
            return Vec::new();
        }
        hosts.extend(route.hosts.iter().map(ToString::to_string));
    }
    hosts
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    #[test]
    fn who_starts_it_in_a_terminal_reads_where_a_browser_finds_it() {
        let invited = |hosts: &str| {
            let text = format!(
                "[listener.a]\nbind = \"127.0.0.1:0\"\n[listener.b]\nbind = \"0.0.0.0:80\"\n[route.chat]\nupstream = \"chat\"\n\
                 listeners = [\"a\"]\n[route.app]\nupstream = \"chat\"\npath = \"/app\"\n{hosts}\n\
                 [upstream.chat]\nendpoints = [\"127.0.0.1:1\"]\n"
            );
            let settings = parse(&text, Path::new("windlass.toml")).unwrap();
            let listeners = [("a", "127.0.0.1:4711"), ("b", "[::]:80")];
            invitation(&settings, &listeners.map(|(name, address)| (name.into(), address.parse().unwrap())))
        };
        assert!(invited("").starts_with("serving http://127.0.0.1:4711 and http://localhost; `windlass status`"));
        let with_hosts = invited("hosts = [\"*.a.test\", \"b.test\"]");
        assert!(with_hosts.starts_with("serving http://127.0.0.1:4711 and http://b.test; "), "{with_hosts}");
    }
}
