//! Certificates that clients are asked for.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures_util::future::select;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::authority::Shown;
use super::handshakes::count;
use super::site::{Certificates, Client};
use crate::rig::{Authority, Config, Endpoint, Handshake, Proxy, Wire, until, within};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Endpoints behind a listener that asks for certificates.
struct Site {
    certificates: Certificates,
    pem: String,
    endpoints: [Endpoint; 2],
}

impl Site {
    async fn open() -> Self {
        let certificates = Certificates::none();
        let pem = certificates.issue("site", "chat.test", &PKCS_ECDSA_P256_SHA256);
        Self { certificates, pem, endpoints: [Endpoint::listen().await, Endpoint::listen().await] }
    }

    /// A configuration that asks for certificates of these authorities.
    fn asking(&self, authorities: &[&Authority], require: bool) -> Config {
        let pems: String = authorities.iter().map(|authority| authority.pem()).collect();
        let ca = self.certificates.write("clients.pem", &pems);
        Config::chat(self.endpoints.each_ref().map(Endpoint::address))
            .with("listener.public.tls", &self.certificates.tls(&["site"]))
            .with("listener.public.client_certificates", &format!("{{ ca = {ca:?}, require = {require} }}"))
            .with("upstream.chat.sticky_on", "[\"client_certificate\"]")
    }

    /// A client that shows this, if anything.
    fn client(&self, version: &'static SupportedProtocolVersion, shown: Option<&Shown>) -> Client {
        let client = Client::speaking([&self.pem], &[version], &[b"http/1.1"]);
        match shown {
            Some(shown) => client.showing(shown),
            None => client,
        }
    }

    /// Opens a tunnel: where it is placed, how the handshake went, and its two ends.
    async fn place(
        &self,
        proxy: &Proxy,
        client: &Client,
    ) -> (usize, HandshakeKind, (Wire<TlsStream<TcpStream>>, Wire)) {
        let stream = client.connect(proxy.address("public"), "chat.test").await.unwrap();
        let kind = stream.get_ref().1.handshake_kind().unwrap();
        let mut wire: Wire<TlsStream<TcpStream>> = Wire::new(stream);
        wire.send(Handshake::new().bytes()).await;
        let [a, b] = self.endpoints.each_ref().map(|endpoint| Box::pin(endpoint.grant()));
        let (at, tunnel) = match select(a, b).await {
            futures_util::future::Either::Left((tunnel, _)) => (0, tunnel),
            futures_util::future::Either::Right((tunnel, _)) => (1, tunnel),
        };
        assert_eq!(wire.head().await.status(), 101);
        (at, kind, (wire, tunnel))
    }
}

/// Why a client is not served. Under TLS 1.3 it takes the handshake for finished before it is.
async fn refusal(client: &Client, address: SocketAddr) -> String {
    let mut stream = match client.connect(address, "chat.test").await {
        Ok(stream) => stream,
        Err(error) => return error.to_string(),
    };
    let served = within("the end of the connection", async {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n").await?;
        stream.read(&mut [0; 100]).await
    });
    served.await.unwrap_err().to_string()
}

#[tokio::test]
async fn who_shows_a_certificate_of_the_authority_is_served_and_nobody_else() {
    let (site, ours, other) = (Site::open().await, Authority::new("ours"), Authority::new("other"));
    let proxy = Proxy::serving(&site.asking(&[&ours], true));
    let (good, stranger) = (ours.issue_to_client("phone"), other.issue_to_client("phone"));
    for version in VERSIONS {
        site.place(&proxy, &site.client(version, Some(&good))).await;

        let refused = |shown| {
            let client = site.client(version, shown);
            let address = proxy.address("public");
            async move { refusal(&client, address).await }
        };
        let (unknown, none) = (refused(Some(&stranger)).await, refused(None).await);
        assert!(unknown.contains("UnknownCA"), "{version:?}: {unknown}");
        assert!(none.contains("alert"), "{version:?}: {none}");
    }
    until("all four are counted", || count(&proxy, "client_certificate") == 4).await;
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_required_has_to_be_good_where_it_is_shown() {
    let (site, ours, other) = (Site::open().await, Authority::new("ours"), Authority::new("other"));
    let proxy = Proxy::serving(&site.asking(&[&ours], false));
    let (good, stranger) = (ours.issue_to_client("phone"), other.issue_to_client("phone"));
    for version in VERSIONS {
        site.place(&proxy, &site.client(version, Some(&good))).await;
        site.place(&proxy, &site.client(version, None)).await;

        let unknown = refusal(&site.client(version, Some(&stranger)), proxy.address("public")).await;
        assert!(unknown.contains("UnknownCA"), "{version:?}: {unknown}");
    }
}

#[tokio::test]
async fn clients_are_placed_by_the_certificate_that_they_have_shown_when_they_resume_too() {
    let (site, ours) = (Site::open().await, Authority::new("ours"));
    let proxy = Proxy::serving(&site.asking(&[&ours], true));
    for version in VERSIONS {
        let (mut open, mut found) = (Vec::new(), BTreeSet::new());
        // Each draws one of two: that they all draw the same happens once in eight million times.
        for number in 0..24 {
            let client = site.client(version, Some(&ours.issue_to_client(&format!("phone-{number}"))));
            for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
                let (at, kind, tunnel) = site.place(&proxy, &client).await;
                assert_eq!(kind, expected);
                open.push(tunnel);
                found.insert((number, at));
            }
        }
        let used: BTreeSet<_> = found.iter().map(|(_, at)| at).collect();
        assert_eq!((found.len(), used.len()), (24, 2), "{version:?}: {found:?}");
    }
}

#[tokio::test]
async fn nobody_resumes_past_an_authority_that_has_changed() {
    let (site, ours, other) = (Site::open().await, Authority::new("ours"), Authority::new("other"));
    for version in VERSIONS {
        let mut proxy = Proxy::serving(&site.asking(&[&ours], true));
        let client = site.client(version, Some(&ours.issue_to_client("phone")));
        let mut open = Vec::new();
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (_, kind, tunnel) = site.place(&proxy, &client).await;
            open.push(tunnel);
            assert_eq!(kind, expected);
        }
        for (authorities, require) in [(&[&ours, &other][..], true), (&[&ours, &other], false), (&[&ours], true)] {
            let reloaded = proxy.reload(&site.asking(authorities, require)).unwrap();
            assert_eq!((reloaded.draining, reloaded.diff.changes.len()), (0, 1));
            for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
                assert_eq!(site.place(&proxy, &client).await.1, expected, "{version:?} {require}");
            }
        }
        // In another order it is the same.
        proxy.reload(&site.asking(&[&ours, &other], true)).unwrap();
        site.place(&proxy, &client).await;
        assert!(proxy.reload(&site.asking(&[&other, &ours], true)).unwrap().diff.changes.is_empty());

        proxy.reload(&site.asking(&[&other], true)).unwrap();

        let unknown = refusal(&client, proxy.address("public")).await;
        assert!(unknown.contains("UnknownCA"), "{version:?}: {unknown}");
        until("only what is held is open", || proxy.open() == open.len()).await;
    }
}

#[tokio::test]
async fn an_authority_that_cannot_be_used_is_refused_and_changes_nothing() {
    let (site, ours) = (Site::open().await, Authority::new("ours"));
    let config = site.asking(&[&ours], true);
    let mut proxy = Proxy::serving(&config);
    let key = ours.issue_to_client("phone").key_pem();
    for (text, said) in [("", "holds no certificate"), (key.as_str(), "holds a private key, but no certificate")] {
        site.certificates.write("clients.pem", text);
        let refused = proxy.reload(&config).unwrap_err().to_string();
        assert!(refused.contains("listener.public.client_certificates.ca: "), "{refused}");
        assert!(refused.contains(&format!("clients.pem: {said}")), "{refused}");
    }
    let client = site.client(&TLS13, Some(&ours.issue_to_client("phone")));
    site.place(&proxy, &client).await;
}
