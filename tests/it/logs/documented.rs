//! `docs/logs.md` and the lines that the program writes: each field that comes is documented, with its type, and each that is documented
//! comes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::site::{folder, get, lines, start};
use crate::rig::{Endpoint, Folder, Frame, Handshake, Proxy, Wire, switch_with, until};

/// The fields of a table, by their names: their types.
pub(crate) type Fields = BTreeMap<String, String>;

const DOCUMENT: &str = include_str!("../../../docs/logs.md");

/// None is moved here; that the field comes of one that is, a test of the line sees to.
const OF_TUNNELS_THAT_MOVED: [&str; 1] = ["moved"];

/// The first table behind this beginning of a line.
pub(crate) fn table(beginning: &str) -> Fields {
    let mut lines = DOCUMENT.lines().skip_while(|line| !line.starts_with(beginning)).skip(1);
    let rows =
        lines.by_ref().skip_while(|line| !line.starts_with("| field |")).skip(2).take_while(|it| it.starts_with('|'));
    let fields: Fields = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[2].to_owned())
        })
        .collect();
    assert!(fields.len() > 3, "no table behind {beginning:?}");
    fields
}

/// Lines that are documented, by their messages.
fn documented() -> BTreeMap<String, Fields> {
    let headings = DOCUMENT.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    headings.map(|message| (message.to_owned(), table(&format!("### `{message}`")))).collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Object(_) => "object",
        _ => "something else",
    }
}

/// Holds lines against a table; returns which of its fields have come.
pub(crate) fn check(lines: &[Value], fields: &Fields, what: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for line in lines {
        for (name, value) in line.as_object().unwrap() {
            let documented = fields.get(name).unwrap_or_else(|| panic!("{name} of {what:?} is not documented: {line}"));
            assert_eq!(type_of(value), documented, "{name} of {what:?}: {line}");
            seen.insert(name.clone());
        }
    }
    seen
}

fn config(chat: &Endpoint, crowd: &Endpoint, folder: &std::path::Path) -> String {
    format!(
        r#"
[log]
level = "debug"
opened = true
exchanges = 1
headers = ["x-trace"]
access = "{}"
access_format = "json"
[traces]
endpoint = "http://{}"
sample = 1
[listener.public]
bind = "127.0.0.1:0"
trusted_proxies = ["127.0.0.1"]
[route.own]
path = "/own"
respond = {{ status = 200, body = "own" }}
[route.nobody]
path = "/nobody"
upstream = "nobody"
[route.crowd]
path = "/crowd"
upstream = "crowd"
[route.chat]
upstream = "chat"
websocket = {{ strictness = "lenient" }}
[upstream.nobody]
endpoints = ["{}"]
[upstream.crowd]
endpoints = ["{}"]
handshakes_at_once = 1
queue = {{ wait = "50ms" }}
when_full = "close"
[upstream.chat]
endpoints = ["{}"]
[admin]
listen = "ADMIN"
"#,
        folder.join("access.log").display(),
        Endpoint::nobody(),
        Endpoint::nobody(),
        crowd.address(),
        chat.address()
    )
}

/// Opens a tunnel, has each side say something against the rules that the route lets pass, and closes it.
async fn tunnel(client: Wire, chat: &Endpoint, handshake: &Handshake) {
    let (mut client, mut at_endpoint) = Proxy::tunnel_over(client, handshake, chat).await;
    at_endpoint.send(Frame::text("masked").by_client()).await;
    client.frame().await;
    client.send(Frame::close(1000, "").by_client()).await;
    at_endpoint.frame().await;
    at_endpoint.send(Frame::close(1000, "").by_endpoint()).await;
    client.frame().await;
}

/// Has the program write each of its documented lines, with each of their fields.
async fn visit(folder: &Folder, address: std::net::SocketAddr, chat: &Endpoint, crowd: &Endpoint) {
    let connect = async || Wire::connect(address).await;
    let told = Handshake::new().with("user-agent", "test").with("x-trace", "t1");
    tunnel(connect().await, chat, &told.clone().without("connection").with("connection", "keep-alive")).await;
    tunnel(connect().await, chat, &told.with("x-forwarded-for", "192.0.2.7")).await;

    let mut client = connect().await;
    client.send("POST /page HTTP/1.1\r\nHost: a\r\nReferer: https://b.example/\r\nUser-Agent: test\r\nContent-Length: 2\r\n\r\nhi").await;
    let (mut at_endpoint, _) = chat.asked().await;
    at_endpoint.hears("hi").await;
    at_endpoint.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.answer().await.0.status(), 200);
    drop(at_endpoint);
    let mut client = connect().await;
    client.send(Handshake::new().bytes()).await;
    let (mut at_endpoint, _) = chat.asked().await;
    at_endpoint.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.answer().await.0.status(), 403);
    let mut client = connect().await;
    assert_eq!(get(&mut client, "/own").await, 200);

    let mut client = connect().await;
    client.send(Handshake::new().request("GET /nobody HTTP/1.1").bytes()).await;
    assert!(client.answer().await.0.status() >= 500);
    for _ in 0..12 {
        assert!(get(&mut connect().await, "/nobody").await >= 500);
        let mut client = connect().await;
        client.send("nonsense\r\n\r\n").await;
        assert_eq!(client.head().await.status(), 400);
    }
    let handshake = Handshake::new().request("GET /crowd HTTP/1.1");
    let mut first = connect().await;
    first.send(handshake.bytes()).await;
    let (mut at_endpoint, _) = crowd.asked().await;
    let mut second = connect().await;
    second.send(handshake.bytes()).await;
    assert_eq!(second.head().await.status(), 101);
    at_endpoint.send(switch_with("")).await;
    assert_eq!(first.head().await.status(), 101);
    folder.until_logged(&["\"turned away\"", "\"times\""]).await;
    folder.until_logged(&["\"refused\"", "\"times\""]).await;
}

#[tokio::test]
async fn each_field_that_comes_is_documented_and_each_that_is_documented_comes() {
    let (chat, crowd) = (Endpoint::listen().await, Endpoint::listen().await);
    let folder = folder(async |root| config(&chat, &crowd, root)).await;
    let windlass = start(&folder).await;
    visit(&folder, windlass.public().await, &chat, &crowd).await;

    let log = folder.path("log");
    let all = table("Every line has");
    for (message, fields) in documented() {
        let of_it = || lines(&log).into_iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
        let fields: Fields = fields.into_iter().chain(all.clone()).collect();
        let missing = || {
            let seen = check(&of_it(), &fields, &message);
            let is_due = |name: &String| !seen.contains(name) && !OF_TUNNELS_THAT_MOVED.contains(&name.as_str());
            fields.keys().filter(|name| is_due(name)).cloned().collect::<Vec<_>>()
        };
        // The last of them may still be on its way.
        folder.until(&format!("every field of {message:?}, but for {:?}", missing()), || missing().is_empty()).await;
        let about_a_request =
            of_it().into_iter().filter(|line| line.get("times").is_none() && message != "turned away");
        for line in about_a_request {
            assert!(line["request_id"].is_string(), "{line}");
            assert_eq!(
                line["tunnel"].is_number(),
                message.starts_with("tunnel") || message.starts_with("frames"),
                "{line}"
            );
        }
    }
    let fields = table("`access_format = \"json\"`");
    let access = folder.path("access.log");
    until("every field of the access log", || check(&lines(&access), &fields, "access").len() == fields.len()).await;
}

#[tokio::test]
async fn a_request_is_known_by_one_id_in_all_of_its_lines() {
    let (chat, crowd) = (Endpoint::listen().await, Endpoint::listen().await);
    let folder = folder(async |root| config(&chat, &crowd, root)).await;
    let windlass = start(&folder).await;
    tunnel(Wire::connect(windlass.public().await).await, &chat, &Handshake::new().without("connection")).await;
    folder.until_logged(&["\"tunnel ended\""]).await;
    let lines = lines(&folder.path("log"));
    let with_id: Vec<_> = lines.iter().filter(|line| line.get("request_id").is_some()).collect();
    let messages: BTreeSet<_> = with_id.iter().map(|line| line["message"].as_str().unwrap()).collect();
    let expected = ["a handshake needed leniency", "frames needed leniency", "tunnel ended", "tunnel opened"];
    assert_eq!(messages, BTreeSet::from(expected));
    let ids: BTreeSet<_> = with_id.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}
