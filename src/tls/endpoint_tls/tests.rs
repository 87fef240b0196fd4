//! What is believed of whom, against rustls' own server in memory.

use std::path::PathBuf;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConnection, Error, HandshakeKind, ServerConfig, ServerConnection};

use super::*;
use crate::config::{CertificateFiles, EndpointTlsSettings, NamedFile};
use crate::tls::WrongFingerprint;
use crate::tls::tests::{Folder, Issued};

fn settings() -> EndpointTlsSettings {
    EndpointTlsSettings {
        ca: None,
        name: None,
        certificate: None,
        fingerprints: Vec::new(),
        verify: true,
        location: Default::default(),
    }
}

fn file(path: PathBuf) -> Option<NamedFile> {
    Some(NamedFile { path, location: Default::default() })
}

fn tls(settings: &EndpointTlsSettings) -> EndpointTls {
    EndpointTls::new(EndpointCredentials::load(settings, None, None).unwrap())
}

fn fingerprint(issued: &Issued) -> [u8; 32] {
    let certificate = CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
    Fingerprint::of(&certificate).as_bytes().try_into().unwrap()
}

fn server(issued: &Issued) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_protocol_versions(&[&TLS13]).with_no_client_auth();
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

/// How the two shake hands, tickets included.
fn shake_hands(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    server: &Arc<ServerConfig>,
) -> Result<Option<HandshakeKind>, Error> {
    let mut client = ClientConnection::new(config, name)?;
    let mut server = ServerConnection::new(Arc::clone(server))?;
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(client.handshake_kind())
}

fn outcome(tls: &EndpointTls, address: &str, issued: &Issued) -> Result<Option<HandshakeKind>, Error> {
    let address = EndpointAddress::Name(address.into(), 443);
    shake_hands(tls.config(None), tls.name_of(&address).unwrap(), &server(issued))
}

#[test]
fn an_endpoint_is_believed_by_its_issuer_and_its_name() {
    let folder = Folder::new();
    let (good, other) = (Issued::named(&["app.test"]), Issued::named(&["app.test"]));
    let by_host = EndpointTlsSettings { ca: file(folder.write("ca.pem", &good.chain)), ..settings() };
    let by_name = EndpointTlsSettings { name: Some("app.test".into()), ..by_host.clone() };
    assert!(outcome(&tls(&by_host), "app.test", &good).is_ok());
    assert!(outcome(&tls(&by_name), "10-0-0-1.test", &good).is_ok());
    assert!(matches!(
        outcome(&tls(&by_host), "10-0-0-1.test", &good),
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))
    ));
    // The issuer has the same name and another key.
    assert_eq!(
        outcome(&tls(&by_host), "app.test", &other),
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    );
}

#[test]
fn an_endpoint_that_was_found_by_a_name_is_verified_by_it_unless_another_is_given() {
    let address = EndpointAddress::Socket("192.0.2.7:443".parse().unwrap());
    let name = |settings: &EndpointTlsSettings| {
        let credentials = EndpointCredentials::load(settings, Some("found.test"), None).unwrap();
        EndpointTls::new(credentials).name_of(&address).unwrap()
    };
    let unverified = EndpointTlsSettings { verify: false, ..settings() };
    assert_eq!(name(&unverified), ServerName::try_from("found.test").unwrap());
    let named = EndpointTlsSettings { name: Some("app.test".into()), ..unverified };
    assert_eq!(name(&named), ServerName::try_from("app.test").unwrap());
}

#[test]
fn an_address_is_verified_as_one() {
    let folder = Folder::new();
    let issued = Issued::named(&["192.0.2.7"]);
    let tls = tls(&EndpointTlsSettings { ca: file(folder.write("ca.pem", &issued.chain)), ..settings() });
    for (address, is_good) in [("192.0.2.7:443", true), ("192.0.2.8:443", false)] {
        let name = tls.name_of(&EndpointAddress::Socket(address.parse().unwrap())).unwrap();
        assert!(matches!(name, ServerName::IpAddress(_)));
        assert_eq!(shake_hands(tls.config(None), name, &server(&issued)).is_ok(), is_good, "{address}");
    }
}

#[test]
fn a_fingerprint_decides_alone_unless_there_is_an_issuer_too() {
    let folder = Folder::new();
    let (pinned, other) = (Issued::named(&["else.test"]), Issued::named(&["app.test"]));
    let alone = EndpointTlsSettings { fingerprints: vec![[7; 32], fingerprint(&pinned)], ..settings() };
    assert!(outcome(&tls(&alone), "app.test", &pinned).is_ok(), "neither issuer nor name");
    let Err(Error::InvalidCertificate(CertificateError::Other(wrong))) = outcome(&tls(&alone), "app.test", &other)
    else {
        panic!("it is another one");
    };
    let WrongFingerprint(shown) = wrong.0.downcast_ref().unwrap();
    assert_eq!(shown.as_bytes(), fingerprint(&other));

    let both = EndpointTlsSettings { ca: file(folder.write("ca.pem", &pinned.chain)), ..alone };
    assert!(outcome(&tls(&both), "else.test", &pinned).is_ok());
    assert!(outcome(&tls(&both), "app.test", &pinned).is_err(), "the name counts, too");
    assert!(outcome(&tls(&both), "app.test", &other).is_err());
}

#[test]
fn nothing_is_asked_of_a_certificate_that_is_not_verified() {
    let unverified = EndpointTlsSettings { verify: false, ..settings() };
    assert!(outcome(&tls(&unverified), "app.test", &Issued::named(&["else.test"])).is_ok());
}

#[test]
fn sessions_are_each_endpoints_own_and_end_with_the_rules() {
    let (one, other) = (TlsSessions::default(), TlsSessions::default());
    let unverified = EndpointTlsSettings { verify: false, ..settings() };
    let (rules, later) = (tls(&unverified), tls(&unverified));
    let server = server(&Issued::named(&["app.test"]));
    let name = ServerName::try_from("app.test").unwrap();
    let kind = |rules: &EndpointTls, sessions: &TlsSessions| {
        shake_hands(rules.config(Some(sessions)), name.clone(), &server).unwrap().unwrap()
    };
    assert_eq!(kind(&rules, &one), HandshakeKind::Full);
    assert_eq!(kind(&rules, &one), HandshakeKind::Resumed);
    assert_eq!(kind(&rules, &other), HandshakeKind::Full);
    assert_eq!(kind(&later, &one), HandshakeKind::Full);
    assert_eq!(kind(&later, &one), HandshakeKind::Resumed);
}

#[test]
fn every_fault_is_found_at_once() {
    let folder = Folder::new();
    let ca = file(folder.write("ca.pem", ""));
    let certificate = Some(CertificateFiles::new(folder.path("no.pem"), folder.path("no.key")));
    let errors =
        EndpointCredentials::load(&EndpointTlsSettings { ca, certificate, ..settings() }, None, None).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.file_name().unwrap().to_owned()).collect();
    assert_eq!(paths, ["no.pem", "no.key", "ca.pem"]);
}
