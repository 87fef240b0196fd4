//! The admin listener at a loopback address.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::operate::operator::text;
use crate::operate::two_endpoints;
use crate::rig::{Program, within};

/// The status and the body of the answer.
pub(super) async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

pub(super) async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn over_tcp_there_is_only_reading_and_nothing_for_pages() {
    let admin = free_port().await;
    let windlass = Program::start(&two_endpoints().await.replace("ADMIN", &admin.to_string())).await;
    let host = format!("Host: {admin}\r\nConnection: close\r\n\r\n");
    let client = windlass.client("somebody").await.unwrap();

    for path in ["/live", "/ready", "/status", "/metrics"] {
        assert_eq!(ask(admin, &format!("GET {path} HTTP/1.1\r\n{host}")).await.0, 200, "{path}");
    }
    let (_, metrics) = ask(admin, &format!("GET /metrics HTTP/1.1\r\n{host}")).await;
    let line = format!("windlass_tunnels_open{{route=\"chat\",upstream=\"chat\",endpoint=\"{}\"}} 1", client.endpoint);
    assert!(metrics.contains(&line), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    let asked =
        format!("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n{host}");
    let (_, metrics) = ask(admin, &asked).await;
    assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{metrics}");
    assert!(metrics.contains(&line) && metrics.ends_with("# EOF\n"), "{metrics}");

    assert_eq!(ask(admin, &format!("POST /reload HTTP/1.1\r\nContent-Length: 0\r\n{host}")).await.0, 403);
    assert_eq!(ask(admin, &format!("GET /status HTTP/1.1\r\nOrigin: http://x.example\r\n{host}")).await.0, 403);
    let rebound = "GET /status HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(admin, rebound).await.0, 403);
    assert_eq!(ask(admin, &format!("GET /other HTTP/1.1\r\n{host}")).await.0, 404);

    let (status, said) = ask(admin, &format!("HEAD /reload HTTP/1.1\r\n{host}")).await;
    assert!(status == 405 && said.contains("allow: POST"), "{said}");
    let (_, said) = ask(admin, &format!("GET /reload HTTP/1.1\r\n{host}")).await;
    assert!(said.contains("/reload is not for GET; ask with POST"), "{said}");

    let reload = windlass.ask(&["reload"]).await;
    assert_eq!(reload.status.code(), Some(1));
    assert!(text(&reload).contains("unix socket"), "{}", text(&reload));
}

#[tokio::test]
async fn connections_that_rest_keep_nobody_out() {
    let admin = free_port().await;
    let windlass = Program::start(&two_endpoints().await.replace("ADMIN", &admin.to_string())).await;
    let mut resting = Vec::new();
    for said in ["", "GET /live HT"].repeat(100) {
        let mut connection = TcpStream::connect(admin).await.unwrap();
        connection.write_all(said.as_bytes()).await.unwrap();
        resting.push(connection);
    }

    let request = format!("GET /live HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    let (status, said) = tokio::time::timeout(RESTED, ask(admin, &request)).await.expect("nobody waits for their rest");

    assert_eq!(status, 200, "{said}");
    drop((resting, windlass));
}

/// A connection may rest for longer than this.
const RESTED: Duration = Duration::from_secs(9);
