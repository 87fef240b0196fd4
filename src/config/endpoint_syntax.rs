//! What is written of endpoints beside their addresses: sockets of this machine, names that are asked for, who is believed.

use std::net::{IpAddr, SocketAddr};

use super::name_syntax::parse_host_name;
use super::settings::UnixAddress;
use super::syntax::{Syntax, SyntaxError};

/// A DNS server; by itself an address means port 53.
pub(super) const DNS_SERVER: Syntax<SocketAddr> =
    Syntax { noun: "an IP address and a port", example: r#""10.0.0.53:53""#, unit: "", parse: parse_dns_server };

/// A name whose addresses are endpoints, and their port.
pub(super) const NAME_AND_PORT: Syntax<(String, u16)> =
    Syntax { noun: "a name and a port", example: r#""app.internal:8080""#, unit: "", parse: parse_name_and_port };

/// A name with SRV records (RFC 2782).
pub(super) const SRV_NAME: Syntax<String> =
    Syntax { noun: "a name", example: r#""_ws._tcp.app.internal""#, unit: "", parse: parse_host_name };

/// The name, or the address, that a certificate is for.
pub(super) const TLS_NAME: Syntax<String> =
    Syntax { noun: "a host name", example: r#""app.internal""#, unit: "", parse: parse_tls_name };

/// SHA-256 of a certificate.
pub(super) const FINGERPRINT: Syntax<[u8; 32]> = Syntax {
    noun: "a fingerprint",
    example: "what `openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE` says behind the `=`",
    unit: "",
    parse: parse_fingerprint,
};

/// An address of this machine.
pub(super) const SOURCE_ADDRESS: Syntax<IpAddr> =
    Syntax { noun: "an IP address", example: r#""10.0.0.2""#, unit: "", parse: parse_source_address };

/// What follows `unix:`: the absolute path of a file, or `@` and a name in the abstract namespace.
pub(super) fn parse_unix_address(rest: &str) -> Result<UnixAddress, SyntaxError> {
    let text = format!("unix:{rest}");
    let (name, address) = match rest.strip_prefix('@') {
        Some(name) => (name, UnixAddress::Abstract(name.into())),
        None if rest.starts_with('/') => (rest, UnixAddress::Path(rest.into())),
        None => {
            let hint = "write the whole path, as in \"unix:/run/app.sock\"";
            return Err(SyntaxError::new(format!("{text:?} is no absolute path"), hint));
        }
    };
    if name.is_empty() || name.contains('\0') {
        return Err(format!("{text:?} is no unix socket").into());
    }
    if name.len() > LONGEST_UNIX {
        let hint = "have it listen at a shorter path, or name a link to its folder";
        return Err(SyntaxError::new(format!("is longer than the {LONGEST_UNIX} bytes that the system takes"), hint));
    }
    Ok(address)
}

/// Of `sun_path`, which ends in a byte 0, or begins with one (unix(7)).
const LONGEST_UNIX: usize = 107;

fn parse_dns_server(text: &str) -> Result<SocketAddr, SyntaxError> {
    /// RFC 1035 §4.2.
    const DNS_PORT: u16 = 53;
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse::<IpAddr>();
    match text.parse().or_else(|_| alone.map(|address| SocketAddr::new(address, DNS_PORT))) {
        Ok(server) if server.port() != 0 => Ok(server),
        Ok(_) => Err("nothing can be reached at port 0".into()),
        Err(_) => Err(format!("{text:?} is not an IP address and a port").into()),
    }
}

fn parse_name_and_port(text: &str) -> Result<(String, u16), SyntaxError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(SyntaxError::new(
            format!("{text:?} has no port"),
            format!("write \"{text}:8080\", with the port it is; ports that DNS knows are asked for with `srv`"),
        ));
    };
    if text.parse::<SocketAddr>().is_ok() || host.parse::<IpAddr>().is_ok() {
        let hint = format!("write endpoints = [{text:?}]");
        return Err(SyntaxError::new(format!("{text:?} is an address, and nothing has to be looked up"), hint));
    }
    match port.parse() {
        Ok(0) => Err("nothing can be reached at port 0".into()),
        Ok(port) => Ok((parse_host_name(host)?, port)),
        Err(_) => Err(format!("{port:?} is not a port").into()),
    }
}

fn parse_tls_name(text: &str) -> Result<String, SyntaxError> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => parse_host_name(text),
    }
}

fn parse_fingerprint(text: &str) -> Result<[u8; 32], SyntaxError> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let not_one = || SyntaxError::from(format!("{text:?} is not the SHA-256 of a certificate, 64 hexadecimal digits"));
    let mut hash = [0; 32];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return Err(not_one());
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|it| it.is_ascii_hexdigit()));
        *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(not_one)?;
    }
    Ok(hash)
}

fn parse_source_address(text: &str) -> Result<IpAddr, SyntaxError> {
    match text.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() || address.is_multicast() => {
            Err(format!("nothing can be connected to from {address}").into())
        }
        Ok(address) => Ok(address.to_canonical()),
        Err(_) => Err(format!("{text:?} is not an IP address").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_a_path_or_a_name() {
        assert_eq!(parse_unix_address("/run/app.sock").unwrap(), UnixAddress::Path("/run/app.sock".into()));
        assert_eq!(parse_unix_address("@app").unwrap(), UnixAddress::Abstract("app".into()));
        assert!(parse_unix_address(&format!("/{}", "a".repeat(106))).is_ok());
        for bad in ["", "@", "app.sock", "./app.sock", &format!("/{}", "a".repeat(107))] {
            assert!(parse_unix_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_listens_at_port_53_unless_it_says_otherwise() {
        let read = |text| parse_dns_server(text).map(|server| server.to_string()).ok();
        assert_eq!(read("10.0.0.53").unwrap(), "10.0.0.53:53");
        assert_eq!(read("10.0.0.53:8600").unwrap(), "10.0.0.53:8600");
        assert_eq!(read("fd00::53").unwrap(), "[fd00::53]:53");
        assert_eq!(read("[fd00::53]:8600").unwrap(), "[fd00::53]:8600");
        for bad in ["", "dns.internal", "10.0.0.53:0", "10.0.0.53:x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_looked_up_is_a_name() {
        assert_eq!(parse_name_and_port("App.internal:80").unwrap(), ("app.internal".into(), 80));
        for bad in
            ["app.internal", "app.internal:", "app.internal:0", "10.0.0.1:80", "[::1]:80", "https://app:80", ":80"]
        {
            assert!(parse_name_and_port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_is_written_with_colons_or_without() {
        let plain = "0123456789abcdef".repeat(4);
        let bytes: Vec<_> = plain.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        let (colons, hash) = (bytes.join(":").to_uppercase(), parse_fingerprint(&plain).unwrap());
        assert_eq!(hash[..3], [0x01, 0x23, 0x45]);
        assert_eq!(parse_fingerprint(&colons).unwrap(), hash);
        let odd = plain.split_at(1).1;
        for bad in ["", "01", odd, &format!("{plain}00"), &plain.replace('0', "+"), &plain.replace('0', "g")] {
            assert!(parse_fingerprint(bad).is_err(), "{bad}");
        }
    }
}
