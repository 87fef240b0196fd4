//! Metrics of the certificates of listeners. (Of those that are ordered: tests/e2e/python/test_acme.py.)

use crate::metrics::scraped::Scraped;
use crate::rig::{Config, Endpoint, Folder, Program};
use crate::tls_proxy::Certificates;

/// The beginning of these years, in seconds since 1970.
const IN_2020: f64 = 1_577_836_800.0;
const IN_2090: f64 = 3_786_912_000.0;
const IN_2100: f64 = 4_102_444_800.0;

#[tokio::test]
async fn metrics_of_certificates_tell_when_they_end_and_of_listeners_where_one_has() {
    const FIRST: &str = r#"windlass_certificate_not_after_seconds{listener="public"}"#;
    let each = |name: &str| format!("windlass_certificate_expiry_seconds{{listener=\"public\",name=\"{name}\"}}");
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    certificates.issue_until("chat", "chat.test", 2100);
    certificates.issue_until("games", "games.test", 2090);
    let config = certificates
        .before(&endpoint, &["chat", "games"])
        .with("listener.plain.bind", "\"127.0.0.1:0\"")
        .with("admin.listen", "\"ADMIN\"");
    let windlass = Program::serving(&config).await;
    let scraped = Scraped::of(&windlass).await;
    assert_eq!([scraped.at(&each("chat.test")), scraped.at(&each("games.test"))], [IN_2100, IN_2090]);
    assert_eq!((scraped.at(FIRST), scraped.at("windlass_certificates_expired")), (IN_2090, 0.0));
    let without = r#"windlass_certificate_not_after_seconds{listener="plain"}"#;
    assert_eq!(scraped.find(without), None, "a listener without TLS has none");

    let reloads = async |config: &Config| {
        windlass.write(config);
        assert!(windlass.ask(&["reload"]).await.status.success());
        Scraped::of(&windlass).await
    };
    certificates.issue_until("chat", "chat.test", 2020);
    let scraped = reloads(&config).await;
    assert_eq!([scraped.at(&each("chat.test")), scraped.at(&each("games.test"))], [IN_2020, IN_2090]);
    assert_eq!((scraped.at(FIRST), scraped.at("windlass_certificates_expired")), (IN_2020, 1.0));

    certificates.issue_until("chat", "chat.test", 2100);
    let scraped = reloads(&config).await;
    assert_eq!((scraped.at(FIRST), scraped.at("windlass_certificates_expired")), (IN_2090, 0.0));
}

#[tokio::test]
async fn a_certificate_for_operators_that_has_ended_is_told_as_of_any_listener() {
    let (certificates, endpoint) = (Certificates::none(), Endpoint::listen().await);
    certificates.issue_until("admin", "admin.test", 2020);
    let (chain, key) = (certificates.file("admin.pem"), certificates.file("admin.key"));
    let operators = format!(
        "[{{ address = \"ADMIN\" }}, {{ address = \"127.0.0.1:0\", read_only = true, chain = {chain:?}, key = {key:?} }}]"
    );
    let config = Config::chat([endpoint.address()]).with("admin.listen", &operators);
    let mut windlass = Program::start_in(&Folder::new(&config.text()));
    windlass.logs("admin.pem: the certificate has expired").await;
    let windlass = windlass.ready().await;
    let scraped = Scraped::of(&windlass).await;
    let ends = r#"windlass_certificate_expiry_seconds{listener="admin/127.0.0.1:0",name="admin.test"}"#;
    assert_eq!((scraped.at(ends), scraped.at("windlass_certificates_expired")), (IN_2020, 1.0));
}
