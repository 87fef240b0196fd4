//! What was to happen at a time happens then, wherever the tunnel is by then: the clocks of a tunnel that moves run on.
//!
//! One that a move would begin anew would never come to its end here: handoffs follow each other quicker than that.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::site::{End, Ends, Site, Way};
use crate::rig::{Frame, Opcode, within};

const LIMIT: Duration = Duration::from_secs(4);

fn is_ping(frame: &Frame) -> bool {
    frame.opcode == Opcode::Ping
}

/// The code of the Close that comes to `client`, which answers nothing before.
fn closed(mut client: End) -> JoinHandle<Option<u16>> {
    tokio::spawn(async move {
        loop {
            let frame = client.frame().await;
            if frame.opcode == Opcode::Close {
                client.try_send(frame.by_client()).await;
                return frame.close_code();
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pong_that_is_awaited_is_awaited_on() {
    let keys = ["chat", "twice"].map(|route| {
        let of = |key: &str| format!("route.{route}.websocket.{key}");
        [
            (of("ping_every"), "{ client = \"1s\", upstream = \"off\" }"),
            (of("pong_within"), "\"4s\""),
            (of("pongs"), "\"required\""),
        ]
    });
    let keys: Vec<_> = keys.as_flattened().iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let mut site = Site::started(&keys).await;
    let (mut answering, mut silent, mut endpoints) = (Vec::new(), Vec::new(), Vec::new());
    for way in Way::ALL {
        let Ends { client, endpoint } = site.open(way).await;
        answering.push((client, endpoint));
        let Ends { client, endpoint } = site.open(way).await;
        silent.push(client);
        endpoints.push(endpoint);
    }
    let mut pings = Vec::new();
    for (client, _) in &mut answering {
        let ping = client.frame().await;
        assert!(is_ping(&ping), "{ping:?}");
        pings.push(ping);
    }
    for client in &mut silent {
        assert!(is_ping(&client.frame().await));
    }
    let pinged = Instant::now();

    site.hand_over().await;

    for ((client, _), ping) in answering.iter_mut().zip(pings) {
        client.send(Frame::new(Opcode::Pong, ping.payload).by_client()).await;
    }
    // Whoever answers every ping from now on is there for good.
    let answering: Vec<_> = answering.into_iter().map(|(client, endpoint)| (answer(client), endpoint)).collect();
    let silent: Vec<_> = silent.into_iter().map(closed).collect();
    site.hand_over_until_closed(&silent).await;
    assert!(pinged.elapsed() + Duration::from_millis(200) >= LIMIT, "closed after {:?}", pinged.elapsed());
    for ended in site.so_many_lines("tunnel ended", silent.len()).await {
        assert_eq!((&ended["outcome"], &ended["ended_by"]), (&"pong_within".into(), &"client".into()), "{ended}");
    }
    let (answering, mut endpoints): (Vec<_>, Vec<_>) = answering.into_iter().unzip();
    for (answering, endpoint) in answering.into_iter().zip(&mut endpoints) {
        endpoint.send(Frame::text("there?").by_endpoint()).await;
        within("a client that answered its ping", answering).await.unwrap();
    }
    assert_eq!(site.lines("tunnel ended").len(), silent.len());
}

/// Answers every ping until a text comes.
fn answer(mut client: End) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let frame = client.frame().await;
            match frame.opcode {
                Opcode::Ping => client.send(Frame::new(Opcode::Pong, frame.payload).by_client()).await,
                Opcode::Text => return,
                _ => panic!("{frame:?}"),
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lifetime_and_idleness_run_on() {
    let keys = [("route.chat.websocket.max_lifetime", "\"4s\""), ("route.twice.websocket.idle_timeout", "\"4s\"")];
    let mut site = Site::started(&keys).await;
    let opened = Instant::now();
    let (mut ends, mut waiting) = (Vec::new(), Vec::new());
    for way in Way::ALL {
        let Ends { client, endpoint } = site.open(way).await;
        waiting.push(closed(client));
        ends.push(endpoint);
    }
    site.hand_over_until_closed(&waiting).await;
    // A tenth sooner or later.
    assert!(opened.elapsed() >= LIMIT * 9 / 10, "closed after {:?}", opened.elapsed());
    drop(ends);
    let mut outcomes: Vec<_> =
        site.so_many_lines("tunnel ended", 3).await.iter().map(|line| line["outcome"].to_string()).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["\"idle_timeout\"", "\"max_lifetime\"", "\"max_lifetime\""]);
}
