//! What operators read of sources.

use std::fs;

use crate::discovery::site::{Site, clients, until_served};
use crate::operate::metrics::scrape;
use crate::operate::operator::text;
use crate::rig::{PROGRAM, command, output};

const SOURCE: &str = "{ file = \"endpoints.json\" }";

#[tokio::test]
async fn the_status_and_the_metrics_tell_of_the_source() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b:backup"]);
    let windlass = site.start().ready().await;
    let people = text(&windlass.ask(&["status"]).await);
    assert!(people.contains("UPSTREAM  SOURCE") && people.contains("endpoints.json"), "{people}");
    let mut clients = clients(&windlass, 3).await;
    site.name(&["a:leaving", "b"]);
    until_served(&windlass, &["a leaving", "b eligible"]).await;
    let people = text(&windlass.ask(&["status"]).await);
    assert!(people.contains(" leaving ") && people.contains("names it no more, or as leaving"), "{people}");
    let metrics = scrape(&windlass).await;
    for (series, value) in [
        ("windlass_discovery_endpoints{upstream=\"chat\",role=\"leaving\"}", "1"),
        ("windlass_discovery_endpoints{upstream=\"chat\",role=\"ready\"}", "1"),
        ("windlass_discovery_endpoints{upstream=\"chat\",role=\"backup\"}", "0"),
        ("windlass_endpoint_state{upstream=\"chat\",endpoint=\"a\",state=\"leaving\"}", "1"),
    ] {
        assert!(metrics.contains(&format!("{series} {value}\n")), "{series}: {metrics}");
    }
    for name in ["age_seconds", "failures_total", "refused_sets_total"] {
        assert!(metrics.contains(&format!("windlass_discovery_{name}{{upstream=\"chat\",source=\"file ")), "{metrics}");
    }
    clients.clear();
}

#[tokio::test]
async fn a_plan_names_the_source_and_asks_it() {
    let site = Site::new(SOURCE, "").await;
    site.name(&["a", "b"]);
    let windlass = site.start().ready().await;
    let config = fs::read_to_string(site.folder.config()).unwrap();
    let plan = async |config: &str| {
        let new = site.folder.write("new.toml", config);
        text(&windlass.ask_with(&new, &["plan"]).await)
    };
    assert_eq!(plan(&config).await, "nothing would change\n");
    let file = site.folder.path("endpoints.json");
    fs::copy(&file, site.folder.path("other.json")).unwrap();
    let said = plan(&config.replace("endpoints.json", "other.json")).await;
    assert!(said.contains("upstream chat changed: endpoints: file ") && said.contains("other.json"), "{said}");
    assert!(!said.contains("removed"), "the endpoints are the same: {said}");
    let said = plan(&config.replace("endpoints.json", "absent.json")).await;
    assert!(said.contains("absent.json has no endpoints for upstream chat: cannot be read"), "{said}");
    let listed = config.replace("{ file = \"endpoints.json\" }", "[\"127.0.0.1:1\"]");
    let said = plan(&listed).await;
    assert!(said.contains("endpoint a of upstream chat removed") && said.contains("→ a list"), "{said}");
}

#[tokio::test]
async fn a_plan_tells_of_tunnels_whose_endpoint_leaves_and_an_operator_who_keeps_them_hears_of_it() {
    let site = Site::new(SOURCE, "[drain.reload]\non = \"keep\"\n").await;
    site.name(&["a"]);
    let windlass = site.start().ready().await;
    let clients = clients(&windlass, 3).await;
    let other = format!("{{\"endpoints\": [{}, {}]}}", site.written("a:leaving"), site.written("b"));
    site.folder.write("other.json", &other);
    let config = fs::read_to_string(site.folder.config()).unwrap().replace("endpoints.json", "other.json");
    let said = text(&windlass.ask_with(&site.folder.write("new.toml", &config), &["plan"]).await);
    assert!(said.contains("endpoint a of upstream chat is leaving"), "{said}");
    assert!(said.contains("0 tunnels would stay"), "{said}");
    assert!(
        said.contains("3 tunnels would be closed with an endpoint that leaves: told over 0 s, cut after 5 s"),
        "{said}"
    );
    assert_eq!(clients.len(), 3);
}

#[tokio::test]
async fn a_state_folder_is_for_nothing_else() {
    let site = Site::new("{ file = \"state/endpoints-chat.json\" }", "").await;
    let refused = output(command(PROGRAM).arg("check").arg(site.folder.config())).await;
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("holds the source of upstream chat too"), "{}", text(&refused));
}

#[tokio::test]
async fn a_check_reads_the_file_of_endpoints_too() {
    let site = Site::new(SOURCE, "").await;
    let check = async || output(command(PROGRAM).arg("check").arg(site.folder.config())).await;
    site.name(&["a", "b"]);
    let good = check().await;
    assert_eq!(good.status.code(), Some(0), "{}", text(&good));
    assert!(text(&good).contains("1 upstream with 0 endpoints and those of file "), "{}", text(&good));
    site.replace("{\"endpoints\": [\"app.internal\"]}");
    let bad = check().await;
    assert_eq!(bad.status.code(), Some(2), "{}", text(&bad));
    assert!(text(&bad).contains("windlass.toml:9:22: upstream.chat.endpoints.file"), "{}", text(&bad));
    assert!(text(&bad).contains("endpoints.json: line 1, column"), "{}", text(&bad));
}

#[tokio::test]
async fn a_start_warns_of_ports_for_the_endpoints_that_a_source_has_named() {
    let site = Site::new("{ file = \"endpoints.json\" }\nmax_tunnels = 100000", "").await;
    site.name(&["a"]);
    let _windlass = site.start().ready().await;
    site.folder.until_logged(&["max_tunnels is 100000, and there are ports for "]).await;
}
