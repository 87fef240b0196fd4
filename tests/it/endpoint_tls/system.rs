//! Whom the system believes, and what of that cannot be read.

use rustls::version::TLS13;

use super::authority::write;
use super::endpoint::TlsEndpoint;
use crate::rig::{Authority, Config, Folder, Handshake, PROGRAM, Program, output};

fn believing(endpoint: &TlsEndpoint) -> String {
    let config = Config::chat([]).with("upstream.chat.endpoints", &endpoint.at_localhost());
    config.with("upstream.chat.tls", "true").with("admin.listen", "\"off\"").text()
}

#[tokio::test]
async fn an_endpoint_is_verified_by_whom_the_system_believes() {
    let (ours, other, folder) = (Authority::new("ours"), Authority::new("other"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["localhost"]).serving(&[&TLS13], None)).await;
    for (issuer, is_good) in [(&ours, true), (&other, false)] {
        let believed = write(folder.path(), "believed.pem", &issuer.pem());
        let files = Folder::new(&believing(&endpoint));
        let mut command = files.command(PROGRAM, &[]);
        command.env("SSL_CERT_FILE", &believed).env_remove("SSL_CERT_DIR");
        let program = Program::spawn(&files, command).ready().await;
        let mut client = program.connect().await;
        client.send(Handshake::new().bytes()).await;
        if is_good {
            let _at_endpoint = endpoint.grant().await;
            assert_eq!(client.head().await.status(), 101);
        } else {
            assert!(endpoint.try_accept().await.is_err());
            assert_eq!(client.answer().await.0.status(), 502);
        }
    }
}

#[tokio::test]
async fn nobody_to_believe_is_a_problem_and_something_that_cannot_be_read_a_warning() {
    let (ours, folder) = (Authority::new("ours"), tempfile::tempdir().unwrap());
    let endpoint = TlsEndpoint::listen(ours.issue(&["localhost"]).serving(&[&TLS13], None)).await;
    let files = Folder::new(&believing(&endpoint));
    let check = |believed: &str| {
        let mut command = crate::rig::command(PROGRAM);
        command.args(["check", "-c"]).arg(files.config()).env("SSL_CERT_FILE", believed).env_remove("SSL_CERT_DIR");
        command
    };
    let nobody = output(&mut check("/nonexistent")).await;
    let said = format!("{}{}", String::from_utf8_lossy(&nobody.stdout), String::from_utf8_lossy(&nobody.stderr));
    assert!(!nobody.status.success() && said.contains("upstream.chat.tls"), "{said}");
    assert!(said.contains("the system has no certificates of issuers that it believes"), "{said}");

    let broken = format!("{}-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", ours.pem());
    let some = output(&mut check(write(folder.path(), "some.pem", &broken).to_str().unwrap())).await;
    let said = format!("{}{}", String::from_utf8_lossy(&some.stdout), String::from_utf8_lossy(&some.stderr));
    assert!(some.status.success() && said.contains("with 1 warning"), "{said}");
    assert!(said.contains("of the certificates that the system believes, some cannot be read"), "{said}");
}
