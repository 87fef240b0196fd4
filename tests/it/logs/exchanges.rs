//! Which exchanges have a line.

use super::site::{count, folder, get, lines, site, start};
use crate::operate::metrics::scrape;
use crate::rig::{Wire, until};

const EACH: usize = 400;

#[tokio::test]
async fn of_those_that_went_well_a_share_has_a_line_and_says_so_and_each_of_the_others_has_one() {
    for (exchanges, expected) in [("0.25", EACH / 10..EACH / 2), ("\"failed\"", 0..1), ("\"all\"", EACH..EACH + 1)] {
        let folder = folder(async |_| site(&format!("exchanges = {exchanges}")).await).await;
        let windlass = start(&folder).await;
        let mut client = Wire::connect(windlass.public().await).await;
        for _ in 0..EACH {
            assert_eq!(get(&mut client, "/own").await, 200);
        }
        for _ in 0..20 {
            assert_eq!(get(&mut client, "/broken").await, 500);
        }
        let log = folder.path("log");
        let of = |path: &str| lines(&log).into_iter().filter(|line| line["path"] == path).collect::<Vec<_>>();
        until("each that failed to have a line", || of("/broken").len() == 20).await;
        assert!(of("/broken").iter().all(|line| line.get("sample_rate").is_none()));
        let own = of("/own");
        assert!(expected.contains(&own.len()), "{exchanges}: {}", own.len());
        let rates = own.iter().filter(|line| line["sample_rate"] == 0.25).count();
        assert_eq!(rates, if exchanges == "0.25" { own.len() } else { 0 }, "{exchanges}");
        assert_eq!(count(&own, "exchange"), own.len());
        let metrics = scrape(&windlass).await;
        let counted = |status: &str, count| format!("class=\"{status}xx\",outcome=\"answered\"}} {count}\n");
        assert!(metrics.contains(&counted("2", EACH)) && metrics.contains(&counted("5", 20)), "{metrics}");
    }
}
