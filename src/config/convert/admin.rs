//! `[admin]`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::config::not_compared::NotCompared;
use crate::config::read::text;
use crate::config::schema::ADMIN;
use crate::config::settings::{AdminListen, AdminSettings, Settings};
use crate::config::syntax::{Syntax, SyntaxError};
use crate::config::tree::Section;

/// Where operators are listened to.
const LISTEN: Syntax<AdminListen> =
    Syntax { noun: "a socket or an address", example: EXAMPLE, unit: "", parse: parse_listen };

const EXAMPLE: &str = r#""unix:/run/windlass/admin.sock", "127.0.0.1:9900" or "off""#;

/// The longest path that a socket address has room for (sun_path of unix(7), less its final zero).
const LONGEST_PATH: usize = 107;

pub(in crate::config) fn admin(file: &Section<'_>) -> AdminSettings {
    let section = file.section("admin", &ADMIN);
    let location = section.item("listen").map(|item| item.location().source()).unwrap_or_default();
    AdminSettings {
        listen: section.read("listen", text(LISTEN), AdminListen::default()),
        location: NotCompared(location),
    }
}

/// Notes a problem where a listener takes the address that operators are to be listened to at.
pub(in crate::config) fn check_admin(file: &Section<'_>, settings: &Settings) {
    let AdminListen::Loopback(address) = settings.admin.listen else { return };
    let takes_it = |bind: Option<SocketAddr>| bind.is_some_and(|bind| takes(bind, address));
    let Some(listener) = settings.listeners.values().find(|it| takes_it(it.bind.address())) else { return };
    file.location_of(&["admin", "listen"]).fault(
        format!("{address} is taken: listener.{}.bind is {}", listener.name, listener.bind),
        "give operators a port of their own, or write a unix socket, such as \"unix:/run/windlass/admin.sock\"",
    );
}

/// Whether a listener at `bind` leaves no room for `address`, one of loopback. The admin listener shares no port, as listeners
/// do among each other.
fn takes(bind: SocketAddr, address: SocketAddr) -> bool {
    let meet = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.is_ipv4(),
        // Every address of IPv6 is one of IPv4 too.
        IpAddr::V6(ip) if ip.is_unspecified() => true,
        ip => ip == address.ip(),
    };
    meet && bind.port() == address.port() && bind.port() != 0
}

/// Reads what may stand at `admin.listen`.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn parse_admin_listen(text: &str) -> Result<AdminListen, SyntaxError> {
    parse_listen(text).map_err(|error| error.or_write(EXAMPLE))
}

fn parse_listen(text: &str) -> Result<AdminListen, SyntaxError> {
    if text == "off" {
        return Ok(AdminListen::Off);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return match Path::new(path) {
            path if !path.is_absolute() => Err(SyntaxError::new(
                format!("{text:?} has no absolute path"),
                "write it from / on, as in \"unix:/run/x\"",
            )),
            path if path.as_os_str().len() > LONGEST_PATH => Err(SyntaxError::new(
                format!("the path is longer than {LONGEST_PATH} bytes"),
                "choose a folder with a shorter path, such as one below /run",
            )),
            path => Ok(AdminListen::Unix(path.to_owned())),
        };
    }
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(AdminListen::Loopback(address)),
        Ok(address) => Err(SyntaxError::new(
            format!("{address} can be reached from elsewhere"),
            format!("write \"127.0.0.1:{}\", or a unix socket to steer as well", address.port()),
        )),
        Err(_) => Err(misread(text)),
    }
}

fn misread(text: &str) -> SyntaxError {
    let problem = format!("{text:?} is neither a unix socket nor an address");
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    match port {
        _ if text.starts_with('/') => SyntaxError::new(problem, format!("write \"unix:{text}\"")),
        Some(port) => SyntaxError::new(problem, format!("write \"127.0.0.1:{port}\"")),
        None => problem.into(),
    }
}
