//! Requests that are answered here before anybody has read their bodies: what is left of one is never taken for a request.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;

use super::in_front_of;
use crate::rig::{Config, Endpoint, Folder, Proxy, ServingEndpoint, Wire, within};

/// What the body of each request has in it.
const SMUGGLED: &str = "GET /ok/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const NEXT: &str = "GET /ok/next HTTP/1.1\r\nHost: a\r\n\r\n";

/// Where a POST is answered here, and how.
const ANSWERED: [(&str, u16); 7] = [
    ("/denied", 403),
    ("/moved", 308),
    ("/own", 503),
    ("/small", 413),
    ("/staff", 401),
    ("/nowhere", 404),
    ("/ok/../ok", 400),
];

struct Site {
    proxy: Proxy,
    /// The paths that the endpoint was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    _folder: Folder,
}

impl Site {
    async fn start() -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        let endpoint = ServingEndpoint::start(move |request: Request<Incoming>| {
            heard.lock().unwrap().push(request.uri().path().to_owned());
            async { Response::new(Full::from(Bytes::from_static(b"served"))) }
        })
        .await;
        let folder = Folder::new("");
        folder.write("staff.htpasswd", "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK\n");
        let staff = format!("{{ file = {:?}, realm = \"a\" }}", folder.path("staff.htpasswd"));
        let config = Config::chat([endpoint.address()]).with("route.chat.path", "\"/ok\"");
        let route = |config: Config, name: &str, key: &str, value: &str| {
            let config = config.with(&format!("route.{name}.path"), &format!("\"/{name}\""));
            config.with(&format!("route.{name}.{key}"), value)
        };
        let config = route(config, "denied", "denied_clients", "[\"127.0.0.1\"]\nupstream = \"chat\"");
        let config = route(config, "moved", "redirect", "\"https\"");
        let config = route(config, "own", "respond", "{ status = 503, body = \"later\" }");
        let config = route(config, "small", "max_body", "\"10B\"\nupstream = \"chat\"");
        let config = route(config, "staff", "basic_auth", &format!("{staff}\nupstream = \"chat\""));
        Self { proxy: Proxy::serving(&config), asked, _folder: folder }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// A head for this body, and the body on the wire.
fn framed(target: &str, framing: &str) -> (String, String) {
    let body = format!("{SMUGGLED}{SMUGGLED}");
    match framing {
        "chunked" => (
            format!("POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
            format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        ),
        _ => (format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()), body),
    }
}

/// How many answers stand in a text.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_no_request() {
    let site = Site::start().await;
    let (mut served, mut ended) = (0, 0);
    for framing in ["length", "chunked"] {
        for (target, status) in ANSWERED {
            let (head, body) = framed(target, framing);
            let (part, rest_of_it) = body.split_at(45);
            // Of a chunked body it is known only once it comes that it is too large: then the endpoint has been asked.
            let asks_first = target == "/small" && framing == "chunked";
            for (first, later) in [
                // In one packet; late; in part; in part and then in full; the next request right behind it.
                (format!("{head}{body}"), NEXT.to_owned()),
                (head.clone(), format!("{body}{NEXT}")),
                (format!("{head}{part}"), format!("{rest_of_it}{NEXT}")),
                (format!("{head}{body}{NEXT}"), String::new()),
            ] {
                let mut client = site.proxy.connect().await;
                client.send(&first).await;
                if asks_first && !first.contains("smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET") {
                    client.try_send(&later).await;
                }
                let (answer, _) = client.answer().await;
                assert_eq!(answer.status(), status, "{framing} {target}");
                client.try_send(&later).await;
                client.try_finish().await;
                let rest = client.drain().await;
                let asked: Vec<_> = site.asked().into_iter().filter(|path| path != "/small").collect();
                // Either the connection is over with the answer, or what follows is the request behind the body.
                assert!(asked.is_empty() || asked == ["/ok/next"], "{framing} {target} {first:?}: {asked:?}");
                assert!(answers(&rest) <= 1 && (answers(&rest) == 0 || rest.ends_with("served")), "{rest}");
                served += asked.len();
                ended += usize::from(asked.is_empty());
                if answer.value("connection") == Some("close") {
                    assert_eq!((asked.len(), answers(&rest)), (0, 0), "{framing} {target}: {rest}");
                }
            }
        }
    }
    assert!(served > 10 && ended > 10, "both happen: {served} {ended}");
}

#[tokio::test]
async fn what_is_missing_of_a_body_is_taken_from_what_comes_next() {
    let site = Site::start().await;
    for (target, status) in ANSWERED {
        let mut client = site.proxy.connect().await;
        client.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{SMUGGLED}")).await;
        let (answer, _) = client.answer().await;
        assert_eq!(answer.status(), status, "{target}");
        // By the framing of the first request, all of this is its body.
        client.try_send(format!("{NEXT}{SMUGGLED}")).await;
        client.try_finish().await;
        assert_eq!((answers(&client.drain().await), site.asked()), (0, vec![]), "{target}");
    }
}

#[tokio::test]
async fn no_body_is_read_for_ever() {
    let site = Site::start().await;
    for (target, status) in ANSWERED {
        let mut client = site.proxy.connect().await;
        client.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n")).await;
        assert_eq!(client.answer().await.0.status(), status, "{target}");
        within("the end of the connection", async {
            let piece = vec![b'x'; 64 * 1024];
            while client.stream.write_all(&piece).await.is_ok() {}
        })
        .await;
    }
    site.proxy.is_empty().await;
}

#[tokio::test]
async fn a_request_that_is_cut_leaves_no_connection_that_serves_another() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("route.chat.request_timeout", "\"200ms\""));
    for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
        let mut client = proxy.connect().await;
        let size = if framing.starts_with('T') { "3e8\r\n" } else { "" };
        client.send(format!("POST /cut HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{size}{SMUGGLED}")).await;
        let (mut half, head) = endpoint.asked().await;
        assert_eq!(head.first_line(), "POST /cut HTTP/1.1");
        assert_eq!(client.answer().await.0.status(), 504);
        // The rest of its body, and what would be a request: to nobody any more.
        client.try_send(format!("{SMUGGLED}{NEXT}")).await;
        client.try_finish().await;
        assert_eq!(endpoint.is_untouched_until(client.drain()).await, "");
        let left = half.drain().await;
        assert!(!left.contains("/ok/next") && left.matches("GET").count() <= 1, "{left}");

        let mut other = proxy.connect().await;
        let mut new = endpoint.accept_after(&mut other, "GET /whole HTTP/1.1\r\nHost: a\r\n\r\n").await;
        new.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        assert_eq!(other.answer().await.1, "ok");
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_all_reaches_nobody_else() {
    let endpoint = Endpoint::listen().await;
    let proxy = Proxy::serving(&in_front_of(&endpoint).with("route.chat.request_timeout", "\"200ms\""));
    let mut client = proxy.connect().await;
    let mut late: Wire = endpoint.accept_after(&mut client, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 504);
    late.try_send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").await;
    let mut new = endpoint.accept_after(&mut client, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    new.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext").await;
    assert_eq!(client.answer().await.1, "next");
}
