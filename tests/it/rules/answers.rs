//! Routes with one answer for everybody.

use std::fs;

use super::{answer_to, without_endpoint};
use crate::rig::{Handshake, Proxy, log};

const MAINTENANCE: &str =
    r#"{ status = 503, headers = { cache-control = "no-store" }, body = "back at noon", retry_after = "5min" }"#;

#[tokio::test]
async fn everybody_reads_it_and_connections_go_on() {
    let mut lines = log::lines();
    let proxy = Proxy::serving(&without_endpoint("respond", MAINTENANCE));
    let mut client = proxy.connect().await;
    let head = "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for request in
        ["GET /told-by-us HTTP/1.1\r\nHost: a\r\n\r\n".as_bytes(), post.as_bytes(), &Handshake::new().bytes()]
    {
        client.send(request).await;
        let (head, body) = client.answer().await;
        assert_eq!((head.status(), body.as_str()), (503, "back at noon"));
        for (name, value) in
            [("cache-control", "no-store"), ("retry-after", "300"), ("content-type", "text/plain; charset=utf-8")]
        {
            assert_eq!(head.values(name), [value], "{head:?}");
        }
    }
    client.send(head).await;
    let head = client.head().await;
    assert_eq!((head.status(), head.value("content-length")), (503, Some("12")));
    assert_eq!(answer_to(&mut client, "a", "/again").await.1, "back at noon");
    let line = lines.about("/told-by-us").await;
    assert_eq!((&line["outcome"], &line["bytes_answered"]), (&"answered".into(), &12.into()), "{line}");
}

#[tokio::test]
async fn who_waits_to_be_asked_for_a_body_is_not_and_its_connection_ends() {
    let proxy = Proxy::serving(&without_endpoint("respond", MAINTENANCE));
    let mut client = proxy.connect().await;
    client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").await;
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.as_str(), head.value("connection")), (503, "back at noon", Some("close")));
    client.is_gone().await;
}

#[tokio::test]
async fn what_has_no_body_says_no_length() {
    for (status, length) in [(204, None), (304, None), (200, Some("0"))] {
        let proxy = Proxy::serving(&without_endpoint("respond", &format!("{{ status = {status} }}")));
        let mut client = proxy.connect().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.head().await;
        assert_eq!((head.status(), head.value("content-length")), (status, length), "{head:?}");
        assert_eq!((head.value("content-type"), head.value("retry-after")), (None, None));
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.head().await.status(), status);
    }
}

#[tokio::test]
async fn a_file_is_read_anew_by_a_reload_and_kept_where_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("closed.html");
    fs::write(&file, "<p>one").unwrap();
    let config = without_endpoint("respond", &format!("{{ status = 410, file = {file:?} }}"));
    let mut proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let (head, body) = answer_to(&mut client, "a", "/").await;
    assert_eq!((head.status(), body.as_str()), (410, "<p>one"));
    assert_eq!(head.value("content-type"), Some("text/html; charset=utf-8"));

    fs::write(&file, "<p>two").unwrap();
    proxy.reload(&config).unwrap();
    assert_eq!(answer_to(&mut client, "a", "/").await.1, "<p>two");
    fs::remove_file(&file).unwrap();
    let refused = proxy.reload(&config).unwrap_err().to_string();
    assert!(refused.contains("route.own.respond.file") && refused.contains("closed.html: cannot be read"), "{refused}");
    assert_eq!(answer_to(&mut client, "a", "/").await.1, "<p>two");
    fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let refused = proxy.reload(&config).unwrap_err().to_string();
    assert!(refused.contains("larger than 1 MiB"), "{refused}");
}
