//! `[admin]`: where operators are listened to, and what they may do there.

use std::net::SocketAddr;
use std::path::Path;

use toml::de::DeValue;

use super::listener::{self, takes};
use crate::config::defaults;
use crate::config::lists::list;
use crate::config::name_syntax::HOST_HEADER;
use crate::config::not_compared::NotCompared;
use crate::config::read::{choice, flag, named_file, text};
use crate::config::schema::{ADMIN, ADMIN_LISTEN};
use crate::config::settings::{
    AdminListen, AdminListenerSettings, AdminSettings, ClientCertificateSettings, NamedFile, Settings, TapLevel,
    TlsSettings,
};
use crate::config::syntax::{Syntax, SyntaxError};
use crate::config::tree::{Section, SpannedValue};
use crate::grammar::{Authority, host_name};

/// Where operators are listened to.
const LISTEN: Syntax<AdminListen> =
    Syntax { noun: "a socket or an address", example: EXAMPLE, unit: "", parse: parse_listen };

const EXAMPLE: &str = r#""unix:/run/windlass/admin.sock", "127.0.0.1:9900" or "off""#;

const TAP_LEVELS: [(&str, TapLevel); 3] =
    [("off", TapLevel::Off), ("headers", TapLevel::Headers), ("messages", TapLevel::Messages)];

/// The longest path that a socket address has room for (sun_path of unix(7), less its final zero).
const LONGEST_PATH: usize = 107;

pub(in crate::config) fn admin(file: &Section<'_>) -> AdminSettings {
    let section = file.section("admin", &ADMIN);
    let item = section.item("listen");
    let location = item.as_ref().map(|item| item.location().source()).unwrap_or_default();
    let usual = || vec![AdminListenerSettings::at(AdminListen::default())];
    let listeners = item.map_or_else(usual, |item| listeners(&item));
    let tap = section.read("tap", choice(&TAP_LEVELS), defaults::ADMIN_TAP);
    AdminSettings { listeners, location: NotCompared(location), tap }
}

fn listeners(item: &SpannedValue<'_>) -> Vec<AdminListenerSettings> {
    let elements = match (item.value(), item.elements()) {
        (DeValue::String(text), _) if text == "off" => return Vec::new(),
        (_, Some(elements)) => {
            if elements.is_empty() {
                item.fault("is empty", "write \"off\" where nobody is to be listened to");
            }
            elements
        }
        (_, None) => vec![item.clone()],
    };
    let mut listeners: Vec<AdminListenerSettings> = Vec::new();
    for element in &elements {
        let Some(listener) = one(element) else { continue };
        if listeners.iter().any(|other| other.listen == listener.listen) {
            element.fault(format!("{} stands in the list twice", listener.listen), "remove one of them");
        }
        listeners.push(listener);
    }
    listeners
}

/// An address, or a table with one.
fn one(item: &SpannedValue<'_>) -> Option<AdminListenerSettings> {
    let location = NotCompared(item.location().source());
    if !matches!(item.value(), DeValue::Table(_)) {
        let settings = AdminListenerSettings { location, ..AdminListenerSettings::at(address(item)?) };
        check_asks(item, &settings);
        return Some(settings);
    }
    let section = item.section(&ADMIN_LISTEN)?;
    let listen = section.require("address", address, "address = \"127.0.0.1:9900\"");
    let token = section.try_read("token", |item| named_file(item).map(Some), None);
    let clients = section.try_read("client_ca", |item| client_ca(item).map(Some), None);
    let is_read_only = section.try_read("read_only", flag, defaults::ADMIN_READ_ONLY);
    let hosts = section.try_read("hosts", list(host, "[\"admin.example.com\"]"), Vec::new());
    let tls = if section.has("chain") || section.has("key") { tls(&section).map(Some) } else { Some(None) };
    if let Some(Some(token)) = &token {
        item.location().report().note_named(|named| named.admin_tokens.push(token.clone()));
    }
    if let (Some(item), false) = (section.item("client_ca"), section.has("chain")) {
        item.fault("certificates are shown over TLS only", "add chain = \"admin.pem\" and key = \"admin.key\"");
    }
    let settings = AdminListenerSettings {
        listen: listen?,
        token: token?,
        tls: tls?,
        clients: clients?,
        is_read_only: is_read_only?,
        hosts: hosts?,
        location,
    };
    match settings.listen {
        AdminListen::Tcp(_) => check_asks(item, &settings),
        AdminListen::Unix(_) | AdminListen::Off => check_unix(&section),
    }
    Some(settings)
}

fn address(item: &SpannedValue<'_>) -> Option<AdminListen> {
    match text(LISTEN)(item)? {
        AdminListen::Off => {
            item.fault("is no address", "remove it, or write listen = \"off\" where nobody is to be listened to");
            None
        }
        listen => Some(listen),
    }
}

/// Nobody looks in, or steers, from elsewhere, whom nothing is asked.
fn check_asks(item: &SpannedValue<'_>, settings: &AdminListenerSettings) {
    let AdminListen::Tcp(address) = settings.listen else { return };
    if address.ip().is_loopback() || settings.is_read_only && !settings.asks() {
        return;
    }
    if !settings.asks() {
        let hint = format!(
            "write {{ address = \"{address}\", token = \"admin.token\" }}, read_only = true where whoever reaches it may look, or \
             \"127.0.0.1:{}\"",
            address.port()
        );
        item.fault(format!("{address} can be reached from elsewhere"), hint);
    } else if settings.tls.is_none() {
        let hint = "add chain = \"admin.pem\" and key = \"admin.key\"";
        item.location().warn("everybody on the way to it reads the token: it has no TLS", hint);
    }
}

/// Who may use a socket is said by its file.
fn check_unix(section: &Section<'_>) {
    for key in ["token", "chain", "key", "client_ca", "hosts"] {
        if let Some(item) = section.item(key) {
            item.fault(
                "is for addresses: a socket is for root and the user of the process, by the mode of its file",
                "remove it",
            );
        }
    }
}

fn tls(section: &Section<'_>) -> Option<TlsSettings> {
    Some(TlsSettings {
        certificates: vec![listener::certificate(section)?],
        acme: None,
        min_version: defaults::MIN_TLS_VERSION,
        unknown_names: defaults::UNKNOWN_NAMES,
        ticket_secret: defaults::TICKET_SECRET,
    })
}

/// Whose certificates let in. Who shows none is not turned away by TLS: `/live` asks for nothing.
fn client_ca(item: &SpannedValue<'_>) -> Option<ClientCertificateSettings> {
    let ca: NamedFile = named_file(item)?;
    item.location().report().note_named(|named| named.authorities.push(ca.clone()));
    Some(ClientCertificateSettings { ca, is_required: false, tells_endpoints: false })
}

/// A name that stands in `Host`, without a port.
fn host(item: &SpannedValue<'_>) -> Option<String> {
    let written = text(HOST_HEADER)(item)?;
    let Some(Authority { host, port: None }) = Authority::parse(&written) else {
        item.fault(format!("{written:?} has a port"), "write the name alone, which holds for every port");
        return None;
    };
    Some(host_name(host).into_owned())
}

/// Notes a problem where a listener takes an address that operators are to be listened to at.
pub(in crate::config) fn check_admin(file: &Section<'_>, settings: &Settings) {
    for admin in &settings.admin.listeners {
        let AdminListen::Tcp(address) = admin.listen else { continue };
        let takes_it = |bind: Option<SocketAddr>| bind.is_some_and(|bind| takes(bind, address));
        let Some(listener) = settings.listeners.values().find(|it| takes_it(it.bind.address())) else { continue };
        file.location().fault_at(
            admin.location.0.clone(),
            format!("{address} is taken: listener.{}.bind is {}", listener.name, listener.bind),
            "give operators a port of their own, or write a unix socket, such as \"unix:/run/windlass/admin.sock\"",
        );
    }
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
    text.parse::<SocketAddr>().map(AdminListen::Tcp).map_err(|_| misread(text))
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
