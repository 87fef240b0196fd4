//! A client: a few requests over one connection, of which the last may open a tunnel; and it may be gone at any moment.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::chance::Chance;
use super::ledger::Ledger;
use super::requests::{Requests, Went};
use super::site::{LISTENERS, ROUTES, listener_address};
use super::talk::{Manners, Talk};
use super::talker::{pour, talk};
use super::wire::Wire;
use crate::websocket::Side;

pub(super) async fn live(ledger: Arc<Ledger>, id: u64, mut chance: Chance) {
    sleep(chance.millis(0..40_000)).await;
    let from = SocketAddr::from(([198, 51, 100, id as u8], 4000));
    let to = listener_address(chance.size(0..LISTENERS));
    let Ok(socket) = ledger.network.connect(from, to).await else {
        return ledger.note(&format!("client {id}: nobody listens"));
    };
    let mut wire = Wire::new(socket);
    if chance.one_in(4) {
        let after = chance.soon();
        let is_gone = timeout(after, story(&ledger, id, &mut wire, &mut chance, Manners::Vanishes)).await.is_err();
        if is_gone {
            vanish(wire, &mut chance);
        }
    } else {
        let manners = Manners::any(&mut chance);
        story(&ledger, id, &mut wire, &mut chance, manners).await;
        if manners != Manners::Polite {
            vanish(wire, &mut chance);
        }
    }
    ledger.note(&format!("client {id} is gone"));
}

fn vanish(wire: Wire, chance: &mut Chance) {
    match chance.number(0..4) {
        0 => wire.socket().pull_cable(),
        1 => wire.socket().reset_when_dropped(),
        _ => {}
    }
}

async fn story(ledger: &Ledger, id: u64, wire: &mut Wire, chance: &mut Chance, manners: Manners) {
    for number in 0..chance.number(1..6) {
        let path = format!("/r{}/c{id}/n{number}", chance.size(0..ROUTES));
        let tag = id << 16 | number << 8;
        let is_polite = manners == Manners::Polite;
        let mut requests = Requests { wire, ledger, chance, path: &path, tag, is_polite, has_body: false };
        let went = match requests.chance.number(0..8) {
            0..3 => requests.exchange().await,
            3..7 => requests.upgrade("websocket").await,
            _ => requests.upgrade("echo").await,
        };
        ledger.note(&format!("client {id}: {path} {went:?}"));
        match went {
            Went::Answered => {}
            Went::Last | Went::Cut => return,
            Went::Tunnel { token, others, is_other_polite } => {
                let talks = Talk { side: Side::Client, tag, others, manners, is_other_polite };
                if token == "echo" {
                    return pour(wire, talks, chance).await;
                }
                let talked = talk(wire, talks, chance, ledger).await;
                return ledger.note_talked(&path, talks, talked);
            }
        }
        sleep(Duration::from_millis(chance.number(0..1_000))).await;
    }
}
