//! `tls` of `[upstream.NAME]`.

use toml::de::DeValue;

use super::listener::certificate;
use crate::config::endpoint_syntax::{FINGERPRINT, TLS_NAME};
use crate::config::lists::list;
use crate::config::not_compared::NotCompared;
use crate::config::read::{flag, named_file, text};
use crate::config::schema::{ENDPOINT_CERTIFICATE, ENDPOINT_TLS};
use crate::config::settings::{CertificateFiles, EndpointTlsSettings, NamedFile};
use crate::config::tree::{Section, SpannedValue};

/// `true`, `false` or a table.
pub(super) fn endpoint_tls(item: &SpannedValue<'_>) -> Option<Option<EndpointTlsSettings>> {
    match item.value() {
        DeValue::Boolean(true) => Some(Some(EndpointTlsSettings {
            ca: None,
            name: None,
            certificate: None,
            fingerprints: Vec::new(),
            verify: true,
            location: NotCompared(item.location().source()),
        })),
        DeValue::Boolean(false) => Some(None),
        DeValue::Table(_) => table(&item.section(&ENDPOINT_TLS)?).map(Some),
        _ => {
            let hint = "write tls = true, or a table such as tls = { ca = \"internal.pem\" }";
            item.fault(format!("must be true, \"off\" or a table, not {}", item.type_name()), hint);
            None
        }
    }
}

fn table(section: &Section<'_>) -> Option<EndpointTlsSettings> {
    let ca = section.try_read("ca", ca, None);
    let name = section.try_read("name", |item| text(TLS_NAME)(item).map(Some), None);
    let certificate = section.try_read("certificate", shown, None);
    let fingerprints = section.try_read("fingerprints", list(text(FINGERPRINT), FINGERPRINTS), Vec::new());
    let verify = section.try_read("verify", flag, true);
    if verify == Some(false) {
        check_unverified(section);
    }
    Some(EndpointTlsSettings {
        ca: ca?,
        name: name?,
        certificate: certificate?,
        fingerprints: fingerprints?,
        verify: verify?,
        location: NotCompared(section.location().source()),
    })
}

fn check_unverified(section: &Section<'_>) {
    for key in ["ca", "fingerprints"] {
        if let Some(item) = section.item(key) {
            item.fault("is never looked at with verify = false", "remove one of the two, better `verify`");
        }
    }
    section.item("verify").iter().for_each(|item| {
        item.location().warn(
            "endpoints are not verified: whoever is between us and them can read and change everything",
            "name their issuer in `ca`, or their certificates in `fingerprints`",
        );
    });
}

fn ca(item: &SpannedValue<'_>) -> Option<Option<NamedFile>> {
    let ca = named_file(item)?;
    item.location().report().note_named(|named| named.authorities.push(ca.clone()));
    Some(Some(ca))
}

fn shown(item: &SpannedValue<'_>) -> Option<Option<CertificateFiles>> {
    certificate(&item.section(&ENDPOINT_CERTIFICATE)?).map(Some)
}

const FINGERPRINTS: &str = "[\"SHA-256 in hexadecimal, as `openssl x509 -noout -fingerprint -sha256` says it\"]";
