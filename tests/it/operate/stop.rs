//! SIGTERM: not ready, then refusals, then the drain.

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass::admin::{Client, ReloadAnswer, Status};
use windlass::config::AdminListen;

use crate::operate::two_endpoints;
use crate::rig::{Program, until_async, within};

#[tokio::test]
async fn readiness_fails_first_and_refusals_follow() {
    let config = two_endpoints().await.replace("[drain.stop]", "[drain.stop]\ndelay = \"2s\"");
    let mut windlass = Program::start(&config).await;
    let address = windlass.public().await;
    let admin = Client::new(AdminListen::Unix(windlass.folder().socket()));
    let phase = async || admin.get::<Status>("/status").await.unwrap().value.phase;
    let old = windlass.client("old").await.unwrap();

    windlass.signal(Signal::TERM);
    until_async("the delay", async || phase().await == "leaving").await;
    assert!(admin.get::<String>("/ready").await.unwrap_err().to_string().contains("leaving"));
    let refused = admin.post::<ReloadAnswer>("/reload", &()).await.unwrap_err().to_string();
    assert!(refused.contains("is stopping") && !refused.contains("ask again"), "{refused}");
    let mut late = crate::operate::peers::Client::connect(address, "late").await.unwrap();
    late.assert_open().await;

    until_async("the drain", async || phase().await == "draining").await;
    match crate::operate::peers::Client::connect(address, "too_late").await {
        Err(tungstenite::Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            let retry_after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=5).contains(&retry_after));
        }
        other => panic!("{:?}", other.map(|client| client.endpoint)),
    }
    for client in [old, late] {
        assert_eq!(client.closed().await, (1012, "service restart".into()));
    }
    let socket = windlass.folder().socket();
    assert!(windlass.exit().await.success());
    assert!(!socket.exists(), "the socket file goes with the process");
}

#[tokio::test]
async fn events_of_a_server_end_like_tunnels_and_in_good_order() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = two_endpoints().await;
    let endpoint = config.split("address = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let events = server.local_addr().unwrap().to_string();
    let config = config
        .replace(&format!("{endpoint}\""), &format!("{events}\""))
        .replace("deadline = \"2s\"", "deadline = \"30s\"");
    let mut windlass = Program::start(&config).await;
    assert!(windlass.ask(&["drain", "endpoint/chat/b", "--detach"]).await.status.success());
    tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).await.unwrap();
        // Silent until windlass is gone.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });

    let mut client = TcpStream::connect(windlass.public().await).await.unwrap();
    client.write_all(b"GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"data: 1\n\n\r\n") {
        assert_ne!(client.read_buf(&mut read).await.unwrap(), 0, "{}", String::from_utf8_lossy(&read));
    }
    windlass.signal(Signal::TERM);
    // The spread is a second, the deadline half a minute: only what ends by its own turn is here in time.
    within("the end of the events", client.read_to_end(&mut read)).await.unwrap();
    assert!(read.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&read));
    assert!(windlass.exit().await.success());
}
