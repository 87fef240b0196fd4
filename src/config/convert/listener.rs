//! `[listener.NAME]`.

use toml::de::DeValue;

use super::names::at_least_one;
use crate::config::address_syntax::BIND;
use crate::config::defaults;
use crate::config::lists::{elements, list};
use crate::config::name_syntax::{FILE, NETWORK};
use crate::config::not_compared::NotCompared;
use crate::config::read::{flag, named_file, or_off, text};
use crate::config::schema::{CERTIFICATE, CLIENT_CERTIFICATES, LISTENER, TLS};
use crate::config::settings::{Bind, CertificateFiles, ClientCertificateSettings, ListenerSettings, TlsSettings};
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
        trusted_proxies: section.read("trusted_proxies", list(text(NETWORK), "[\"10.0.0.0/8\"]"), Vec::new()),
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
    Some(settings)
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

fn tls(item: &SpannedValue<'_>) -> Option<TlsSettings> {
    if !matches!(item.value(), DeValue::Table(_)) {
        let hint = "write tls = { chain = \"site.pem\", key = \"site.key\" }, or leave it out for a plain listener";
        item.fault(format!("must be a table, not {}", item.type_name()), hint);
        return None;
    }
    let section = item.section(&TLS)?;
    let Some(list) = section.item("certificates") else {
        return certificate(&section).map(|certificate| TlsSettings { certificates: vec![certificate] });
    };
    if section.has("chain") || section.has("key") {
        section
            .location()
            .fault("has both one certificate and a list of them", "move chain and key into `certificates`");
    }
    let one = |element: &SpannedValue<'_>| certificate(&element.section(&CERTIFICATE)?);
    let elements = elements(&list, one, "[{ chain = \"site.pem\", key = \"site.key\" }]")?;
    if elements.is_empty() {
        list.fault("is empty", "add { chain = \"site.pem\", key = \"site.key\" }");
    }
    let certificates: Vec<_> = elements.iter().map(one).collect();
    certificates.into_iter().collect::<Option<_>>().map(|certificates| TlsSettings { certificates })
}

fn client_certificates(item: &SpannedValue<'_>) -> Option<ClientCertificateSettings> {
    let section = item.section(&CLIENT_CERTIFICATES)?;
    let ca = section.require("ca", named_file, "ca = \"clients.pem\", the certificates of who issues theirs");
    let is_required = section.try_read("require", flag, defaults::CLIENT_CERTIFICATE_REQUIRED);
    if let Some(ca) = &ca {
        section.location().report().note_named(|named| named.authorities.push(ca.clone()));
    }
    Some(ClientCertificateSettings { ca: ca?, is_required: is_required? })
}

fn certificate(section: &Section<'_>) -> Option<CertificateFiles> {
    let folder = section.location().report().folder();
    let file = |item: &SpannedValue<'_>| Some((folder.join(text(FILE)(item)?), NotCompared(item.location().source())));
    let chain = section.require("chain", file, "chain = \"site.pem\"");
    let key = section.require("key", file, "key = \"site.key\"");
    let ((chain, chain_location), (key, key_location)) = (chain?, key?);
    let files = CertificateFiles { chain, key, chain_location, key_location };
    section.location().report().note_named(|named| named.certificates.push(files.clone()));
    Some(files)
}
