//! What refusals say: an operator's page, JSON for who would rather read that, or a line of text.

use std::fs;

use http::Request;
use serde_json::{Value, json};

use super::{answer_to, in_front_of};
use crate::http2_front::client::Http2Client;
use crate::rig::{Config, Endpoint, Folder, Handshake, Head, Proxy, Wire};

const DENIED: (&str, &str) = ("route.chat.denied_clients", "[\"127.0.0.1\"]");

/// The answer to a GET of this target by who says that about `Accept`.
async fn answer_to_who(client: &mut Wire, target: &str, accept: &str) -> (Head, String) {
    client.send(format!("GET {target} HTTP/1.1\r\nHost: chat.test\r\nAccept: {accept}\r\n\r\n")).await;
    client.answer().await
}

async fn refusing() -> (Endpoint, Config) {
    let endpoint = Endpoint::listen().await;
    let config = in_front_of(&endpoint).with(DENIED.0, DENIED.1).with("route.chat.path", "\"/chat\"");
    (endpoint, config)
}

#[tokio::test]
async fn who_would_rather_read_json_does_and_others_read_a_line() {
    let (_endpoint, config) = refusing().await;
    let proxy = Proxy::serving(&config.with("route.chat.request_id", "\"x-request-id\""));
    let mut client = proxy.connect().await;
    for accept in ["*/*", "text/html,application/xml;q=0.9,*/*;q=0.8", "application/json;q=0.1, text/plain"] {
        let (head, body) = answer_to_who(&mut client, "/chat", accept).await;
        assert_eq!(body, "403 clients of your address may not connect here\n");
        assert_eq!(head.value("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!((head.value("vary"), head.value("cache-control")), (Some("accept"), Some("no-store")));
    }
    for accept in ["application/json", "application/json, text/plain, */*", "text/plain;q=0.2, Application/JSON;q=0.3"]
    {
        let (head, body) = answer_to_who(&mut client, "/chat", accept).await;
        assert_eq!((head.status(), head.value("content-type")), (403, Some("application/json")));
        assert_eq!((head.value("vary"), head.value("cache-control")), (Some("accept"), Some("no-store")));
        let mut body: Value = serde_json::from_str(&body).unwrap();
        let name = body.as_object_mut().unwrap().remove("request_id").unwrap();
        assert_eq!(name.as_str().unwrap().len(), 32);
        let message = "clients of your address may not connect here";
        assert_eq!(body, json!({ "status": 403, "error": "client_denied", "message": message }));
    }
    let (head, body) = answer_to_who(&mut client, "/nowhere", "application/json").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((head.status(), &body["error"], body.get("request_id")), (404, &json!("no_route"), None));
}

#[tokio::test]
async fn the_closest_page_is_said_and_a_route_s_own_comes_first() {
    let (_endpoint, config) = refusing().await;
    let folder = Folder::new("");
    folder.write("sorry.html", "<style>p { color: red }</style><p>{status} {error} {request_id}</p>");
    let config = config
        .with("error_pages.\"*\"", "{ body = \"any {status}\" }")
        .with("error_pages.\"404\"", &format!("{{ file = {:?} }}", folder.path("sorry.html")))
        .with("error_pages.\"431\"", "{ body = \"{message}\" }")
        .with("route.chat.error_pages.\"4xx\"", "{ body = \"{{}}\", content_type = \"application/json\" }");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let (head, body) = answer_to_who(&mut client, "/nowhere", "text/html, */*;q=0.1").await;
    assert_eq!((head.status(), head.value("content-type")), (404, Some("text/html; charset=utf-8")));
    assert_eq!(body, "<style>p { color: red }</style><p>404 no_route </p>");
    let (head, body) = answer_to_who(&mut client, "/nowhere", "application/json").await;
    assert_eq!((head.value("content-type"), head.value("vary")), (Some("application/json"), Some("accept")));
    assert!(body.contains("\"no_route\""), "{body}");
    for accept in ["application/json", "text/html"] {
        let (head, body) = answer_to_who(&mut client, "/chat", accept).await;
        assert_eq!((head.status(), head.value("content-type")), (403, Some("application/json")));
        assert_eq!((body.as_str(), head.value("vary")), ("{{}}", None), "it is JSON already");
    }
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.as_str(), head.value("connection")), (400, "any 400", Some("close")));
    let mut client = proxy.connect().await;
    client.send(format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(70_000))).await;
    let (head, body) = client.answer().await;
    assert_eq!(head.status(), 431);
    assert!(!body.starts_with("431") && body.contains("bytes"), "{body}");
}

/// What is one for all may be long; it is no part of what is kept for a head that was refused.
#[tokio::test]
async fn a_page_that_is_one_for_all_may_be_long_but_for_who_sends_no_request() {
    let (_endpoint, config) = refusing().await;
    let folder = Folder::new("");
    let long = "x".repeat(200_000);
    fs::write(folder.path("sorry.html"), &long).unwrap();
    let proxy =
        Proxy::serving(&config.with("error_pages.\"*\"", &format!("{{ file = {:?} }}", folder.path("sorry.html"))));
    let mut client = proxy.connect().await;
    assert_eq!(answer_to(&mut client, "a", "/nowhere").await.1, long);
    let mut client = proxy.connect().await;
    client.send(format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(70_000))).await;
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.starts_with("431 ")), (431, true), "{body}");
}

#[tokio::test]
async fn what_belongs_to_the_status_stays() {
    let (endpoint, config) = refusing().await;
    let folder = Folder::new("");
    folder.write("staff.htpasswd", "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\n");
    let file = folder.path("staff.htpasswd");
    let config = config
        .with(DENIED.0, "[]")
        .with("error_pages.\"*\"", "{ body = \"<p>{status}\", content_type = \"text/html\" }")
        .with("route.chat.basic_auth", &format!("{{ file = {file:?}, realm = \"staff\" }}"))
        .with("route.gone.path", "\"/gone\"")
        .with("route.gone.upstream", "\"gone\"")
        .endpoints("gone", [Endpoint::nobody()]);
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    let (head, body) = answer_to(&mut client, "a", "/chat").await;
    assert_eq!((head.status(), head.value("www-authenticate").is_some(), body.as_str()), (401, true, "<p>401"));
    let (head, body) = answer_to(&mut client, "a", "/gone").await;
    assert_eq!((head.status(), head.value("retry-after").is_some(), body.as_str()), (502, true, "<p>502"));
    client.send(Handshake::new().request("GET /gone HTTP/1.1").bytes()).await;
    assert_eq!(client.answer().await.1, "<p>502", "an upgrade reads the same");
    client.send("HEAD /chat HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.value("content-length"), head.value("content-type")),
        (401, Some("6"), Some("text/html"))
    );
    assert_eq!(answer_to(&mut client, "a", "/nowhere").await.1, "<p>404", "no body followed the head");
    drop(endpoint);
}

#[tokio::test]
async fn an_endpoint_s_own_answer_stays_as_it_is() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("error_pages.\"*\"", "{ body = \"ours\" }"));
    let mut client = proxy.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n").await;
    let (mut wire, _) = endpoint.asked().await;
    wire.send("HTTP/1.1 500 Oh\r\nContent-Length: 6\r\n\r\ntheirs").await;
    assert_eq!(client.answer().await.1, "theirs");
}

#[tokio::test]
async fn the_same_over_http2() {
    let (_endpoint, config) = refusing().await;
    let config = config
        .with("listener.public.h2c", "true")
        .with("error_pages.\"403\"", "{ body = \"<p>{error}\", content_type = \"text/html\" }");
    let proxy = Proxy::serving(&config);
    let client = Http2Client::connect(&proxy).await;
    let (head, body) = client.get("/chat").await;
    assert_eq!(
        (head.status.as_u16(), body.as_str(), &head.headers["content-type"]),
        (403, "<p>client_denied", &"text/html".parse().unwrap())
    );
    let json = |target: &str| Request::get(format!("http://chat.test{target}")).header("accept", "application/json");
    let (head, body) = client.ask(json("/nowhere").body(()).unwrap()).await;
    assert_eq!(
        (head.status.as_u16(), serde_json::from_str::<Value>(&body).unwrap()["status"].as_u64()),
        (404, Some(404))
    );
    let (head, body) = client.ask(json("/chat").method("HEAD").body(()).unwrap()).await;
    assert_eq!((head.status.as_u16(), body.as_str()), (403, ""));
    assert_ne!(head.headers["content-length"], "0");
}

#[tokio::test]
async fn a_page_that_changes_is_read_anew_and_one_that_is_gone_refuses_the_reload() {
    let (_endpoint, config) = refusing().await;
    let folder = Folder::new("");
    let page = folder.path("sorry.html");
    fs::write(&page, "one").unwrap();
    let config = config
        .with("error_pages.\"404\"", &format!("{{ file = {page:?} }}"))
        .with("route.chat.error_pages.\"403\"", &format!("{{ file = {page:?} }}"));
    let mut proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    assert!(proxy.reload(&config).unwrap().diff.is_empty());
    fs::write(&page, "two").unwrap();
    let changes = proxy.reload(&config).unwrap().diff.changes;
    assert_eq!(changes.len(), 2, "{changes:?}");
    for target in ["/nowhere", "/chat"] {
        assert_eq!(answer_to(&mut client, "a", target).await.1, "two");
    }
    fs::write(&page, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    assert!(proxy.reload(&config).unwrap_err().to_string().contains("larger than 1 MiB"));
    fs::write(&page, format!("{{status}}{}", "x".repeat(17_000))).unwrap();
    assert!(proxy.reload(&config).unwrap_err().to_string().contains("larger than 16 KiB"));
    fs::remove_file(&page).unwrap();
    let refused = proxy.reload(&config).unwrap_err().to_string();
    assert!(refused.contains("error_pages.404.file") && refused.contains("sorry.html: cannot be read"), "{refused}");
    assert_eq!(answer_to(&mut client, "a", "/chat").await.1, "two");
}

#[tokio::test]
async fn what_a_trusted_proxy_calls_a_request_is_no_markup() {
    let (_endpoint, config) = refusing().await;
    let config = config
        .with("route.chat.request_id", "\"x-request-id\"")
        .with("listener.public.trusted_proxies", "[\"127.0.0.1\"]")
        .with("error_pages.\"403\"", "{ body = \"<p>{request_id}\", content_type = \"text/html\" }");
    let proxy = Proxy::serving(&config);
    let mut client = proxy.connect().await;
    client.send("GET /chat HTTP/1.1\r\nHost: a\r\nX-Request-Id: <script>\r\n\r\n").await;
    assert_eq!(client.answer().await.1, "<p>&lt;script&gt;");
}
