//! What monitoring reads.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

use crate::operate::operator::text;
use crate::rig::{Program, until_async, within};

/// One endpoint that nobody can reach, and one that nobody is sent to.
const CONFIG: &str = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
endpoints = [{ name = "dead", address = "DEAD" }]
[route.spare]
path = "/spare"
upstream = "spare"
[upstream.spare]
endpoints = [{ name = "idle", address = "127.0.0.1:1" }]
[admin]
listen = "ADMIN"
"#;

async fn windlass() -> Program {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    Program::start(&CONFIG.replace("DEAD", &gone.to_string())).await
}

pub(crate) async fn scrape(windlass: &Program) -> String {
    let mut stream = UnixStream::connect(windlass.folder().socket()).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The sample of this name and these labels.
fn value(metrics: &str, series: &str) -> f64 {
    let found = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{series}\nis missing from\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn an_endpoint_without_tunnels_has_a_series_and_so_has_each_failed_connect() {
    let windlass = windlass().await;
    let metrics = scrape(&windlass).await;
    assert_eq!(value(&metrics, r#"windlass_tunnels_open{route="chat",upstream="chat",endpoint="dead"}"#), 0.0);
    assert_eq!(value(&metrics, r#"windlass_tunnels_open{route="spare",upstream="spare",endpoint="idle"}"#), 0.0);
    assert_eq!(value(&metrics, r#"windlass_refusals_total{reason="connect_failed"}"#), 0.0);
    assert!(value(&metrics, "windlass_tunnels_max") >= 1.0);
    assert!(value(&metrics, "process_open_fds") < value(&metrics, "process_max_fds"));

    assert!(windlass.client("somebody").await.is_err());
    let failed = r#"windlass_endpoint_connect_failures_total{upstream="chat",endpoint="dead"}"#;
    until_async("the failure to be counted", async || value(&scrape(&windlass).await, failed) == 1.0).await;
    let metrics = scrape(&windlass).await;
    assert_eq!(value(&metrics, r#"windlass_endpoint_connect_failures_total{upstream="spare",endpoint="idle"}"#), 0.0);
    assert_eq!(value(&metrics, r#"windlass_refusals_total{reason="connect_failed"}"#), 1.0);
}

/// What `promtool check metrics` complains about.
#[tokio::test]
async fn every_metric_is_described_and_named_as_its_kind_is() {
    let metrics = scrape(&windlass().await).await;
    let described = |word: &str| -> BTreeMap<String, String> {
        let described = metrics.lines().filter_map(|line| line.strip_prefix(&format!("# {word} "))?.split_once(' '));
        described.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    };
    let (help, kinds) = (described("HELP"), described("TYPE"));
    assert!(kinds.len() > 20 && help.keys().eq(kinds.keys()), "{metrics}");
    for (name, kind) in &kinds {
        assert!(!help[name].is_empty(), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(["counter", "gauge", "histogram"].contains(&kind.as_str()), "{name} is a {kind}");
        assert!(!["_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)), "{name}");
    }
    for sample in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let of_histogram = ["_count", "_sum", "_bucket"].iter().find_map(|end| name.strip_suffix(end));
        let family = of_histogram.filter(|family| kinds.get(*family).is_some_and(|kind| kind == "histogram"));
        assert!(kinds.contains_key(family.unwrap_or(name)), "{sample}");
    }
    assert!(!metrics.contains("# EOF") && !metrics.contains("# UNIT"), "{metrics}");
}

#[tokio::test]
async fn readiness_is_an_exit_code() {
    let windlass = windlass().await;
    let ready = windlass.ask(&["ready"]).await;
    assert_eq!((ready.status.code(), text(&ready).trim()), (Some(0), "ready"));
    let ready = windlass.ask(&["ready", "--json"]).await;
    assert_eq!(serde_json::from_slice::<Value>(&ready.stdout).unwrap(), json!({ "ready": true, "why": null }));
    let nobody = windlass.ask(&["ready", "--admin", "127.0.0.1:1"]).await;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody).contains("no windlass answers"), "{}", text(&nobody));
}

/// As under systemd's `ProcSubset=pid`, in a mount namespace of its own, for which one must be root.
#[tokio::test]
#[ignore = "one must be root"]
async fn says_what_the_process_takes_where_the_rest_of_proc_is_hidden() {
    let hiding = "mount -t proc -o subset=pid proc /proc && exec \"$@\"";
    let config = CONFIG.replace("DEAD", "127.0.0.1:1");
    let windlass = Program::start_through(&["unshare", "--mount", "sh", "-c", hiding, "sh"], &config).await;
    let metrics = scrape(&windlass).await;
    for name in [
        "cpu_seconds_total",
        "resident_memory_bytes",
        "virtual_memory_bytes",
        "open_fds",
        "max_fds",
        "start_time_seconds",
    ] {
        assert!(value(&metrics, &format!("process_{name}")) > 0.0, "{name}: {metrics}");
    }
}
