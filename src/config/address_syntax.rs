//! Where to listen, and where endpoints are: addresses as they are written, and what somebody meant who wrote another thing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::endpoint_syntax::parse_unix_address;
use super::name_syntax::parse_host_name;
use super::settings::{Bind, EndpointAddress};
use super::syntax::{Syntax, SyntaxError};

/// Where to listen.
pub(super) const BIND: Syntax<Bind> = Syntax {
    noun: "an IP address and a port",
    example: r#""0.0.0.0:443", "[::]:443" for IPv6, or "systemd:NAME""#,
    unit: "",
    parse: parse_bind,
};

/// Where an endpoint is.
pub(super) const ENDPOINT_ADDRESS: Syntax<EndpointAddress> = Syntax {
    noun: "an address and a port",
    example: r#""10.0.0.11:8080", "chat.internal:8080" or "unix:/run/chat.sock""#,
    unit: "",
    parse: parse_endpoint_address,
};

fn parse_bind(text: &str) -> Result<Bind, SyntaxError> {
    if let Ok(address) = text.parse() {
        return plain(address).map(Bind::Address);
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        return parse_descriptor_name(name).map(Bind::Systemd);
    }
    if is_unix(text) {
        let problem = format!("{text:?} is a unix socket, and listeners are at addresses");
        return Err(SyntaxError::new(problem, "write \"127.0.0.1:8080\", which only this machine reaches"));
    }
    let problem = format!("{text:?} is not an IP address and a port");
    if is_ip(text) {
        return Err(no_port(text, 443));
    }
    let (host, port) = match Parts::of(text) {
        Parts { host, port: Some(Ok(port)) } => (host, port),
        Parts { port: Some(Err(port)), .. } => {
            return Err(SyntaxError::new(
                problem,
                format!("{port} is no port: write one up to 65535, as in \"0.0.0.0:443\""),
            ));
        }
        Parts { host, port: None } if !host.is_empty() && parse_host_name(host).is_ok() => {
            let hint = "write \"0.0.0.0:443\"; a name that clients ask for stands in the `hosts` of a route";
            return Err(SyntaxError::new(problem, hint));
        }
        Parts { port: None, .. } => return Err(problem.into()),
    };
    Err(match host {
        "" | "*" => SyntaxError::new(
            problem,
            format!("write \"0.0.0.0:{port}\", or \"[::]:{port}\", which takes IPv6 as well as IPv4"),
        ),
        "localhost" => SyntaxError::new(problem, format!("write \"127.0.0.1:{port}\", or \"[::1]:{port}\" for IPv6")),
        host if is_ip(host) => SyntaxError::new(problem, format!("write \"{}:{port}\"", in_brackets(host))),
        _ => SyntaxError::new(
            problem,
            format!("write \"0.0.0.0:{port}\"; a name that clients ask for stands in the `hosts` of a route"),
        ),
    })
}

/// What systemd takes as `FileDescriptorName=` (systemd.socket(5)): ASCII without controls and colons, 255 at the most.
fn parse_descriptor_name(name: &str) -> Result<String, SyntaxError> {
    let is_allowed = |c: char| (c.is_ascii_graphic() || c == ' ') && c != ':';
    if name.is_empty() || name.len() > 255 || !name.chars().all(is_allowed) {
        let hint = "write \"systemd:NAME\", with the FileDescriptorName= of the socket unit";
        return Err(SyntaxError::new(format!("{name:?} is no name of a socket of systemd"), hint));
    }
    Ok(name.to_owned())
}

fn parse_endpoint_address(text: &str) -> Result<EndpointAddress, SyntaxError> {
    if let Some(rest) = text.strip_prefix("unix:").filter(|rest| !rest.starts_with("//")) {
        return parse_unix_address(rest).map(EndpointAddress::Unix);
    }
    if is_unix(text) {
        return Err(unix(text));
    }
    if text.contains("://") {
        return Err(url(text));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err("nothing can be reached at port 0".into()),
            _ => plain(address).map(EndpointAddress::Socket),
        };
    }
    if is_ip(text) {
        return Err(no_port(text, 8080));
    }
    match text.rsplit_once(':').map(|(host, port)| (host, port, port.parse::<u16>())) {
        Some((host, _, Ok(port))) if host.ends_with('.') => Err(match reachable(host.trim_end_matches('.'), port) {
            Some(address) => {
                SyntaxError::new(format!("{text:?} has a dot behind its host"), format!("write {address:?}"))
            }
            None => format!("{text:?} is not a host name").into(),
        }),
        Some((host, _, Ok(port))) if host.parse::<Ipv6Addr>().is_ok() => Err(match reachable(host, port) {
            Some(address) => SyntaxError::new(format!("{text:?} has no brackets"), format!("write {address:?}")),
            None => format!("{text:?} is not a host name").into(),
        }),
        Some((host, _, Ok(port))) if !matches!(host, "" | "*") => match (parse_host_name(host)?, port) {
            (_, 0) => Err("nothing can be reached at port 0".into()),
            (host, port) => Ok(EndpointAddress::Name(host, port)),
        },
        None if !text.is_empty() && !is_number(text) && parse_host_name(text).is_ok() => Err(no_port(text, 8080)),
        _ => Err(misread(text)),
    }
}

/// An address as there is no other way to write it, and as the system takes it.
fn plain(address: SocketAddr) -> Result<SocketAddr, SyntaxError> {
    match address {
        SocketAddr::V6(v6) if address.ip().to_canonical().is_ipv4() => {
            let plain = SocketAddr::new(v6.ip().to_canonical(), v6.port());
            Err(SyntaxError::new(format!("{address} is an address of IPv4"), format!("write it as one: \"{plain}\"")))
        }
        // RFC 4007 §6: each link has addresses of its own.
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => Err(SyntaxError::new(
            format!("{address} is link-local, and names no interface"),
            format!("write \"[{}%2]:{}\", with the number of the interface in `ip link`", v6.ip(), v6.port()),
        )),
        _ => Ok(address),
    }
}

/// A unix socket in the words of other programs: `unix:///run/app.sock`, `http://unix:/run/app.sock:/`, `/run/app.sock`.
fn unix(text: &str) -> SyntaxError {
    let path = text.split_once("unix:").map_or(text, |(_, rest)| rest);
    let path = path.split(':').next().unwrap_or_default();
    let path = format!("/{}", path.trim_start_matches(['/', '.']));
    let written = if parse_unix_address(&path).is_ok() { path.as_str() } else { "/run/app.sock" };
    SyntaxError::new(format!("{text:?} is not how a unix socket is written"), format!("write \"unix:{written}\""))
}

/// What is wrong with an endpoint that is no host with a port.
fn misread(text: &str) -> SyntaxError {
    match Parts::of(text) {
        Parts { host: "" | "*", port: Some(Ok(port)) } if port != 0 => SyntaxError::new(
            format!("{text:?} is only a port"),
            format!("write \"127.0.0.1:{port}\", with the host that it is on"),
        ),
        Parts { host, port: Some(Ok(port)) } if port != 0 && reachable(host, port).is_some() => SyntaxError::new(
            format!("{text:?} is more than a host and a port"),
            format!("write only these: {:?}", reachable(host, port).unwrap_or_default()),
        ),
        Parts { host, port: Some(Err(port)) } => {
            let host = if host.is_empty() { "127.0.0.1" } else { host };
            let written = reachable(host, 8080).unwrap_or_else(|| "10.0.0.11:8080".into());
            SyntaxError::new(
                format!("there is no port {port}"),
                format!("write one from 1 to 65535, as in {written:?}"),
            )
        }
        _ => match text.rsplit_once(':') {
            Some((host, service)) if parse_host_name(host).is_ok() => {
                let port = if service == "https" { 443 } else { 80 };
                SyntaxError::new(
                    format!("{service:?} is not a port"),
                    format!("write its number, as in \"{host}:{port}\""),
                )
            }
            _ => format!("{text:?} is not a host name").into(),
        },
    }
}

fn url(text: &str) -> SyntaxError {
    let Parts { host, port } = Parts::of(text);
    let (default, tls) = if asks_for_tls(text) { (443, ", and tls = true beside `endpoints`") } else { (80, "") };
    let port = port.and_then(Result::ok).filter(|port| *port != 0).unwrap_or(default);
    let address = reachable(host, port).unwrap_or_else(|| format!("10.0.0.11:{default}"));
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let goes_on = if path.is_empty() { "" } else { "; the path goes on to it as the client sends it" };
    SyntaxError::new(format!("{text:?} is a URL"), format!("write only host and port: {address:?}{tls}{goes_on}"))
}

/// The endpoint that somebody means who writes `text` where only its upstream can be named, such as a URL.
pub(super) fn endpoint_in(text: &str) -> Option<String> {
    let Parts { host, port } = Parts::of(text);
    let port = match port.and_then(Result::ok) {
        Some(port) => port,
        None if asks_for_tls(text) => 443,
        None if text.contains("://") => 80,
        None => return None,
    };
    reachable(if host.is_empty() { "127.0.0.1" } else { host }, port)
}

/// Whether it is a URL of a scheme that speaks TLS.
pub(super) fn asks_for_tls(text: &str) -> bool {
    const SCHEMES: [&str; 6] = ["https", "wss", "tls", "ssl", "h2", "grpcs"];
    text.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()))
}

/// The endpoint of this host and port, as it is written, where there can be one.
fn reachable(host: &str, port: u16) -> Option<String> {
    let text = format!("{}:{port}", in_brackets(host));
    let is_sound = !host.is_empty() && !host.contains("//") && parse_endpoint_address(&text).is_ok();
    is_sound.then_some(text)
}

/// A text taken apart: what stands around host and port (a scheme, a user, a path, options) is left out.
struct Parts<'t> {
    host: &'t str,
    /// `None` where there is none, the digits where they are none.
    port: Option<Result<u16, &'t str>>,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let text = text.split(['/', ' ', '?', ';', ',']).next().unwrap_or_default();
        let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        match text.rsplit_once(':') {
            _ if is_ip(text) => Self { host: text, port: None },
            Some((host, port)) if is_number(port) => Self { host, port: Some(port.parse().map_err(|_| port)) },
            Some((host, _)) => Self { host, port: None },
            None if is_number(text) => Self { host: "", port: Some(text.parse().map_err(|_| text)) },
            None => Self { host: text, port: None },
        }
    }
}

fn is_unix(text: &str) -> bool {
    let is_url = text.contains("://");
    let has_scheme = text.starts_with("unix:") || text.contains("://unix:");
    has_scheme || text.starts_with(['/', '.']) || (text.ends_with(".sock") && !is_url)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_port(text: &str, port: u16) -> SyntaxError {
    let complete = format!("{}:{port}", in_brackets(text));
    if let Ok(Err(error)) = complete.parse().map(plain) {
        return error;
    }
    match with_last_group_as_port(text) {
        Some(meant) => SyntaxError::new(
            format!("{text:?} has no brackets"),
            format!("write \"{meant}\"; or \"{complete}\", with the port it is, if all of that is the address"),
        ),
        None => SyntaxError::new(format!("{text:?} has no port"), format!("write \"{complete}\", with the port it is")),
    }
}

/// An address of IPv6 that ends in what can be meant as a port.
fn with_last_group_as_port(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let meant: SocketAddr = format!("[{host}]:{port}").parse().ok()?;
    (meant.port() != 0 && plain(meant).is_ok()).then_some(meant)
}

fn in_brackets(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// Whether this is an address without a port, in brackets or not.
fn is_ip(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first text in quotes that a hint says to write.
    fn written_in(hint: &str) -> &str {
        hint.split('"').nth(1).unwrap()
    }

    #[test]
    fn a_bind_is_corrected_to_one_that_is_good() {
        for (text, good) in [
            (":443", "0.0.0.0:443"),
            ("*:80", "0.0.0.0:80"),
            ("8443", "0.0.0.0:8443"),
            ("443 ssl http2", "0.0.0.0:443"),
            ("localhost:8443", "127.0.0.1:8443"),
            ("chat.example.com:443", "0.0.0.0:443"),
            ("chat.example.com", "0.0.0.0:443"),
            ("http://0.0.0.0:80/", "0.0.0.0:80"),
            ("tcp://127.0.0.1:80", "127.0.0.1:80"),
            ("0.0.0.0", "0.0.0.0:443"),
            ("[::]", "[::]:443"),
            (":::443", "[::]:443"),
            ("0.0.0.0:99999", "0.0.0.0:443"),
            ("::1:3000", "[::1]:3000"),
            ("::1", "[::1]:443"),
            ("fe80::1", "[fe80::1%2]:443"),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80"),
            ("unix:/run/windlass.sock", "127.0.0.1:8080"),
        ] {
            let SyntaxError { hint, .. } = parse_bind(text).unwrap_err();
            let hint = hint.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(written_in(&hint), good, "{text}: {hint}");
            assert!(parse_bind(good).is_ok());
        }
    }

    #[test]
    fn an_endpoint_is_corrected_to_one_that_is_good() {
        for (text, good) in [
            ("3000", "127.0.0.1:3000"),
            (":3000", "127.0.0.1:3000"),
            ("*:3000", "127.0.0.1:3000"),
            ("http://app:3000/path", "app:3000"),
            ("http://app", "app:80"),
            ("ws://app:3000", "app:3000"),
            ("http://user:word@10.0.0.1:80/", "10.0.0.1:80"),
            ("http://[::1]:3000", "[::1]:3000"),
            ("https://app:8443", "app:8443"),
            ("wss://app", "app:443"),
            ("app:3000/ws", "app:3000"),
            ("10.0.0.1:80 weight=2", "10.0.0.1:80"),
            ("app:http", "app:80"),
            ("app:https", "app:443"),
            ("127.0.0.1:99999", "127.0.0.1:8080"),
            ("app:99999", "app:8080"),
            ("99999", "127.0.0.1:8080"),
            ("app.:80", "app:80"),
            ("app", "app:8080"),
            ("10.0.0.1", "10.0.0.1:8080"),
            ("::1", "[::1]:8080"),
            ("::1:3000", "[::1]:3000"),
            ("::1:30000", "[::1]:30000"),
            ("::ffff:10.0.0.1", "10.0.0.1:8080"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("http://unix:/run/app.sock:/", "unix:/run/app.sock"),
            ("http://app:3000/x.sock", "app:3000"),
            ("unix:run/app.sock", "unix:/run/app.sock"),
            ("./app.sock", "unix:/app.sock"),
            ("/run/app.sock", "unix:/run/app.sock"),
        ] {
            let SyntaxError { hint, .. } = parse_endpoint_address(text).unwrap_err();
            let hint = hint.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(written_in(&hint), good, "{text}: {hint}");
            assert!(parse_endpoint_address(good).is_ok());
        }
    }

    proptest! {
        #[test]
        fn what_a_hint_says_to_write_is_good(text in "(https?://|unix:|tcp://)?(user@)?[a-z0-9.:*\\[\\]-]{0,12}(:[0-9]{0,6})?[/ ]?[a-z]{0,3}") {
            if let Err(SyntaxError { hint: Some(hint), .. }) = parse_endpoint_address(&text) && hint.starts_with("write") {
                prop_assert!(parse_endpoint_address(written_in(&hint)).is_ok(), "{}: {}", text, hint);
            }
            if let Err(SyntaxError { hint: Some(hint), .. }) = parse_bind(&text) && !text.starts_with("systemd:") {
                prop_assert!(parse_bind(written_in(&hint)).is_ok(), "{}: {}", text, hint);
            }
        }
    }
}
