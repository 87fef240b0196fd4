//! Handoffs that succeed: nobody is refused, nobody is cut, TLS sessions resume, and systemd hears the right words.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, getpgid};
use rustls::HandshakeKind;

use crate::handoff::chat::{Chat, Client, Echo, echoes, plain_answer, storm, talker, until_closed};
use crate::handoff::world::World;
use crate::rig::{Note, signal};

/// Open tunnels stay in the process that they opened in, and within hours hardly one of them is told in a test.
const DRAIN: &str = "[drain.handoff]\ntunnels = \"drain\"\nspread = \"19h\"\ndeadline = \"20h\"";

/// How many handoffs follow each other; `WINDLASS_HANDOFFS` sets another number.
const HANDOFFS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_after_the_other_refuses_nobody_and_resumes_every_session() {
    let quick = "[drain.handoff]\ntunnels = \"drain\"\ndeadline = \"10s\"\nspread = \"500ms\"";
    let (chat, mut main) = Chat::started(quick).await;
    let over = Arc::new(AtomicBool::new(false));
    let storms: Vec<_> = (0..4).map(|_| tokio::spawn(storm(chat.client.clone(), Arc::clone(&over)))).collect();
    let talkers: Vec<_> = (0..20).map(|_| tokio::spawn(talker(chat.client.clone(), Arc::clone(&over)))).collect();
    let visitor = chat.client.anew();
    assert_eq!(visitor.visit().await, Ok(HandshakeKind::Full));

    let mut heard = Vec::new();
    let handoffs = asked_for("WINDLASS_HANDOFFS", HANDOFFS);
    for _ in 0..handoffs {
        chat.world.folder.until("a free place", || chat.world.running().len() <= 2).await;
        let (notes, next) = hand_off(&chat.world, main).await;
        heard.extend(notes);
        main = next;
        assert_eq!(visitor.visit().await, Ok(HandshakeKind::Resumed));
    }
    chat.world.folder.until("the end of every predecessor", || chat.world.running() == [main]).await;
    over.store(true, Ordering::Relaxed);

    let (mut visits, mut returns) = (0, 0);
    for storm in storms {
        let (came, failures) = storm.await.unwrap();
        visits += came;
        assert_eq!(failures, Vec::<String>::new());
    }
    for talker in talkers {
        let (returned, failures) = talker.await.unwrap();
        returns += returned;
        assert_eq!(failures, Vec::<String>::new());
    }
    assert!(visits > 20 && returns >= 20, "{visits} visits, {returns} returns");
    println!("{handoffs} handoffs: {visits} visits, {returns} tunnels told to come back");
    heard.extend(chat.world.notify.notes_so_far().await);
    assert_silent_after_mainpid(&heard);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_process_ends_up_in_the_group_of_the_old_one() {
    let (chat, old) = Chat::started("").await;
    let _tunnel = chat.client.tunnel().await.unwrap();

    let (_, new) = hand_off(&chat.world, old).await;

    let group = |pid: u32| getpgid(Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    chat.world.folder.until("one group of both", || group(new) == group(old)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_the_old_process_still_get_their_tunnels() {
    let (chat, old) = Chat::started("").await;
    let (quiet, _) = chat.client.session().await.unwrap();
    let (mut plain, _) = chat.client.session().await.unwrap();

    hand_off(&chat.world, old).await;

    let mut tunnel = Client::upgrade(quiet).await.unwrap();
    assert_eq!(echoes(&mut tunnel, "from the old process").await, Echo::Came);
    assert!(plain_answer(&mut plain).await.contains("\r\nconnection: close\r\n"));
    assert!(chat.world.running().contains(&old));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_predecessor_that_is_told_to_stop_hurries() {
    let (mut chat, old) =
        Chat::started("[drain.handoff]\ntunnels = \"drain\"\n[drain.stop]\ndeadline = \"5s\"\nspread = \"100ms\"")
            .await;
    let mut tunnel = chat.client.tunnel().await.unwrap();
    let (_, new) = hand_off(&chat.world, old).await;
    assert_eq!(echoes(&mut tunnel, "there is time").await, Echo::Came);

    signal(old, Signal::TERM);

    assert_eq!(until_closed(tunnel).await, Echo::Closed(1012));
    assert_eq!(chat.world.exit_code(old).await, Some(0));
    chat.world.folder.until("the new process alone", || chat.world.running() == [new]).await;
    assert_eq!(chat.world.notify.notes_so_far().await, []);
    chat.world
        .folder
        .until_logged(&["a process that had handed over is gone", &format!("\"predecessor\":{old}")])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_too_many_predecessors_a_handoff_is_refused_and_says_who_drains() {
    let (chat, first) =
        Chat::started("[drain.handoff]\ntunnels = \"drain\"\nmax_predecessors = 1\n[drain.stop]\nspread = \"1ms\"")
            .await;
    let mut tunnel = chat.client.tunnel().await.unwrap();
    assert_eq!(echoes(&mut tunnel, "hello").await, Echo::Came);
    let (_, second) = hand_off(&chat.world, first).await;

    signal(second, Signal::USR2);
    let refusal = chat.world.folder.until_logged(&["no handoff: drain.handoff.max_predecessors"]).await;
    assert!(refusal.contains(&format!("process {first}")), "{refusal}");
    assert_eq!(chat.world.notify.notes_so_far().await, []);

    drop(tunnel);
    chat.world.folder.until("the end of the first", || chat.world.running() == [second]).await;
    chat.world.folder.until_logged(&["a process that had handed over is gone"]).await;
    hand_off(&chat.world, second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_process_hears_from_the_first() {
    let (chat, first) = Chat::started(DRAIN).await;
    let mut of_first = chat.client.tunnel().await.unwrap();
    assert_eq!(echoes(&mut of_first, "hello").await, Echo::Came);
    let (_, second) = hand_off(&chat.world, first).await;
    // From then on the first accepts nobody.
    chat.world.folder.until_logged(&["drain begins"]).await;
    let mut of_second = chat.client.tunnel().await.unwrap();
    assert_eq!(echoes(&mut of_second, "hello").await, Echo::Came);
    let (_, third) = hand_off(&chat.world, second).await;

    let drain = [first, second].map(|pid| format!("process {pid} with 1 tunnel"));
    chat.world
        .folder
        .until("what the two say", || {
            signal(third, Signal::USR2);
            chat.world.folder.log().lines().any(|line| drain.iter().all(|drain| line.contains(drain)))
        })
        .await;

    drop(of_first);
    chat.world.folder.until("the end of the first", || !chat.world.running().contains(&first)).await;
    chat.world
        .folder
        .until_logged(&["a process that had handed over is gone", &format!("\"predecessor\":{first}")])
        .await;
    assert_eq!(echoes(&mut of_second, "still there").await, Echo::Came);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_process_serves_its_own_configuration() {
    let (chat, old) = Chat::started("").await;
    let config = std::fs::read_to_string(chat.world.folder.path("windlass.toml")).unwrap();
    chat.world.folder.configure(&config.replace("[route.chat]", "[route.chat]\npath = \"/elsewhere\""));

    let (_, new) = hand_off(&chat.world, old).await;
    chat.world.folder.until("the end of the old process", || chat.world.running() == [new]).await;

    let refused = chat.client.tunnel().await.unwrap_err();
    assert!(refused.contains("404"), "{refused}");
}

/// Hands over, and returns what systemd heard and the new main process.
pub(crate) async fn hand_off(world: &World, main: u32) -> (Vec<Note>, u32) {
    signal(main, Signal::USR2);
    let announced = world.notify.until_noted(|note| note.text.starts_with("MAINPID=")).await;
    let last = announced.last().unwrap();
    assert_eq!((announced.len(), last.pid), (1, main), "{announced:?}");
    let next = last.text.strip_prefix("MAINPID=").unwrap().parse().unwrap();
    let ready = world.notify.note().await;
    assert!(ready.pid == next && ready.text.starts_with("READY=1"), "{ready:?}");
    (vec![last.clone(), ready], next)
}

fn assert_silent_after_mainpid(notes: &[Note]) {
    let mut handed_over = HashMap::new();
    for note in notes {
        assert!(!note.text.contains("STOPPING"), "{note:?}");
        assert_eq!(handed_over.get(&note.pid), None, "{note:?}");
        if note.text.starts_with("MAINPID=") {
            handed_over.insert(note.pid, ());
        }
    }
}

/// How much a test does, where somebody wants another number than it has.
pub(crate) fn asked_for(variable: &str, otherwise: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is nothing that it tests")]
    let asked_for = std::env::var(variable);
    asked_for.map_or(otherwise, |number| number.parse().unwrap())
}
