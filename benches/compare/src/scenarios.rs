//! What is measured, one function each.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crate::client::{Happened, Purpose, Target};
use crate::frames::{BINARY, Role, frame};
use crate::proxy::{Proxy, cpu_of};
use crate::world::{Event, World};

/// Figures by name.
pub(crate) type Figures = Vec<(String, f64)>;

/// How many clients shake hands at the same time.
const AT_ONCE: usize = 32;

/// Opens tunnels in steps, and weighs the proxy at each; at one of them again after a message on each.
pub(crate) fn idle(
    world: &mut World,
    target: &Target,
    proxy: &Proxy,
    steps: &[usize],
    message: usize,
) -> io::Result<Figures> {
    let mut figures = Figures::new();
    // What the first clients make a proxy load and set up belongs to none of them.
    let warm = open(world, target, 8)?;
    for client in warm {
        world.drop_client(client);
    }
    settle(world)?;
    let empty = proxy.memory()?;
    figures.push(("empty".into(), empty as f64));
    let mut clients = Vec::new();
    for &step in steps {
        clients.extend(open(world, target, step.saturating_sub(clients.len()))?);
        settle(world)?;
        let each = |now: u64| (now as f64 - empty as f64) / clients.len() as f64;
        figures.push((format!("idle_{step}"), each(proxy.memory()?)));
        if step == MESSAGES_AT {
            echo_once(world, &clients, message)?;
            settle(world)?;
            figures.push((format!("after_message_{step}"), each(proxy.memory()?)));
        }
    }
    for client in clients {
        world.drop_client(client);
    }
    world.wait_until_alone()?;
    rest(world)?;
    figures.push(("left".into(), (proxy.memory()? as f64 - empty as f64) / empty as f64 * 100.0));
    Ok(figures)
}

/// At this many tunnels each echoes a message, and the proxy is weighed again.
pub(crate) const MESSAGES_AT: usize = 5_000;

/// What one tunnel more takes on a connection of HTTP/2 that has one already.
pub(crate) fn siblings(world: &mut World, target: &Target, proxy: &Proxy, tunnels: usize) -> io::Result<Figures> {
    let streams = target.streams.ok_or_else(|| io::Error::other("streams= is missing"))?;
    let connections = tunnels / streams;
    let mut clients = open(world, &Target { streams: Some(1), ..target.clone() }, connections)?;
    rest(world)?;
    let alone = proxy.memory()?;
    clients.extend(open(world, target, tunnels - connections)?);
    rest(world)?;
    let beyond = (proxy.memory()? as f64 - alone as f64) / (tunnels - connections) as f64;
    drop_all(world, &clients)?;
    Ok(vec![("beyond".into(), beyond)])
}

/// Each client sends a message as soon as the last one is answered, or asks as soon as it has its answer.
pub(crate) fn saturated(world: &mut World, target: &Target, proxy: &Proxy, run: &Run) -> io::Result<Figures> {
    let clients = open(world, target, run.tunnels)?;
    let message = frame(Role::Client, BINARY, run.size);
    let next = |world: &mut World, client| match target.purpose {
        Purpose::Tunnel => world.send(client, &message),
        Purpose::Exchange => world.ask(client),
    };
    for client in &clients {
        next(world, *client)?;
    }
    let mut happened = Vec::new();
    let mut answers = |world: &mut World, until: Instant| {
        let mut count = 0_u64;
        while Instant::now() < until {
            world.turn(None, &mut happened)?;
            for event in answered(&happened)? {
                count += 1;
                next(world, event.client)?;
            }
        }
        io::Result::Ok(count)
    };
    answers(world, Instant::now() + run.time / 4)?;
    let meter = Meter::start(proxy)?;
    let count = answers(world, Instant::now() + run.time)?;
    let figures = meter.stop(proxy, count)?;
    drop_all(world, &clients)?;
    Ok(figures)
}

/// A fixed number of messages a second over all clients. Every message has the time at which it was due: one that had to
/// wait for its tunnel, or for us, is late by that too (no coordinated omission).
pub(crate) fn paced(world: &mut World, target: &Target, proxy: &Proxy, run: &Run, rate: f64) -> io::Result<Figures> {
    let clients = open(world, target, run.tunnels)?;
    let message = frame(Role::Client, BINARY, run.size);
    let place: std::collections::HashMap<usize, usize> = clients.iter().enumerate().map(|(i, c)| (*c, i)).collect();
    let mut due: Vec<VecDeque<Instant>> = vec![VecDeque::new(); clients.len()];
    let mut latencies = Vec::new();
    let mut happened = Vec::new();
    let every = Duration::from_secs_f64(1.0 / rate);
    let warm = run.time / 4;
    let begin = Instant::now();
    let total = ((warm + run.time).as_secs_f64() * rate) as u32;
    let warm_count = (warm.as_secs_f64() * rate) as u32;
    let mut meter = None;
    let (mut sent, mut done) = (0, 0);
    while done < total {
        let now = Instant::now();
        while sent < total && begin + every * sent <= now {
            let index = sent as usize % clients.len();
            due[index].push_back(begin + every * sent);
            if due[index].len() == 1 {
                world.send(clients[index], &message)?;
            }
            sent += 1;
        }
        // Sleeping is too coarse at high rates, and a spinning core is ours alone; at low ones it must not disturb.
        let wait = if rate > 2_000.0 { Duration::ZERO } else { every };
        world.turn(Some(wait), &mut happened)?;
        for event in answered(&happened)? {
            let waiting = &mut due[place[&event.client]];
            let since = waiting.pop_front().ok_or_else(|| io::Error::other("an answer that nobody asked for"))?;
            if done >= warm_count {
                latencies.push((event.at - since).as_nanos() as f64 / 1000.0);
            }
            done += 1;
            if !waiting.is_empty() {
                world.send(event.client, &message)?;
            }
            if done == warm_count {
                meter = Some(Meter::start(proxy)?);
            }
        }
        if now > begin + (warm + run.time) * 4 {
            return Err(io::Error::other("the rate cannot be kept"));
        }
    }
    let meter = meter.ok_or_else(|| io::Error::other("too few messages"))?;
    let mut figures = meter.stop(proxy, u64::from(total - warm_count))?;
    latencies.sort_by(f64::total_cmp);
    let percentile = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
        figures.push((name.into(), percentile(share)));
    }
    drop_all(world, &clients)?;
    Ok(figures)
}

/// Opens a tunnel, echoes a message and closes it, again and again.
pub(crate) fn visits(world: &mut World, target: &Target, proxy: &Proxy, run: &Run) -> io::Result<Figures> {
    let message = frame(Role::Client, BINARY, run.size);
    let mut happened = Vec::new();
    let mut visits = |world: &mut World, count: u64| {
        let (mut begun, mut ended, mut resumed) = (0, 0, 0);
        while ended < count {
            while begun < count && begun - ended < run.tunnels as u64 {
                world.connect(target)?;
                begun += 1;
            }
            world.turn(None, &mut happened)?;
            for event in &happened {
                match event.what {
                    Happened::Opened => world.send(event.client, &message)?,
                    Happened::Answered => world.close(event.client)?,
                    Happened::Ended => {
                        resumed += u64::from(world.drop_client(event.client));
                        ended += 1;
                    }
                }
            }
        }
        io::Result::Ok(resumed)
    };
    visits(world, run.count / 8)?;
    let meter = Meter::start(proxy)?;
    let resumed = visits(world, run.count)?;
    let mut figures = meter.stop(proxy, run.count)?;
    figures.push(("resumed".into(), resumed as f64 / run.count as f64));
    Ok(figures)
}

/// How a scenario is run.
pub(crate) struct Run {
    pub(crate) tunnels: usize,
    pub(crate) size: usize,
    pub(crate) count: u64,
    pub(crate) time: Duration,
}

/// CPU and wall time between two moments.
struct Meter {
    proxy: Duration,
    own: Duration,
    at: Instant,
}

impl Meter {
    fn start(proxy: &Proxy) -> io::Result<Self> {
        Ok(Self { proxy: proxy.cpu()?, own: cpu_of(0)?, at: Instant::now() })
    }

    fn stop(self, proxy: &Proxy, count: u64) -> io::Result<Figures> {
        let wall = self.at.elapsed().as_secs_f64();
        let cpu = (proxy.cpu()? - self.proxy).as_secs_f64();
        let own = (cpu_of(0)? - self.own).as_secs_f64();
        Ok(vec![
            ("cpu_us".into(), cpu * 1e6 / count as f64),
            ("per_second".into(), count as f64 / wall),
            ("busy_proxy".into(), cpu / wall),
            ("busy_load".into(), own / wall),
        ])
    }
}

fn open(world: &mut World, target: &Target, count: usize) -> io::Result<Vec<usize>> {
    let mut opened = Vec::with_capacity(count);
    let mut happened = Vec::new();
    let mut begun = 0;
    while opened.len() < count {
        while begun < count && begun - opened.len() < AT_ONCE {
            world.connect(target)?;
            begun += 1;
        }
        world.turn(None, &mut happened)?;
        for event in &happened {
            match event.what {
                Happened::Opened => opened.push(event.client),
                other => return Err(io::Error::other(format!("while opening: {other:?}"))),
            }
        }
    }
    Ok(opened)
}

fn echo_once(world: &mut World, clients: &[usize], size: usize) -> io::Result<()> {
    let message = frame(Role::Client, BINARY, size);
    let mut happened = Vec::new();
    for some in clients.chunks(AT_ONCE) {
        for client in some {
            world.send(*client, &message)?;
        }
        let mut waiting = some.len();
        while waiting > 0 {
            world.turn(None, &mut happened)?;
            waiting -= answered(&happened)?.count();
        }
    }
    Ok(())
}

/// Lets a proxy come to rest.
fn settle(world: &mut World) -> io::Result<()> {
    let until = Instant::now() + Duration::from_millis(500);
    let mut happened = Vec::new();
    while Instant::now() < until {
        world.turn(Some(Duration::from_millis(20)), &mut happened)?;
        if happened.iter().any(|event| event.what == Happened::Ended) {
            return Err(io::Error::other("an idle tunnel ended"));
        }
    }
    Ok(())
}

/// Lets its allocator give back what it was given, too, which may take a moment.
fn rest(world: &mut World) -> io::Result<()> {
    (0..4).try_for_each(|_| settle(world))
}

fn drop_all(world: &mut World, clients: &[usize]) -> io::Result<()> {
    for client in clients {
        world.drop_client(*client);
    }
    settle(world)
}

fn answered(happened: &[Event]) -> io::Result<impl Iterator<Item = &Event>> {
    match happened.iter().find(|event| event.what != Happened::Answered) {
        Some(event) => Err(io::Error::other(format!("a tunnel that should be open: {:?}", event.what))),
        None => Ok(happened.iter()),
    }
}
