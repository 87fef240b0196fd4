//! What nginx kept out stays out: the result of an import, served, in front of an endpoint that answers whatever reaches it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use windlass::app::Running;
use windlass::config;

use super::{FOLDER, imported, make_files};
use crate::rig::{ServingEndpoint, Wire};

/// Of a request from 127.0.0.1 without a password: the listener, the host, the path, and the path that the endpoint reads or the status.
type Case = (&'static str, &'static str, &'static str, Result<&'static str, u16>);

const CASES: &[Case] = &[
    ("port-8080", "letters", "/x", Ok("/x")),
    ("port-8080", "letters", "/x/admin.php", Ok("/x/admin.php")),
    ("port-8080", "letters", "/admin", Err(403)),
    ("port-8080", "letters", "/admin/x", Err(403)),
    ("port-8080", "letters", "/admin.php", Err(400)),
    ("port-8080", "letters", "/administrator/", Err(400)),
    ("port-8080", "letters", "/%61dmin.php", Err(400)),
    ("port-8080", "letters", "//admin.php", Err(400)),
    ("port-8080", "letters", "/x/../admin.php", Err(400)),
    ("port-8080", "letters", "/.git/config", Err(404)),
    ("port-8080", "letters", "/.gitignore", Err(400)),
    ("port-8080", "exact", "/", Err(401)),
    ("port-8080", "exact", "/up", Ok("/up")),
    ("port-8080", "exact", "/up/x", Err(400)),
    ("port-8080", "exact", "/up/", Err(400)),
    ("port-8080", "exact", "/up%2Fx", Err(400)),
    ("port-8080", "exact", "/upper", Err(401)),
    // What is below it cannot be told from it where its path is another one.
    ("port-8080", "exact", "/hook", Err(403)),
    ("port-8080", "exact", "/hook/x", Err(403)),
    ("port-8080", "named", "/", Err(403)),
    ("port-8080", "named", "/x", Err(403)),
    ("port-8080", "named", "/open/x", Ok("/open/x")),
    ("port-8080", "expressions", "/x", Ok("/x")),
    ("port-8080", "expressions", "/", Err(400)),
    ("port-8080", "expressions", "/.env", Err(400)),
    ("port-8080", "expressions", "/x/.htaccess", Err(400)),
    ("port-8080", "expressions", "/dump.SQL", Err(400)),
    ("port-8080", "expressions", "/dump.sq%6C", Err(400)),
    ("port-8080", "expressions", "/internal/x", Err(403)),
    ("port-8080", "expressions", "/internals", Ok("/internals")),
    ("port-8080", "expressions", "/api/x", Ok("/x")),
    ("port-8080", "expressions", "/api", Ok("/")),
    ("port-8080", "expressions", "/api/.git/config", Err(400)),
    ("port-8080", "expressions", "/v2/x", Err(403)),
    ("port-8080", "expressions", "/assets/.env", Ok("/assets/.env")),
    ("port-8080", "expressions", "/app/x", Ok("/app/x")),
    ("port-8080", "expressions", "/app/x.php", Err(400)),
    ("port-8080", "expressions", "/x.php", Ok("/x.php")),
    ("port-8080", "inherited", "/x", Ok("/x")),
    ("port-8080", "inherited", "/files/x", Err(403)),
    ("port-8080", "inherited", "/reports/x", Err(403)),
    ("port-8080", "collisions", "/x", Ok("/x")),
    ("port-8080", "collisions", "/files", Err(403)),
    ("port-8080", "collisions", "/files/x", Err(403)),
    ("port-8080", "collisions", "/docs", Err(400)),
    ("port-8080", "collisions", "/docs/x", Ok("/docs/x")),
    ("port-8080", "statuses", "/x", Ok("/x")),
    ("port-8080", "statuses", "/bots", Err(403)),
    ("port-8080", "statuses", "/login", Err(403)),
    ("port-8080", "answers", "/x", Ok("/x")),
    ("port-8080", "answers", "/gone", Err(410)),
    ("port-8080", "answers", "/moved", Err(403)),
    ("port-8080", "whole", "/", Err(403)),
    ("port-8080", "conditions", "/", Ok("/")),
    ("port-8080", "conditions", "/office", Err(403)),
    ("port-8080", "conditions", "/key", Err(403)),
    ("port-8080", "conditions", "/header", Err(403)),
    ("port-8080", "conditions", "/argument?key=k", Err(403)),
    ("port-8080", "conditions", "/set", Err(403)),
    ("port-8080", "conditions", "/inside", Err(403)),
    ("port-8080", "conditions", "/bearer", Err(403)),
    ("port-8080", "conditions", "/some", Err(403)),
    ("port-8080", "conditions", "/query?key=secret", Err(403)),
    ("port-8080", "conditions", "/cors", Ok("/cors")),
    ("port-8080", "conditions", "/scheme", Ok("/scheme")),
    ("port-8080", "conditions", "/method", Ok("/method")),
    ("port-8080", "conditions", "/maintenance", Ok("/maintenance")),
    ("port-8080", "included", "/", Err(403)),
    ("port-8085", "first", "/", Ok("/")),
    ("port-8081", "first", "/", Err(403)),
    ("port-8081", "other", "/", Ok("/")),
    ("port-8082", "admin", "/", Err(403)),
    ("port-8083", "host", "/", Ok("/")),
    ("port-8080", "only", "/", Ok("/")),
    ("port-8087", "this", "/", Ok("/")),
    ("port-8087", "that", "/", Err(404)),
    ("port-8088", "port", "/", Err(403)),
    ("port-8086", "clients", "/", Err(403)),
    ("port-8080", "asked", "/", Ok("/")),
    // Nobody is there to be asked.
    ("port-8080", "asked", "/nested/", Err(503)),
    ("port-8080", "asked", "/expression/", Err(503)),
    ("port-8080", "asked", "/judged/", Err(403)),
    ("port-8080", "asked", "/role/", Err(403)),
    ("port-8080", "asked", "/nobody/", Err(403)),
    ("port-8080", "asked", "/closed-gate/", Ok("/closed-gate/")),
    ("port-8080", "asked", "/gate-six", Err(403)),
    ("port-8080", "asked", "/gates/x", Ok("/gates/x")),
    ("port-8080", "asked", "/gates/one", Err(404)),
    ("port-8080", "changed", "/", Err(403)),
    ("port-8080", "around", "/", Err(403)),
    ("port-8080", "elsewhere", "/", Ok("/")),
    ("port-8080", "elsewhere", "/staff/x", Err(403)),
    ("port-8080", "elsewhere", "/old-page", Ok("/old-page")),
    ("port-8080", "elsewhere", "//x", Ok("//x")),
    ("port-8080", "elsewhere", "/twice/x", Err(403)),
    ("port-8080", "rest", "/x", Err(400)),
    ("port-8080", "paused", "/x", Ok("/x")),
    ("port-8080", "paused", "/admin", Err(400)),
    ("port-8080", "elsewhere", "/pools/x", Err(403)),
    ("port-8080", "elsewhere", "/processes/x", Err(403)),
    ("port-8080", "elsewhere", "/files/x", Ok("/files/x")),
    ("port-8080", "files", "/", Ok("/")),
    ("port-8080", "files", "/refused/x", Err(403)),
    ("port-8080", "files", "/missed/x", Err(403)),
    ("port-8080", "files", "/by-client/x", Err(403)),
    ("port-8080", "files", "/login/x", Err(403)),
    ("port-8080", "files", "/found/x", Err(403)),
    ("port-8080", "files", "/own/x", Err(403)),
    ("port-8080", "files", "/usual/x", Ok("/usual/x")),
    ("port-8080", "others", "/", Err(403)),
    ("port-8080", "moved", "/", Ok("/")),
    ("port-8080", "moved", "/closed/x", Err(403)),
    ("port-8080", "moved", "/path/x", Err(403)),
    ("port-8080", "moved", "/posts/x?p=1", Ok("/posts/x")),
    ("port-8089", "admin", "/", Err(403)),
];

/// What a GET comes to, with a Host of this file's.
async fn asked(running: &Running, listener: &str, host: &str, path: &str) -> Result<String, u16> {
    let mut client = Wire::connect(running.address(listener).unwrap()).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}.example.com\r\n\r\n")).await;
    let (head, body) = client.answer().await;
    match head.value("x-endpoint") {
        Some(_) => Ok(body),
        None => Err(head.status()),
    }
}

/// One that says which path it read, and whose name it was told.
async fn endpoint() -> ServingEndpoint {
    ServingEndpoint::start(|request| async move {
        let told = request.headers().get("x-forwarded-host").cloned();
        let answer = Response::builder()
            .header("x-endpoint", "yes")
            .header("x-told", told.unwrap_or(http::HeaderValue::from_static("")));
        answer.body(Full::from(Bytes::from(request.uri().path().to_owned()))).unwrap()
    })
    .await
}

/// The import of `kept_out.conf`, in front of `endpoint`.
fn served(endpoint: &ServingEndpoint, folder: &Path) -> Running {
    let text = imported(&Path::new(FOLDER).join("kept_out.conf"))
        .text
        .replace(&format!("\"{FOLDER}/"), &format!("\"{}/", folder.display()))
        .replace("127.0.0.1:3000", &endpoint.address().to_string());
    let bound: String = text
        .lines()
        .map(
            |line| {
                if line.starts_with("bind = ") { "bind = \"127.0.0.1:0\"\n".to_owned() } else { format!("{line}\n") }
            },
        )
        .collect();
    let file = folder.join("windlass.toml");
    fs::write(&file, bound).unwrap();
    let settings = config::load(&file).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    make_files(&settings);
    Running::start(settings).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn what_nginx_kept_out_reaches_no_endpoint() {
    let (endpoint, folder) = (endpoint().await, tempfile::tempdir().unwrap());
    let running = served(&endpoint, folder.path());
    for (listener, host, path, expected) in CASES {
        let came = asked(&running, listener, host, path).await;
        assert_eq!(came.as_deref().map_err(|status| *status), *expected, "{listener} {host} {path}");
    }
}

#[tokio::test]
async fn the_name_of_a_server_is_said_whatever_a_client_says() {
    let (endpoint, folder) = (endpoint().await, tempfile::tempdir().unwrap());
    let running = served(&endpoint, folder.path());
    let mut client = Wire::connect(running.address("port-8083").unwrap()).await;
    client.send("GET / HTTP/1.1\r\nHost: host.example.com\r\nX-Forwarded-Host: evil.example.com\r\n\r\n").await;
    assert_eq!(client.answer().await.0.value("x-told"), Some("host.example.com"));
    // A listener with one server that has a name answers nobody else.
    let mut client = Wire::connect(running.address("port-8083").unwrap()).await;
    client.send("GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 404);
}
