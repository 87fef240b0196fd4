//! Several admin listeners, each with rules of its own.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Authority, Folder, Program, trusting, within};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

/// An answer: its status, and all of it.
struct Answer(u16, String);

impl Answer {
    fn body(&self) -> Value {
        let body = self.1.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{}", self.1))
    }
}

async fn ask_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, line: &str, host: &str, more: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within("an answer", stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    Answer(answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

async fn ask(address: SocketAddr, line: &str, more: &str) -> Answer {
    ask_over(TcpStream::connect(address).await.unwrap(), line, &address.to_string(), more).await
}

fn showing(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Writes what only its owner may read.
fn write_token(folder: &Folder, token: &str) {
    fs::set_permissions(folder.write("admin.token", token), Permissions::from_mode(0o600)).unwrap();
}

/// A process with these listeners besides its unix socket; the token is in `admin.token`.
async fn listening(more: &str) -> (Program, Folder) {
    let unix = "[[admin.listen]]\naddress = \"ADMIN\"\n";
    let config = two_endpoints().await.replace("[admin]\nlisten = \"ADMIN\"\n", &format!("{unix}{more}"));
    let folder = Folder::new(&config);
    write_token(&folder, &format!("{TOKEN}\n"));
    let windlass = Program::start_in(&folder).ready().await;
    (windlass, folder)
}

#[tokio::test]
async fn each_listener_has_rules_of_its_own() {
    let (locked, open, read_only) = (free_port().await, free_port().await, free_port().await);
    let more = format!(
        "[[admin.listen]]\naddress = \"{locked}\"\ntoken = \"admin.token\"\nhosts = [\"admin.test\"]\n\
         [[admin.listen]]\naddress = \"{open}\"\n\
         [[admin.listen]]\naddress = \"{read_only}\"\ntoken = \"admin.token\"\nread_only = true\n"
    );
    let (windlass, folder) = listening(&more).await;

    // Probes are asked for nothing, also by a name.
    for address in [locked, open, read_only] {
        assert_eq!(ask(address, "GET /live", "").await.0, 200);
        let stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(ask_over(stream, "GET /ready", "any.name", "").await.0, 200);
    }
    for address in [locked, read_only] {
        for path in ["/status", "/metrics", "/tunnels", "/nowhere"] {
            let answer = ask(address, &format!("GET {path}"), "").await;
            assert!(answer.0 == 401 && answer.1.contains("www-authenticate: Bearer"), "{path}: {}", answer.1);
            assert!(answer.1.contains("content-type: application/problem+json"), "{}", answer.1);
            assert_eq!(answer.body()["type"], "urn:windlass:problem:unauthorized");
        }
        assert_eq!(ask(address, "GET /status", &showing(OTHER)).await.0, 401);
        assert_eq!(ask(address, "GET /status", &showing(TOKEN)).await.0, 200);
    }
    assert_eq!(ask(open, "GET /status", "").await.0, 200);

    let reloads = [(locked, 200), (open, 403), (read_only, 403)];
    for (address, status) in reloads {
        let answer = ask(address, "POST /reload", &showing(TOKEN)).await;
        assert_eq!(answer.0, status, "{}", answer.1);
        let rights = ask(address, "GET /rights", &showing(TOKEN)).await.body();
        assert_eq!(rights["may_steer"], status == 200, "{rights}");
    }
    let claim = "GET /tunnels?claim=sub%3Dada";
    assert_eq!(ask(locked, claim, &showing(TOKEN)).await.0, 200);
    for address in [open, read_only] {
        assert_eq!(ask(address, "GET /tunnels", &showing(TOKEN)).await.0, 200);
        assert_eq!(ask(address, claim, &showing(TOKEN)).await.0, 403, "what tokens say is not for who only looks");
    }
    let unknown = ask(open, "GET /tunnels?route=chta", "").await;
    assert!(unknown.0 == 404 && unknown.body()["detail"].to_string().contains("there is chat"), "{}", unknown.1);
    // A page of another site, a name of a stranger's; and the listener's own page.
    let page = |origin: &str| format!("{}Origin: {origin}\r\n", showing(TOKEN));
    assert_eq!(ask(locked, "POST /reload", &page("http://evil.example")).await.0, 403);
    assert_eq!(ask(open, "GET /status", &page("http://evil.example")).await.0, 403);
    assert_eq!(ask(open, "GET /events", "Sec-Fetch-Site: cross-site\r\n").await.0, 403);
    assert_eq!(ask(locked, "POST /reload", &page(&format!("http://{locked}"))).await.0, 200);
    for (host, status) in [("rebound.example", 403), ("admin.test", 200), ("localhost", 403)] {
        let stream = TcpStream::connect(locked).await.unwrap();
        assert_eq!(ask_over(stream, "GET /status", host, &showing(TOKEN)).await.0, status, "{host}");
    }

    // The commands.
    let token = folder.path("admin.token").display().to_string();
    let shown = windlass.ask(&["status", "--admin", &locked.to_string(), "--token-file", &token]).await;
    assert!(shown.status.success(), "{}", text(&shown));
    let by_file = windlass.ask(&["status", "--admin", &locked.to_string()]).await;
    assert!(by_file.status.success(), "the file names the token of that address: {}", text(&by_file));
    let elsewhere = format!("localhost:{}", locked.port());
    let unshown = windlass.ask(&["status", "--admin", &elsewhere]).await;
    assert!(!unshown.status.success(), "{}", text(&unshown));
    assert!(!folder.log().contains(TOKEN), "no line tells the token");

    let guesses = async || ask(locked, "GET /status", &showing(OTHER)).await.0;
    let mut heard = Vec::new();
    for _ in 0..30 {
        heard.push(guesses().await);
    }
    assert!(heard.contains(&401) && heard.contains(&429), "{heard:?}");
    assert!(windlass.ask(&["status"]).await.status.success(), "nobody keeps the socket's user out");
}

#[tokio::test]
async fn a_token_that_a_reload_reads_anew_ends_what_the_old_one_opened() {
    let locked = free_port().await;
    let more = format!("[[admin.listen]]\naddress = \"{locked}\"\ntoken = \"admin.token\"\n");
    let (windlass, folder) = listening(&more).await;
    let mut kept = TcpStream::connect(locked).await.unwrap();
    let request = format!("GET /status HTTP/1.1\r\nHost: {locked}\r\n{}\r\n", showing(TOKEN));
    kept.write_all(request.as_bytes()).await.unwrap();
    kept.read_exact(&mut [0; 12]).await.unwrap();

    write_token(&folder, OTHER);
    let reload = windlass.ask(&["reload"]).await;
    assert!(text(&reload).contains("a file holds another token"), "{}", text(&reload));
    let mut rest = Vec::new();
    within("the end of a connection under the old token", kept.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(ask(locked, "GET /status", &showing(TOKEN)).await.0, 401);
    assert_eq!(ask(locked, "GET /status", &showing(OTHER)).await.0, 200);

    write_token(&folder, "short");
    let refused = windlass.ask(&["reload"]).await;
    assert!(text(&refused).contains("has fewer than 16 bytes"), "{}", text(&refused));
    assert_eq!(ask(locked, "GET /status", &showing(OTHER)).await.0, 200);
    write_token(&folder, OTHER);
    fs::set_permissions(folder.path("admin.token"), Permissions::from_mode(0o644)).unwrap();
    let refused = windlass.ask(&["reload"]).await;
    assert!(text(&refused).contains("is open to every user of this machine (mode 0644)"), "{}", text(&refused));
    write_token(&folder, OTHER);
    assert!(text(&windlass.ask(&["reload"]).await).contains("nothing has changed"));
}

#[tokio::test]
async fn a_reload_opens_and_closes_them_and_a_handoff_passes_them_all_on() {
    let (stays, goes, comes) = (free_port().await, free_port().await, free_port().await);
    let one = |address: SocketAddr| format!("[[admin.listen]]\naddress = \"{address}\"\n");
    let (windlass, folder) = listening(&(one(stays) + &one(goes))).await;
    let config = fs::read_to_string(folder.config()).unwrap();
    let mut kept = TcpStream::connect(stays).await.unwrap();
    let request = format!("GET /status HTTP/1.1\r\nHost: {stays}\r\n\r\n");
    kept.write_all(request.as_bytes()).await.unwrap();

    folder.configure(&config.replace(&one(goes), &one(comes)));
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(ask(comes, "GET /live", "").await.0, 200);
    assert!(TcpStream::connect(goes).await.is_err());
    // Another one's change is no business of this connection.
    kept.write_all(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answers = String::new();
    within("two answers", kept.read_to_string(&mut answers)).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");

    let _successor = windlass.hand_off().await;
    let pid = windlass.status().await["pid"].clone();
    assert_ne!(pid, windlass.id());
    for address in [stays, comes] {
        assert_eq!(ask(address, "GET /status", "").await.body()["pid"], pid);
    }
}

#[tokio::test]
async fn a_client_certificate_lets_in_as_a_token_does() {
    let address = free_port().await;
    let authority = Authority::new("operators");
    let issue = |name: &str| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        authority.sign(params)
    };
    let unix = "[[admin.listen]]\naddress = \"ADMIN\"\n";
    let locked = format!(
        "{unix}[[admin.listen]]\naddress = \"{address}\"\nchain = \"admin.pem\"\nkey = \"admin.key\"\n\
         client_ca = \"operators.pem\"\nhosts = [\"admin.test\"]\n"
    );
    let folder = Folder::new(&two_endpoints().await.replace("[admin]\nlisten = \"ADMIN\"\n", &locked));
    let (own, own_key) = issue("admin.test");
    folder.write("admin.pem", &own.pem());
    folder.write("admin.key", &own_key.serialize_pem());
    folder.write("operators.pem", &authority.pem());
    let _windlass = Program::start_in(&folder).ready().await;

    let trusting = trusting([authority.der().clone()], &[&TLS13]);
    let (shown, key) = issue("ada");
    let resolver = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates({
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            roots
        })
        .with_client_auth_cert(vec![shown.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let connect = async |config: &rustls::ClientConfig| {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("admin.test").unwrap();
        TlsConnector::from(Arc::new(config.clone())).connect(name, stream).await.unwrap()
    };
    let ask =
        async |config: &rustls::ClientConfig, line: &str| ask_over(connect(config).await, line, "admin.test", "").await;

    assert_eq!(ask(&trusting, "GET /live").await.0, 200);
    let refused = ask(&trusting, "GET /status").await;
    assert!(refused.0 == 403 && refused.1.contains("client certificate"), "{}", refused.1);
    assert_eq!(ask(&resolver, "GET /status").await.0, 200);
    assert_eq!(ask(&resolver, "POST /reload").await.0, 200);
    folder.until_logged(&["\"operator\"", "certificate", "CN=ada", "/reload"]).await;
}
