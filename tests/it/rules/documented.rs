//! docs/rules.md: its examples are read, and what its tables say is so.

use std::fs;

use super::{answer_to, in_front_of, read_of, without_endpoint};
use crate::rig::{Endpoint, Proxy};

const PAGE: &str = "docs/rules.md";

/// What the examples leave out.
const AROUND: &str = "[listener.public]\nbind = \"127.0.0.1:443\"\n[listener.plain]\nbind = \"127.0.0.1:80\"\n\
    [upstream.app]\nendpoints = [\"10.0.0.1:80\"]\n[upstream.chat]\nendpoints = [\"10.0.0.2:80\"]\n";

#[test]
fn every_example_is_read() {
    let page = fs::read_to_string(PAGE).unwrap();
    let examples: Vec<_> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let text = format!("{example}\n{AROUND}");
        windlass::config::parse(&text, PAGE.as_ref()).unwrap_or_else(|problems| panic!("{problems}\n{example}"));
    }
}

/// The rows of the table with this heading, each a list of the texts that stand in code, or bare.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(PAGE).unwrap();
    let lines = page.lines().skip_while(|line| !line.contains(heading)).skip(2);
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<_> = lines.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(rows.len() >= 4, "{heading}");
    rows
}

/// The keys that a cell has: `a = 1`, `b = 2`.
fn keys(cell: &str) -> Vec<(String, String)> {
    let codes = cell.split('`').skip(1).step_by(2);
    codes.map(|code| code.split_once(" = ").unwrap()).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[tokio::test]
async fn endpoints_read_what_the_table_says() {
    for row in rows("| route says | asked for | endpoint reads |") {
        let [says, asked, reads] = &row[..] else { panic!("{row:?}") };
        let endpoint = Endpoint::listen().await;
        let config = keys(says)
            .iter()
            .fold(in_front_of(&endpoint), |config, (key, value)| config.with(&format!("route.chat.{key}"), value));
        let proxy = Proxy::serving(&config);
        if let Ok(status) = reads.parse::<u16>() {
            let mut client = proxy.connect().await;
            assert_eq!(answer_to(&mut client, "a", code(asked)).await.0.status(), status, "{row:?}");
        } else {
            let head = read_of(&proxy, &endpoint, &format!("GET {} HTTP/1.1\r\nHost: a", code(asked))).await;
            assert_eq!(head.first_line(), format!("GET {} HTTP/1.1", code(reads)), "{row:?}");
        }
    }
}

#[tokio::test]
async fn clients_are_sent_where_the_table_says() {
    for row in rows("| route says | asked for | `Location` |") {
        let [says, asked, place] = &row[..] else { panic!("{row:?}") };
        let [(_, redirect)] = &keys(says)[..] else { panic!("{row:?}") };
        let proxy = Proxy::serving(&without_endpoint("redirect", redirect));
        let (host, path) = code(asked).strip_prefix("http://").unwrap().split_once('/').unwrap();
        let (head, _) = answer_to(&mut proxy.connect().await, host, &format!("/{path}")).await;
        assert_eq!(head.value("location"), Some(code(place)), "{row:?}");
    }
}
