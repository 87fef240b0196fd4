//! `listener.NAME.tls.acme`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::acme_syntax::{ACME_NAME, CONTACT, DIRECTORY, KID};
use crate::config::defaults;
use crate::config::lists::list;
use crate::config::name_syntax::FILE;
use crate::config::names::ListenerName;
use crate::config::not_compared::NotCompared;
use crate::config::read::{choice, named_file, text};
use crate::config::schema::{ACME, EXTERNAL_ACCOUNT};
use crate::config::settings::{
    AcmeChallenge, AcmeSettings, AcmeStorage, ExternalAccountSettings, HostPattern, ListenerSettings, RouteSettings,
    Settings, StateFolder,
};
use crate::config::syntax::Syntax;
use crate::config::tree::{Location, Section, SpannedValue};

pub(super) fn acme(item: &SpannedValue<'_>) -> Option<AcmeSettings> {
    const CHALLENGES: [(&str, AcmeChallenge); 2] =
        [("tls-alpn-01", AcmeChallenge::TlsAlpn01), ("http-01", AcmeChallenge::Http01)];
    let section = item.section(&ACME)?;
    let contact = section.try_read("contact", |item| text(CONTACT)(item).map(Some), None);
    let directory = section.try_read("directory", text(DIRECTORY), defaults::ACME_DIRECTORY.to_owned());
    let storage = section.try_read("storage", storage, defaults::ACME_STORAGE);
    let challenge = section.try_read("challenge", choice(&CHALLENGES), defaults::ACME_CHALLENGE);
    let names = section.try_read("names", list(text(ACME_NAME), "[\"chat.example.com\"]"), Vec::new());
    let ca = section.try_read("ca", |item| named_file(item).map(Some), None);
    let eab = section.try_read("eab", |item| external_account(item).map(Some), None);
    if let Some(Some(ca)) = &ca {
        section.location().report().note_named(|named| named.authorities.push(ca.clone()));
    }
    Some(AcmeSettings {
        contact: contact?,
        directory: directory?,
        storage: storage?,
        challenge: challenge?,
        names: names?,
        ca: ca?,
        eab: eab?,
        location: NotCompared(item.location().source()),
    })
}

fn storage(item: &SpannedValue<'_>) -> Option<AcmeStorage> {
    let folder: PathBuf =
        text(Syntax { noun: "the path of a folder", example: "\"/var/lib/windlass/acme\"", ..FILE })(item)?;
    Some(AcmeStorage::At(item.location().report().folder().join(folder)))
}

fn external_account(item: &SpannedValue<'_>) -> Option<ExternalAccountSettings> {
    let section = item.section(&EXTERNAL_ACCOUNT)?;
    let kid = section.require("kid", text(KID), "kid = \"…\", the identifier that the directory's operator gives");
    let hmac_key =
        section.require("hmac_key", named_file, "hmac_key = \"eab.key\", a file with the key that goes with it");
    if let Some(file) = &hmac_key {
        section.location().report().note_named(|named| named.hmac_keys.push(file.clone()));
    }
    Some(ExternalAccountSettings { kid: kid?, hmac_key: hmac_key? })
}

/// Gives each listener with ACME the names of its routes, where none are written, and notes a problem for what cannot be had.
pub(in crate::config) fn check_acme(file: &Section<'_>, settings: &mut Settings) {
    let (listeners, routes) = (&mut settings.listeners, &settings.routes);
    let has_plain = listeners.values().any(|listener| listener.tls.is_none());
    for listener in listeners.values_mut() {
        let (name, asks) = (listener.name.clone(), requires_certificates(listener));
        let Some(acme) = Arc::make_mut(listener).tls.as_mut().and_then(|tls| tls.acme.as_mut()) else { continue };
        let location = file.location_of(&["listener", name.as_str(), "tls", "acme"]);
        if acme.names.is_empty() {
            let served = routes.values().filter(|route| route.listeners.is_empty() || route.listeners.contains(&name));
            acme.names = names_of(served.map(Arc::as_ref), &location);
        }
        if acme.storage == AcmeStorage::InStateFolder && settings.state_folder == StateFolder::Off {
            location.fault(NOWHERE, KEEP_SOMEWHERE);
        }
        match acme.challenge {
            AcmeChallenge::TlsAlpn01 if asks => location.fault(
                "shows by a handshake that the names are ours, and who asks for that has no client certificate",
                "add challenge = \"http-01\" and a plain listener on port 80, or let client_certificates.require be false",
            ),
            AcmeChallenge::Http01 if !has_plain => location.fault(
                "is asked over plain HTTP, and no listener is plain",
                "add [listener.http] with bind = \"0.0.0.0:80\", or write challenge = \"tls-alpn-01\"",
            ),
            AcmeChallenge::TlsAlpn01 | AcmeChallenge::Http01 => {}
        }
    }
    check_shared_names(file, settings);
}

fn requires_certificates(listener: &ListenerSettings) -> bool {
    listener.client_certificates.as_ref().is_some_and(|asked| asked.is_required)
}

/// The names of the hosts that these routes serve, as far as a certificate can be had for them.
fn names_of<'r>(routes: impl Iterator<Item = &'r RouteSettings>, location: &Location<'_>) -> Vec<String> {
    let (mut names, mut wildcards) = (Vec::new(), Vec::new());
    for host in routes.flat_map(|route| &route.hosts) {
        match host {
            // Addresses are nothing that a client says by SNI.
            HostPattern::Exact(host) if host.starts_with('[') || host.parse::<IpAddr>().is_ok() => {}
            HostPattern::Exact(host) => names.push(host.clone()),
            HostPattern::Wildcard(_) => wildcards.push(host.to_string()),
        }
    }
    names.sort();
    names.dedup();
    if let (Some(wildcard), false) = (wildcards.first(), names.is_empty()) {
        let problem = format!("gets no certificate for {wildcard}: a wildcard cannot be had by these challenges");
        location.warn(problem, "write the hosts that there are in `names`, or add a certificate file for it");
    }
    if names.is_empty() {
        let hint = "write them in `names`, such as names = [\"chat.example.com\"], or as `hosts` of the routes";
        match wildcards.first() {
            Some(wildcard) => location
                .fault(format!("has no names but {wildcard}, and a wildcard cannot be had by these challenges"), hint),
            None => location.fault("has no names: no route that is reachable here is for a host", hint),
        }
    }
    names
}

/// A name has one certificate, and so one directory that it is ordered from.
fn check_shared_names(file: &Section<'_>, settings: &Settings) {
    let mut ordered: BTreeMap<&str, (&ListenerName, &AcmeSettings)> = BTreeMap::new();
    for listener in settings.listeners.values() {
        let Some(acme) = listener.tls.as_ref().and_then(|tls| tls.acme.as_ref()) else { continue };
        let other = acme.names.iter().find_map(|name| {
            let (other, before) = ordered.get(name.as_str())?;
            (!before.is_ordered_alike(acme)).then_some((name, *other))
        });
        if let Some((name, other)) = other {
            file.location_of(&["listener", listener.name.as_str(), "tls", "acme"]).fault(
                format!("orders {name} otherwise than listener.{other} does"),
                "write the same in both, but for `names`",
            );
        }
        ordered.extend(acme.names.iter().map(|name| (name.as_str(), (&listener.name, acme))));
    }
}

/// Where there is no place for what must survive a restart, and what to do about it.
const NOWHERE: &str = "has nowhere to keep its certificates: state_folder is off";
const KEEP_SOMEWHERE: &str = "write storage = \"/var/lib/windlass/acme\" in it, or name a state_folder";
