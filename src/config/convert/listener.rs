//! `[listener.NAME]`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::acme::acme;
use super::hygiene::hygiene;
use super::names::at_least_one;
use crate::config::address_syntax::BIND;
use crate::config::defaults;
use crate::config::lists::{elements, list};
use crate::config::name_syntax::{FILE, NETWORK};
use crate::config::not_compared::NotCompared;
use crate::config::read::{choice, flag, integer, named_file, or_off, text};
use crate::config::schema::{CERTIFICATE, CLIENT_CERTIFICATES, LISTENER, TLS};
use crate::config::settings::{
    Bind, CertificateFiles, ClientCertificateSettings, ForwardedHeaders, Http2Settings, ListenerSettings, NamedFile,
    TlsSettings, TlsVersion, UnknownNames,
};
use crate::config::tree::{Section, SpannedValue};
use crate::config::units::DURATION;

/// An address that is taken, and the key that takes it.
type TakenAddress = (Bind, String);

pub(in crate::config) fn listeners(file: &Section<'_>) -> Vec<ListenerSettings> {
    let mut bound = Vec::new();
    at_least_one(file, "listener", &LISTENER, "[listener.public] with bind = \"0.0.0.0:443\"")
        .iter()
        .filter_map(|(name, section)| listener(name, section, &mut bound))
        .collect()
}

fn listener(name: &str, section: &Section<'_>, bound: &mut Vec<TakenAddress>) -> Option<ListenerSettings> {
    let bind = section.require("bind", |item| bind(item, bound), "bind = \"0.0.0.0:443\"");
    let settings = ListenerSettings {
        name: name.into(),
        tls: section.read("tls", |item| tls(item).map(Some), None),
        client_certificates: section.read(
            "client_certificates",
            or_off(client_certificates),
            defaults::CLIENT_CERTIFICATES,
        ),
        http2: http2(section),
        trusted_proxies: section.read("trusted_proxies", list(text(NETWORK), "[\"10.0.0.0/8\"]"), Vec::new()),
        has_proxy_header: section.read("proxy_protocol", choice(&PROXY_PROTOCOL), defaults::PROXY_HEADER),
        proxy_header_timeout: section.read("proxy_header_timeout", text(DURATION), defaults::PROXY_HEADER_TIMEOUT),
        forwarded_headers: section.read("forwarded_headers", choice(&FORWARDED_HEADERS), defaults::FORWARDED_HEADERS),
        hygiene: hygiene(section),
        tls_timeout: section.read("tls_timeout", text(DURATION), defaults::TLS_TIMEOUT),
        head_timeout: section.read("head_timeout", text(DURATION), defaults::HEAD_TIMEOUT),
        rest_timeout: section.read("rest_timeout", text(DURATION), defaults::REST_TIMEOUT),
        body_timeout: section.read("body_timeout", text(DURATION), defaults::CLIENT_BODY_TIMEOUT),
        bind: bind?,
    };
    if let (Some(item), false) = (section.item("client_certificates"), section.has("tls")) {
        item.fault(
            "are shown over TLS only, and this listener has none",
            "add tls = { chain = \"site.pem\", key = \"site.key\" }",
        );
    }
    check_proxy_header(section, &settings);
    Some(settings)
}

fn http2(section: &Section<'_>) -> Http2Settings {
    let has_tls = section.has("tls");
    let settings = Http2Settings {
        is_offered: section.read("http2", flag, defaults::HTTP2),
        takes_websockets: section.read("http2_websockets", flag, defaults::HTTP2_WEBSOCKETS),
        takes_prior_knowledge: section.read("h2c", flag, defaults::H2C),
        max_streams: section.read("max_streams", streams, defaults::MAX_STREAMS),
    };
    if let (Some(item), true, true) = (section.item("h2c"), settings.takes_prior_knowledge, has_tls) {
        item.fault("is for listeners without TLS, and this one has it", "remove it: `http2` offers HTTP/2 over TLS");
    }
    if let (Some(item), true, false) = (section.item("http2"), settings.is_offered, has_tls) {
        let hint = "add tls, or write h2c = true for clients that begin with HTTP/2 in clear";
        item.location().warn("is offered over TLS, and this listener has none", hint);
    }
    settings
}

/// A number of streams.
fn streams(item: &SpannedValue<'_>) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(integer(MOST_STREAMS)(item)?).ok()?)
}

/// Browsers open a hundred; each costs as much as a connection of HTTP/1.1.
const MOST_STREAMS: RangeInclusive<u64> = 1..=10_000;

/// A header that nobody is believed, and a deadline for none.
fn check_proxy_header(section: &Section<'_>, settings: &ListenerSettings) {
    let is_empty = |item: &SpannedValue<'_>| matches!(item.value(), DeValue::Array(networks) if networks.is_empty());
    let trusts_nobody = section.item("trusted_proxies").is_none_or(|networks| is_empty(&networks));
    if let (true, true, Some(item)) = (settings.has_proxy_header, trusts_nobody, section.item("proxy_protocol")) {
        item.fault(
            "is believed of trusted_proxies alone, and there are none",
            "add trusted_proxies = [\"10.0.0.0/8\"], the networks of the load balancers that write the header",
        );
    }
    if let (false, Some(item)) = (settings.has_proxy_header, section.item("proxy_header_timeout")) {
        let hint = "add proxy_protocol = \"required\", or remove it";
        item.location().warn("is not looked at: connections begin with no PROXY header", hint);
    }
}

fn bind(item: &SpannedValue<'_>, bound: &mut Vec<TakenAddress>) -> Option<Bind> {
    if let DeValue::Integer(port) = item.value() {
        item.fault("must be an IP address and a port, not an integer", format!("write \"0.0.0.0:{port}\""));
        return None;
    }
    let address = text(BIND)(item)?;
    match bound.iter().find(|(other, _)| collide(other, &address)) {
        Some((other, key)) => {
            item.fault(
                format!("{address} is taken: {key} is {other}"),
                "give each listener a port or an address of its own",
            );
        }
        None => bound.push((address.clone(), item.location().key().to_owned())),
    }
    Some(address)
}

/// Whether the system refuses to listen on both.
fn collide(a: &Bind, b: &Bind) -> bool {
    let (Bind::Address(a), Bind::Address(b)) = (a, b) else { return a == b };
    let one_is_everywhere = a.ip().is_unspecified() || b.ip().is_unspecified();
    let meet = a.ip() == b.ip() || (one_is_everywhere && a.is_ipv4() == b.is_ipv4());
    meet && a.port() == b.port() && a.port() != 0
}

/// Whether a listener at `bind` leaves no room for `address`, where operators are to be listened to: that one shares no port, as
/// listeners do among each other.
pub(super) fn takes(bind: SocketAddr, address: SocketAddr) -> bool {
    let is_everywhere = |it: SocketAddr| it.ip().is_unspecified();
    let meet = match (is_everywhere(bind), is_everywhere(address)) {
        (false, false) => bind.ip() == address.ip(),
        // Every address of IPv6 is one of IPv4 too.
        (true, false) => bind.is_ipv6() || address.is_ipv4(),
        (false, true) => address.is_ipv6() || bind.is_ipv4(),
        (true, true) => true,
    };
    meet && bind.port() == address.port() && bind.port() != 0
}

fn tls(item: &SpannedValue<'_>) -> Option<TlsSettings> {
    if !matches!(item.value(), DeValue::Table(_)) {
        let hint = "write tls = { chain = \"site.pem\", key = \"site.key\" }, or leave it out for a plain listener";
        item.fault(format!("must be a table, not {}", item.type_name()), hint);
        return None;
    }
    let section = item.section(&TLS)?;
    let acme = section.try_read("acme", |item| acme(item).map(Some), None);
    let certificates = certificates(&section);
    let min_version = section.try_read("min_version", choice(&VERSIONS), defaults::MIN_TLS_VERSION);
    let unknown_names = section.try_read("unknown_names", choice(&UNKNOWN_NAMES), defaults::UNKNOWN_NAMES);
    let ticket_secret = section.try_read("ticket_secret", or_off(ticket_secret), defaults::TICKET_SECRET);
    Some(TlsSettings {
        certificates: certificates?,
        acme: acme?,
        min_version: min_version?,
        unknown_names: unknown_names?,
        ticket_secret: ticket_secret?,
    })
}

/// The certificates that lie in files.
fn certificates(section: &Section<'_>) -> Option<Vec<CertificateFiles>> {
    let is_one = ["chain", "key", "ocsp"].iter().any(|key| section.has(key));
    let Some(list) = section.item("certificates") else {
        if section.has("acme") && !is_one {
            return Some(Vec::new());
        }
        return stapled(section).map(|certificate| vec![certificate]);
    };
    if is_one {
        section
            .location()
            .fault("has both one certificate and a list of them", "move chain and key into `certificates`");
    }
    let one = |element: &SpannedValue<'_>| stapled(&element.section(&CERTIFICATE)?);
    let elements = elements(&list, one, "[{ chain = \"site.pem\", key = \"site.key\" }]")?;
    if elements.is_empty() {
        list.fault("is empty", "add { chain = \"site.pem\", key = \"site.key\" }");
    }
    let certificates: Vec<_> = elements.iter().map(one).collect();
    certificates.into_iter().collect()
}

fn ticket_secret(item: &SpannedValue<'_>) -> Option<NamedFile> {
    let file = named_file(item)?;
    item.location().report().note_named(|named| named.ticket_secrets.push(file.clone()));
    Some(file)
}

fn client_certificates(item: &SpannedValue<'_>) -> Option<ClientCertificateSettings> {
    let section = item.section(&CLIENT_CERTIFICATES)?;
    let ca = section.require("ca", named_file, "ca = \"clients.pem\", the certificates of who issues theirs");
    let is_required = section.try_read("require", flag, defaults::CLIENT_CERTIFICATE_REQUIRED);
    if let Some(ca) = &ca {
        section.location().report().note_named(|named| named.authorities.push(ca.clone()));
    }
    let tells_endpoints = section.try_read("headers", choice(&HEADERS), defaults::CLIENT_CERTIFICATE_HEADERS);
    Some(ClientCertificateSettings { ca: ca?, is_required: is_required?, tells_endpoints: tells_endpoints? })
}

/// A certificate that clients are shown, and what its issuer says of it.
fn stapled(section: &Section<'_>) -> Option<CertificateFiles> {
    let ocsp = section.try_read("ocsp", or_off(named_file), None);
    let files = files(section);
    let files = CertificateFiles { ocsp: ocsp?, ..files? };
    Some(noted(section, files))
}

/// A certificate, and its key.
pub(super) fn certificate(section: &Section<'_>) -> Option<CertificateFiles> {
    files(section).map(|files| noted(section, files))
}

fn files(section: &Section<'_>) -> Option<CertificateFiles> {
    let folder = section.location().report().folder();
    let file = |item: &SpannedValue<'_>| Some((folder.join(text(FILE)(item)?), NotCompared(item.location().source())));
    let chain = section.require("chain", file, "chain = \"site.pem\"");
    let key = section.require("key", file, "key = \"site.key\"");
    let ((chain, chain_location), (key, key_location)) = (chain?, key?);
    Some(CertificateFiles { chain, key, ocsp: None, chain_location, key_location })
}

fn noted(section: &Section<'_>, files: CertificateFiles) -> CertificateFiles {
    section.location().report().note_named(|named| named.certificates.push(files.clone()));
    files
}

const VERSIONS: [(&str, TlsVersion); 2] = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];

const UNKNOWN_NAMES: [(&str, UnknownNames); 2] = [("first", UnknownNames::First), ("refuse", UnknownNames::Refuse)];

const HEADERS: [(&str, bool); 2] = [("off", false), ("on", true)];
const PROXY_PROTOCOL: [(&str, bool); 2] = [("off", false), ("required", true)];

const FORWARDED_HEADERS: [(&str, ForwardedHeaders); 3] = [
    ("x-forwarded", ForwardedHeaders::XForwarded),
    ("forwarded", ForwardedHeaders::Forwarded),
    ("both", ForwardedHeaders::Both),
];
