//! `policy = "least_busy"`: newcomers keep away from where the messages are.

use super::site::{Site, counts};
use crate::rig::{Frame, until, until_async};

const MESSAGES: usize = 5_000;

#[tokio::test]
async fn an_endpoint_that_is_flooded_with_messages_gets_no_newcomers_though_it_has_the_fewest_tunnels() {
    let site = Site::of(&["a", "b", "c"], &[("policy", "\"least_busy\"")]).await;
    // Nobody has anything to do: then tunnels decide.
    let mut tunnels = site.opens_many(30).await;
    let at_first = counts(&tunnels);
    assert!(at_first.len() == 3 && at_first.values().all(|count| (4..=16).contains(count)), "{at_first:?}");
    let talker = tunnels.iter().position(|tunnel| tunnel.at == "a").unwrap();
    let mut talker = tunnels.swap_remove(talker);
    tunnels.retain(|tunnel| tunnel.at != "a");
    until("the talker is alone there", || site.target("a").tunnels() == 1).await;

    talker.client.send(Frame::text("and another thing").by_client().repeat(MESSAGES)).await;

    until_async("the messages tell", async || !counts(&site.opens_many(8).await).contains_key("a")).await;
    let newcomers = counts(&site.opens_many(40).await);
    assert!(newcomers.keys().eq(["b", "c"]), "{newcomers:?}");
}
