//! Which lines are written, and how an operator changes that for a while.

use serde_json::{Value, json};

use super::site::{folder, get, site, start, start_by};
use crate::operate::operator::text;
use crate::rig::{PROGRAM, Program, Wire, until_async};

async fn level(windlass: &Program, arguments: &[&str]) -> Value {
    let output = windlass.ask(&[&["log-level", "--json"], arguments].concat()).await;
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn an_operator_has_more_written_for_a_while_and_it_goes_back_by_itself() {
    let folder = folder(async |_| site("level = \"warn\"").await).await;
    let windlass = start(&folder).await;
    let configured = json!({ "level": "warn", "decided_by": "configuration", "configured": "warn" });
    assert_eq!(level(&windlass, &[]).await, configured);
    assert_eq!(get(&mut Wire::connect(windlass.public().await).await, "/own?first").await, 200);

    let ordered = level(&windlass, &["debug", "--for", "2s"]).await;
    assert_eq!((&ordered["level"], &ordered["decided_by"]), (&"debug".into(), &"operator".into()));
    assert_eq!(get(&mut Wire::connect(windlass.public().await).await, "/own").await, 200);
    folder.until_logged(&["\"exchange\"", "/own"]).await;
    until_async("the level of the configuration", async || level(&windlass, &[]).await == configured).await;
    folder.until_logged(&["that of the configuration again"]).await;
    assert_eq!(folder.log().matches("\"exchange\"").count(), 1);
}

#[tokio::test]
async fn what_an_operator_orders_outlives_a_reload_that_does_not_change_it() {
    let folder = folder(async |_| site("level = \"warn\"").await).await;
    let windlass = start(&folder).await;
    level(&windlass, &["trace", "--for", "1h"]).await;
    assert!(windlass.ask(&["reload"]).await.status.success());
    assert_eq!(level(&windlass, &[]).await["level"], "trace");

    let config = std::fs::read_to_string(folder.config()).unwrap();
    folder.configure(&config.replace("level = \"warn\"", "level = \"info\""));
    assert!(windlass.ask(&["reload"]).await.status.success());
    let now = level(&windlass, &[]).await;
    assert_eq!((&now["level"], &now["decided_by"]), (&"info".into(), &"configuration".into()));
    folder.until_logged(&["log.level has changed, and what an operator had ordered is over", "\"trace\""]).await;
}

#[tokio::test]
async fn rust_log_wins_and_the_error_says_so() {
    let folder = folder(async |_| site("").await).await;
    let mut command = folder.command(PROGRAM, &[]);
    command.env("RUST_LOG", "windlass=warn");
    let windlass = start_by(&folder, command).await;
    assert_eq!(level(&windlass, &[]).await["decided_by"], "RUST_LOG");
    let refused = windlass.ask(&["log-level", "debug"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("RUST_LOG (windlass=warn) decides"), "{}", text(&refused));
}

#[tokio::test]
async fn what_is_no_level_and_no_time_is_a_wrong_command_line() {
    let folder = folder(async |_| site("").await).await;
    let windlass = start(&folder).await;
    for wrong in [&["verbose"][..], &["debug", "--for", "10"], &["--for", "10min"]] {
        let output = windlass.ask(&[&["log-level"], wrong].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", text(&output));
    }
}
