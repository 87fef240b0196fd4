//! A server that has let tunnels in is asked again about those that have moved, when it would have been, and what it has said holds on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use windlass::process::unix_seconds;

use super::site::{Site, Way};
use crate::access::auth_server::{AuthServer, says};

/// A proxy whose two routes ask this server, each with these keys beside its URL.
async fn asking(server: &AuthServer, keys: [&[(&str, &str)]; 2]) -> Site {
    let url = format!("{:?}", server.url());
    let mut all = Vec::new();
    for (route, keys) in ["chat", "twice"].into_iter().zip(keys) {
        let keys = [&[("url", url.as_str())], keys].concat();
        all.extend(keys.into_iter().map(|(key, value)| (format!("route.{route}.authorize.{key}"), value.to_owned())));
    }
    let keys: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    Site::started(&keys).await
}

/// Opens a tunnel of each way with this cookie; how they end.
async fn closing(site: &Site, cookie: &str) -> Vec<JoinHandle<(u16, String)>> {
    let mut closing = Vec::new();
    for way in Way::ALL {
        closing.push(site.open_with(way, &[("cookie", cookie)]).await.0.closing());
    }
    closing
}

async fn assert_ended(closing: Vec<JoinHandle<(u16, String)>>, (code, reason): (u16, &str)) {
    for closing in closing {
        assert_eq!(closing.await.unwrap(), (code, reason.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_thrown_out_or_not_confirmed_is_closed_in_time_and_nobody_else() {
    let everybody_enters = Arc::new(AtomicBool::new(true));
    let enters = Arc::clone(&everybody_enters);
    let server = AuthServer::start(move |question| {
        let status = match question.headers["cookie"].to_str().unwrap() {
            _ if enters.load(Ordering::Relaxed) => 200,
            "ann" => 403,
            "cid" => 500,
            _ => 200,
        };
        says(status, &[], "")
    })
    .await;
    let keys: [(&str, &str); 2] = [("recheck_every", "\"4s\""), ("recheck_grace", "\"7s\"")];
    let mut site = asking(&server, [&keys; 2]).await;
    let opened = Instant::now();
    let (of_ann, of_cid) = (closing(&site, "ann").await, closing(&site, "cid").await);
    let mut of_bob = Vec::new();
    for way in Way::ALL {
        of_bob.push(site.open_with(way, &[("cookie", "bob")]).await.0);
    }
    everybody_enters.store(false, Ordering::Relaxed);

    site.hand_over_until_closed(&of_ann).await;
    // A tenth sooner or later.
    assert!(opened.elapsed() >= Duration::from_secs(4) * 9 / 10, "closed after {:?}", opened.elapsed());
    assert_ended(of_ann, (4403, "no longer permitted")).await;

    site.hand_over_until_closed(&of_cid).await;
    assert!(opened.elapsed() >= Duration::from_secs(7), "closed after {:?}", opened.elapsed());
    assert_ended(of_cid, (4403, "no longer confirmed")).await;

    for ends in &mut of_bob {
        ends.assert_carry().await;
    }
    let mut outcomes: Vec<_> =
        site.so_many_lines("tunnel ended", 6).await.iter().map(|line| line["outcome"].to_string()).collect();
    outcomes.sort();
    let (refused, unconfirmed) = ("\"recheck_refused\"", "\"recheck_unconfirmed\"");
    assert_eq!(outcomes, [refused, refused, refused, unconfirmed, unconfirmed, unconfirmed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_the_server_has_given_holds_whether_it_is_asked_again_or_not() {
    let end = unix_seconds() + 8;
    let says_until = end.to_string();
    let server = AuthServer::start(move |_| says(200, &[("x-auth-expires", says_until.as_str())], "")).await;
    let expires = ("expires_header", "\"x-auth-expires\"");
    let keys: [&[_]; 2] = [&[expires, ("recheck_every", "\"1min\"")], &[expires, ("recheck_every", "\"off\"")]];
    let mut site = asking(&server, keys).await;
    let closing = closing(&site, "ann").await;

    site.hand_over_until_closed(&closing).await;

    assert!(unix_seconds() >= end - 1, "{} seconds too early", end - unix_seconds());
    assert_ended(closing, (1008, "expired")).await;
    for line in site.so_many_lines("tunnel ended", Way::ALL.len()).await {
        assert_eq!(line["outcome"], "expired", "{line}");
    }
}
