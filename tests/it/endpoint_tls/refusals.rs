//! Endpoints that are refused: the client reads no more than that there is none, the log says why, and another one serves.

use std::net::SocketAddr;

use rcgen::date_time_ymd;
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::authority::write;
use super::endpoint::TlsEndpoint;
use crate::rig::log::{self, Lines};
use crate::rig::{Authority, Config, Endpoint, Handshake, Proxy};

/// An endpoint that is no good, in this way.
struct Case {
    /// Its name, which no other test has.
    name: &'static str,
    server: ServerConfig,
    /// The upstream's `tls`.
    tls: String,
    reason: &'static str,
    /// What the log says.
    said: String,
}

pub(crate) fn counted(proxy: &Proxy, reason: &str) -> u64 {
    use windlass::metrics::{Exposition, Gauges};
    let text = proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let series = format!("windlass_endpoint_tls_failures_total{{upstream=\"chat\",reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |count| count.parse().unwrap())
}

/// What the log says of the endpoint with this name.
pub(super) async fn said_of(lines: &mut Lines, name: &str) -> String {
    let is_it = |line: &serde_json::Value| line["endpoint"] == name && line.get("error").is_some();
    let all = lines.until(|lines| lines.iter().any(is_it)).await;
    all.iter().find(|line| is_it(line)).unwrap()["error"].as_str().unwrap().to_owned()
}

fn chat(endpoints: &[(&str, SocketAddr)], tls: &str) -> Config {
    Config::chat([]).named_endpoints("chat", endpoints.iter().copied()).with("upstream.chat.tls", tls)
}

fn cases(folder: &TempDir) -> Vec<Case> {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let ca = |keys: &str| format!("{{ ca = {ca:?}{keys} }}");
    let good = ours.issue(&["127.0.0.1"]);
    let expired = ours.issue_with(&["127.0.0.1"], |it| {
        (it.not_before, it.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    let early = ours.issue_with(&["127.0.0.1"], |it| it.not_before = date_time_ymd(2090, 1, 1));
    let elsewhere = ours.issue(&["a.test", "*.b.test", "192.0.2.9"]);
    let both = [&TLS12, &TLS13];
    let tls12 = [&TLS12];
    let mut h2 = good.serving(&both, None);
    h2.alpn_protocols = vec![b"h2".to_vec()];
    let case = |name, server, tls, reason, said: &str| Case { name, server, tls, reason, said: said.to_owned() };
    vec![
        case(
            "e-name",
            elsewhere.serving(&both, None),
            ca(""),
            "name",
            "its certificate is for a.test, *.b.test, 192.0.2.9 and not for 127.0.0.1: set `name`",
        ),
        case("e-expired", expired.serving(&both, None), ca(""), "validity", "its certificate has expired "),
        case("e-early", early.serving(&both, None), ca(""), "validity", "its certificate is not valid yet before "),
        case(
            "e-issuer",
            other.issue(&["127.0.0.1"]).serving(&both, None),
            ca(""),
            "issuer",
            "its certificate was issued by nobody that is believed",
        ),
        Case {
            name: "e-fingerprint",
            server: good.serving(&both, None),
            tls: format!("{{ fingerprints = [\"{}\"] }}", "00".repeat(32)),
            reason: "fingerprint",
            said: format!("its certificate has the fingerprint {}", good.fingerprint()),
        },
        case(
            "e-certificate",
            good.serving(&tls12, Some(&other)),
            ca(""),
            "client_certificate",
            "it wants a client certificate",
        ),
        case("e-protocol", h2, ca(""), "nothing_in_common", "it has no version, cipher suite or protocol in common"),
    ]
}

#[tokio::test]
async fn whoever_is_refused_is_left_for_the_next_with_the_reason_in_log_and_metric_alone() {
    let (mut lines, folder) = (log::lines(), tempfile::tempdir().unwrap());
    for Case { name, server, tls, reason, said } in cases(&folder) {
        let bad = TlsEndpoint::listen(server).await;
        let proxy = Proxy::serving(&chat(&[(name, bad.address())], &tls));
        let (mut upgrade, mut exchange) = (proxy.connect().await, proxy.connect().await);
        for (client, request) in [
            (&mut upgrade, Handshake::new().bytes()),
            (&mut exchange, b"GET / HTTP/1.1\r\nhost: chat.test\r\n\r\n".to_vec()),
        ] {
            client.send(request).await;
            assert!(bad.try_accept().await.is_err(), "{name} is good");
            let (head, body) = client.answer().await;
            assert_eq!(head.status(), 502, "{name}");
            for secret in ["certificate", "TLS", "tls", name] {
                assert!(!body.contains(secret) && !head.text.contains(secret), "{name}: {head:?} {body}");
            }
        }
        assert_eq!(counted(&proxy, reason), 2, "{name}");
        let line = said_of(&mut lines, name).await;
        assert!(line.starts_with("no TLS: ") && line.contains(&said), "{name}: {line}");
    }
}

#[tokio::test]
async fn another_endpoint_serves_who_was_meant_for_one_that_is_refused() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let bad = TlsEndpoint::listen(other.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    let good = TlsEndpoint::listen(ours.issue(&["127.0.0.1"]).serving(&[&TLS13], None)).await;
    let ca = write(folder.path(), "ca.pem", &ours.pem());
    let config = chat(&[("bad", bad.address()), ("good", good.address())], &format!("{{ ca = {ca:?} }}"))
        .with("upstream.chat.policy", "\"round_robin\"");
    let proxy = Proxy::serving(&config);
    let refused = tokio::spawn(async move { while bad.try_accept().await.is_err() {} });
    for _ in 0..4 {
        let (_client, _at_endpoint) = good.tunnel(&proxy).await;
    }
    refused.abort();
    assert!(counted(&proxy, "issuer") >= 1);
}

#[tokio::test]
async fn who_answers_in_plain_http_is_told_from_who_answers_nothing() {
    let mut lines = log::lines();
    let plain = Endpoint::listen().await;
    let proxy = Proxy::serving(&chat(&[("e-plain", plain.address())], "{ verify = false }"));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    plain.accept().await.send("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 502);
    assert!(said_of(&mut lines, "e-plain").await.contains("it answers in plain HTTP: write tls = \"off\""));
    assert_eq!(counted(&proxy, "no_tls"), 1);

    let closing = Endpoint::listen().await;
    let proxy = Proxy::serving(&chat(&[("e-closing", closing.address())], "{ verify = false }"));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let mut wire = closing.accept().await;
    wire.bytes(5).await;
    wire.stream.shutdown().await.unwrap();
    assert_eq!(client.answer().await.0.status(), 502);
    assert!(said_of(&mut lines, "e-closing").await.contains("it closed the connection in the middle"));
    assert_eq!(counted(&proxy, "ended"), 1);

    let silent = Endpoint::listen().await;
    let config = chat(&[("e-silent", silent.address())], "{ verify = false }");
    let proxy = Proxy::serving(&config.with("upstream.chat.connect_timeout", "\"200ms\""));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let _silent = silent.accept().await;
    assert_eq!(client.answer().await.0.status(), 504);
    assert!(said_of(&mut lines, "e-silent").await.contains("the TLS handshake was not over within connect_timeout"));
    assert_eq!(counted(&proxy, "timeout"), 1);
}

#[tokio::test]
async fn a_given_certificate_serves_whatever_else_it_says() {
    let (other, folder) = (Authority::new("other"), tempfile::tempdir().unwrap());
    let stale = other.issue_with(&["else.test"], |it| {
        (it.not_before, it.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    let endpoint = TlsEndpoint::listen(stale.serving(&[&TLS12, &TLS13], None)).await;
    let fingerprint = stale.fingerprint();
    let pinned = format!("{{ fingerprints = [\"{fingerprint}\"] }}");
    endpoint.tunnel(&Proxy::serving(&chat(&[("pinned", endpoint.address())], &pinned))).await;
    endpoint.tunnel(&Proxy::serving(&chat(&[("any", endpoint.address())], "{ verify = false }"))).await;

    // With an authority both must hold.
    let ca = write(folder.path(), "ca.pem", &other.pem());
    let both = format!("{{ ca = {ca:?}, fingerprints = [\"{fingerprint}\"] }}");
    let proxy = Proxy::serving(&chat(&[("both", endpoint.address())], &both));
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    assert!(endpoint.try_accept().await.is_err());
    assert_eq!(client.answer().await.0.status(), 502);
}
