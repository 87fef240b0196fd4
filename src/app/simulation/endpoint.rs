//! An endpoint: listens, is away for a while, or so far away that nobody hears of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::answers::Answers;
use super::chance::Chance;
use super::ledger::Ledger;
use super::site::endpoint_address;
use super::talk::Manners;
use super::wire::Wire;
use crate::net::SimulatedSocket;

/// Serves at one of its ports until everything is over, and until whoever is connected has ended.
pub(super) async fn live(ledger: Arc<Ledger>, index: usize, port: u16, mut chance: Chance) {
    let address = endpoint_address(index, port);
    let mut connections = JoinSet::new();
    let mut number = 0;
    while !ledger.is_over() {
        let until = Instant::now() + chance.seconds(1..60);
        let listener = ledger.network.listen(address).unwrap();
        while let Ok((socket, _)) = timeout_at(until, listener.accept()).await {
            number += 1;
            let name = format!("endpoint {index}:{port} connection {number}");
            connections.spawn(serve(Arc::clone(&ledger), name, socket, chance.fork()));
        }
        if chance.one_in(2) {
            continue;
        }
        if chance.one_in(2) {
            drop(listener);
            sleep(chance.seconds(0..10)).await;
        } else {
            ledger.network.set_silent(address, true);
            sleep(chance.seconds(0..10)).await;
            ledger.network.set_silent(address, false);
        }
    }
    while let Some(ended) = connections.join_next().await {
        ended.unwrap();
    }
}

async fn serve(ledger: Arc<Ledger>, name: String, socket: SimulatedSocket, mut chance: Chance) {
    let mut wire = Wire::new(socket);
    let manners = Manners::any(&mut chance);
    let answers = Answers { wire: &mut wire, ledger: &ledger, chance: &mut chance, manners };
    if manners == Manners::Vanishes {
        // Whatever it was about to do.
        let until = Instant::now() + Duration::from_secs(1) + answers.chance.soon();
        let _ = timeout_at(until, answers.give()).await;
        match chance.number(0..4) {
            0 => wire.socket().pull_cable(),
            1 => wire.socket().reset_when_dropped(),
            _ => {}
        }
    } else {
        answers.give().await;
    }
    ledger.note(&format!("{name} is gone"));
}
