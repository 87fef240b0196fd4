//! The access log: what tools read that know other servers.

use super::site::{folder, get, lines, site, start};
use crate::rig::{Folder, Program, Wire, until};

/// A program with an access log in that format, and a log that says nothing of all this.
async fn with_access(format: &str) -> (Folder, Program) {
    let folder = folder(async |root| {
        let path = root.join("access.log");
        let log = format!("level = \"error\"\nexchanges = \"failed\"\naccess = \"{}\"\n", path.display());
        site(&format!("{log}access_format = \"{format}\"")).await
    })
    .await;
    let windlass = start(&folder).await;
    (folder, windlass)
}

/// An exchange, a refusal and a tunnel, one after the other.
async fn visit(windlass: &Program) {
    let mut client = Wire::connect(windlass.public().await).await;
    let headers = "Host: a.example\r\nUser-Agent: \"quoted\" \\ ä\r\nReferer: https://b.example/page?token=hush";
    client.send(format!("GET /own?token=hush HTTP/1.1\r\n{headers}\r\n\r\n")).await;
    assert_eq!(client.answer().await.0.status(), 200);
    client.send("HEAD /page HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert_eq!(client.head().await.status(), 502);
    let mut tunnel = windlass.client("somebody").await.unwrap();
    tunnel.assert_open().await;
}

#[tokio::test]
async fn an_exchange_a_refusal_and_a_tunnel_have_a_line_each_as_nginx_writes_it() {
    let (folder, windlass) = with_access("combined").await;
    visit(&windlass).await;
    let read = || std::fs::read_to_string(folder.path("access.log")).unwrap();
    until("three lines", || read().lines().count() == 3).await;
    let text = read();
    let lines: Vec<_> = text.lines().map(|line| line.split_once("] ").unwrap()).collect();
    assert!(lines.iter().all(|(who, _)| who.starts_with("127.0.0.1 - - [") && who.ends_with(" +0000")), "{text}");
    let (exchange, refusal, tunnel) = (lines[0].1, lines[1].1, lines[2].1);
    let agent = r"\x22quoted\x22 \x5C \xC3\xA4";
    assert_eq!(exchange, format!("\"GET /own HTTP/1.1\" 200 3 \"https://b.example/page\" \"{agent}\""));
    assert_eq!(refusal, "\"HEAD /page HTTP/1.1\" 502 0 \"-\" \"-\"");
    let bytes = tunnel.strip_prefix("\"GET / HTTP/1.1\" 101 ").unwrap().split(' ').next().unwrap();
    assert!(bytes.parse::<u64>().unwrap() > "a".len() as u64 + "still there?".len() as u64, "{tunnel}");
    assert!(!text.contains("hush"), "{text}");
    assert_eq!(folder.log(), "", "the log itself is not asked");
}

#[tokio::test]
async fn json_lines_have_the_number_of_the_tunnel_and_why_somebody_was_refused() {
    let (folder, windlass) = with_access("json").await;
    visit(&windlass).await;
    let path = folder.path("access.log");
    until("three lines", || lines(&path).len() == 3).await;
    let lines = lines(&path);
    assert_eq!((&lines[0]["status"], &lines[0]["route"], &lines[0]["bytes"]), (&200.into(), &"own".into(), &3.into()));
    assert!(lines[1]["refusal"].is_string() && lines[1].get("tunnel").is_none(), "{}", lines[1]);
    assert_eq!((&lines[2]["status"], &lines[2]["endpoint"]), (&101.into(), &"a".into()));
    assert!(lines[2]["tunnel"].is_u64(), "{}", lines[2]);
    assert!(lines.iter().all(|line| line["request_id"].as_str().unwrap().len() == 16));
}

#[tokio::test]
async fn a_reload_begins_the_access_log_and_ends_it() {
    let folder = folder(async |_| site("").await).await;
    let windlass = start(&folder).await;
    let config = std::fs::read_to_string(folder.config()).unwrap();
    let path = folder.path("access.log");
    let mut client = Wire::connect(windlass.public().await).await;
    assert_eq!(get(&mut client, "/own").await, 200);
    folder.configure(&config.replace("[log]", &format!("[log]\naccess = \"{}\"", path.display())));
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(get(&mut client, "/own").await, 200);
    folder.configure(&config);
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(get(&mut client, "/own").await, 200);
    let read = || std::fs::read_to_string(&path).unwrap();
    until("the line of the second", || read().lines().count() == 1).await;
}
