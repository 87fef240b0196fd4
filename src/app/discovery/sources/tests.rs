//! Sources that speak, and one that is asked no more, in virtual time.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::super::handoff::{Inheritance, InheritedSets};
use super::super::super::loaded::Loaded;
use super::super::super::running::{Machine, Running};
use super::super::source::Source;
use super::*;
use crate::config::parse;
use crate::net::{Network, SimulatedNetwork};
use crate::process::{Room, Workers};
use crate::resolver::{Found as Records, LookupError, Resolver, Scripted};

const CONFIG: &str = "admin = { listen = \"off\" }\n[listener.l]\nbind = \"10.0.0.1:80\"\n[route.r]\nupstream = \"chat\"\n\
    [upstream.chat]\nendpoints = { dns = \"chat:80\" }\n[upstream.games]\nendpoints = { dns = \"games:80\" }\n\
    [route.games]\npath = \"/games\"\nupstream = \"games\"\n";
const SECOND: Duration = Duration::from_secs(1);

fn addresses(last: &[u8]) -> Result<Records<IpAddr>, LookupError> {
    let records = last.iter().map(|last| [10, 1, 0, *last].into()).collect();
    Ok(Records { records, ttl: SECOND })
}

fn running() -> Running {
    let room = Room { descriptors: 0, tunnels: 100, resting: 0 };
    let network = Network::Simulated(SimulatedNetwork::slow(Duration::from_millis(1)));
    let machine = Machine { workers: Workers::on_this_runtime(1), room, network };
    let loaded = Loaded::read(parse(CONFIG, Path::new("test.toml")).unwrap()).unwrap();
    Running::build_on(machine, loaded, &mut Inheritance::default()).unwrap().open()
}

/// The source of an upstream, which says what `script` does.
fn source(running: &Running, upstream: &str, script: &Scripted) -> (UpstreamName, Source) {
    let settings = running.proxy.snapshot().upstreams()[upstream].settings.source.clone().unwrap();
    (upstream.into(), Source::begin_with(settings, Resolver::scripted(script.clone())))
}

/// Does what is next; whether that was a sweep.
async fn step(running: &mut Running, sources: &mut Sources) -> bool {
    match sources.next(running.sweep_after()).await {
        Next::Sweep => {
            running.drop_left();
            true
        }
        Next::Take(news) => {
            let statuses = std::sync::Arc::clone(running.proxy());
            let (upstream, set) = sources.judge(news, &statuses.sources).unwrap();
            running.take_endpoints(&upstream, set);
            false
        }
    }
}

fn names(running: &Running) -> usize {
    running.proxy.snapshot().upstreams()["chat"].endpoints().len()
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_let_go_of_however_much_is_said() {
    let (mut running, mut sources) = (running(), Sources::new(None, InheritedSets::default()));
    let (chat, games) = (Scripted::saying(addresses(&[1, 2])), Scripted::saying(addresses(&[1])));
    sources.begun.extend([source(&running, "chat", &chat)]);
    step(&mut running, &mut sources).await;
    sleep(SECOND / 2).await;
    // From now on one of the two speaks twice a second.
    sources.begun.extend([source(&running, "games", &games)]);
    let lease = running.proxy.snapshot().upstreams()["chat"].endpoints()[1].lease();
    chat.say(addresses(&[1]), Duration::ZERO);
    while !running.has_leaving() {
        step(&mut running, &mut sources).await;
    }
    assert_eq!(names(&running), 2, "it has a tunnel");
    drop(lease);
    let begun = Instant::now();
    while names(&running) > 1 {
        step(&mut running, &mut sources).await;
        assert!(begun.elapsed() <= 2 * SECOND, "it is there still, and has no tunnel");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_is_due_is_due_though_something_else_comes_first() {
    let (running, mut sources) = (running(), Sources::new(None, InheritedSets::default()));
    let begun = Instant::now();
    let is_due = async {
        // Whoever waits here waits for other things, too.
        while timeout(SECOND / 3, sources.next(Some(SECOND))).await.is_err() {}
    };
    timeout(10 * SECOND, is_due).await.expect("it is put off again and again");
    assert!(begun.elapsed() <= SECOND, "{:?}", begun.elapsed());
    running.end();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_nobody_asks_any_more_is_asked_again() {
    let (running, script) = (running(), Scripted::saying(addresses(&[1])));
    let mut sources = Sources::new(None, InheritedSets::default());
    sources.begun.extend([source(&running, "chat", &script)]);
    assert!(matches!(sources.next(None).await, Next::Take(News { found: Ok(_), .. })));
    sources.begun.values_mut().for_each(|source| source.task.abort_all());
    for expected in [false, true, true] {
        let said = timeout(60 * SECOND, sources.next(None)).await.expect("it is asked no more");
        assert!(matches!(said, Next::Take(News { found, .. }) if found.is_ok() == expected), "{expected}");
    }
    running.end();
}
