//! What becomes of the open tunnels of an endpoint that is down.

use windlass::metrics::{Exposition, Gauges};

use super::site::Site;
use crate::rig::{Frame, Opcode, assert_carries, until};

#[tokio::test]
async fn with_close_everybody_there_is_told_at_once_and_nobody_elsewhere() {
    let mut site = Site::with(&[("on_down", "\"close\""), ("drain.close_code", "4012")]).await;
    let mut on_a = site.tunnels_on("a", 8).await;
    let mut on_b = site.tunnels_on("b", 1).await;
    site.a.falls_ill();
    for (client, endpoint) in &mut on_a {
        let close = client.frame().await;
        assert_eq!((close.opcode, &close.payload[..2]), (Opcode::Close, &4012_u16.to_be_bytes()[..]));
        assert_eq!(&close.payload[2..], b"endpoint down");
        assert_eq!(endpoint.frame().await.opcode, Opcode::Close);
    }
    assert!(site.state("a").is_down());
    drop(on_a);
    let ended =
        r#"windlass_tunnels_ended_total{route="chat",outcome="drained_endpoint_down",by="windlass",code="4xxx"} 8"#;
    let metrics = || site.proxy.running.proxy().metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    until("they are counted by why they ended", || metrics().lines().any(|line| line == ended)).await;
    let (client, endpoint) = &mut on_b[0];
    assert_carries(client, endpoint).await;
}

#[tokio::test]
async fn with_keep_they_stay() {
    let mut site = Site::with(&[("on_down", "\"keep\"")]).await;
    let mut on_a = site.tunnels_on("a", 1).await;
    site.a.falls_ill();
    site.is_down("a").await;
    let (client, endpoint) = &mut on_a[0];
    assert_carries(client, endpoint).await;
}

#[tokio::test]
async fn with_drain_they_are_told_in_turn_and_who_was_not_told_when_it_is_up_again_stays() {
    let keys = [
        ("on_down", "\"drain\""),
        ("drain.max_per_second", "1"),
        ("drain.reload.deadline", "\"10min\""),
        ("drain.reload.spread", "\"5min\""),
    ];
    let mut site = Site::with(&keys).await;
    let mut on_a = site.tunnels_on("a", 40).await;
    site.a.falls_ill();
    let drains = || site.proxy.running.proxy().drains.all();
    until("the first is told", || drains().iter().any(|drain| drain.progress.told > 0)).await;
    assert_eq!(drains()[0].scope, "endpoint/chat/a");
    assert_eq!(drains()[0].cause.as_str(), "endpoint_down");
    site.a.recovers();
    until("the drain is taken back", || drains().iter().all(|drain| drain.end.is_some())).await;
    let told = drains()[0].progress.told;
    assert!((1..40).contains(&told), "{told} of 40 were told");
    let mut stayed = 0;
    for (client, endpoint) in &mut on_a {
        endpoint.send(Frame::text("still there?").by_endpoint()).await;
        match client.frame().await.opcode {
            Opcode::Text => stayed += 1,
            told => assert_eq!(told, Opcode::Close),
        }
    }
    assert_eq!(stayed, 40 - told);
    // And no order waits for whoever comes next.
    let (mut client, mut endpoint) = site.tunnels_on("a", 1).await.remove(0);
    assert_carries(&mut client, &mut endpoint).await;
}
