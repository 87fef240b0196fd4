//! One storm, from the moment in which everybody comes back until everybody is in.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::super::limit::tests::beginning;
use super::super::{ClientNetwork, Displaced, Entry, Gate, HandshakeOutcome, Turn, WaitForTurn};
use super::endpoint::{EndpointModel, ModelledEndpoint};
use super::report::Report;
use crate::config::HandshakeLimits;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) clients: usize,
    /// So many of them come from one address, and every other from one of its own.
    pub(super) from_one_address: usize,
    pub(super) endpoints: usize,
    pub(super) model: EndpointModel,
    /// `handshakes_at_once`
    pub(super) limits: Option<HandshakeLimits>,
    /// `queue.length` and `queue.wait`
    pub(super) length: usize,
    pub(super) wait: Duration,
    /// Nobody is waited for any longer.
    pub(super) ends: Duration,
}

/// A storm under way.
pub(super) struct Storm {
    plan: Plan,
    random: fastrand::Rng,
    begun: Instant,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    number: u64,
    endpoints: Vec<Target>,
    clients: Vec<Client>,
    /// Those who have been woken.
    woken: Arc<Mutex<Vec<usize>>>,
    report: Report,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client asks.
    Asks(usize),
    /// A client has waited for as long as it may, in this try.
    HasWaited(usize, u32),
    /// A client's handshake has come to its end, or the client leaves, in this try.
    Answered(usize, u32),
    /// An endpoint is done with a handshake, whether or not somebody waits for it.
    Done(usize),
}

struct Target {
    endpoint: ModelledEndpoint,
    gate: Option<Arc<Gate>>,
    /// Handshakes for which somebody waits.
    handshakes: usize,
}

#[derive(Default)]
struct Client {
    tries: u32,
    failures: u32,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Away,
    Waits(WaitForTurn),
    /// Has been asking since then, and how long that takes.
    Asks(Option<Turn>, Duration),
    IsIn,
}

struct WakeClient {
    client: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for WakeClient {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push(self.client);
    }
}

impl Storm {
    /// Plays a storm from a seed.
    pub(super) fn play(plan: Plan, seed: u64) -> Report {
        let endpoint = || Target {
            endpoint: ModelledEndpoint::new(plan.model),
            gate: plan.limits.map(|limits| Arc::new(Gate::new(limits))),
            handshakes: 0,
        };
        let mut storm = Self {
            plan,
            random: fastrand::Rng::with_seed(seed),
            begun: beginning(),
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            number: 0,
            endpoints: (0..plan.endpoints).map(|_| endpoint()).collect(),
            clients: (0..plan.clients).map(|_| Client::default()).collect(),
            woken: Arc::default(),
            report: Report::new(plan.clients),
        };
        for client in 0..plan.clients {
            let at = storm.random.u64(..COME_WITHIN.as_micros() as u64);
            storm.at(Duration::from_micros(at), Event::Asks(client));
        }
        storm.run();
        storm.report
    }

    fn run(&mut self) {
        while let Some(Reverse((now, _, event))) = self.events.pop() {
            if now > self.plan.ends || self.report.is_everybody_in() {
                return;
            }
            self.now = now;
            match event {
                Event::Asks(client) => self.ask(client),
                Event::HasWaited(client, of) if self.clients[client].tries == of => self.has_waited(client),
                Event::Answered(client, of) if self.clients[client].tries == of => self.answered(client),
                Event::HasWaited(..) | Event::Answered(..) => {}
                Event::Done(endpoint) => self.endpoints[endpoint].endpoint.end(),
            }
            self.poll_woken();
        }
    }

    fn ask(&mut self, client: usize) {
        self.clients[client].tries += 1;
        self.report.tries += 1;
        let Some(gate) = &self.endpoint_of(client).gate else { return self.begin(client, None) };
        match gate.enter(self.network_of(client), self.plan.length) {
            Ok(Entry::Turn(turn)) => self.begin(client, Some(turn)),
            Ok(Entry::Wait(wait)) => {
                self.clients[client].state = State::Waits(wait);
                let tries = self.clients[client].tries;
                self.at(self.now + self.plan.wait, Event::HasWaited(client, tries));
                self.poll(client);
            }
            Err(_) => self.refuse(client),
        }
    }

    fn begin(&mut self, client: usize, turn: Option<Turn>) {
        let index = client % self.endpoints.len();
        let Target { endpoint, gate, handshakes } = &mut self.endpoints[index];
        *handshakes += 1;
        if let Some(gate) = gate {
            assert!(*handshakes <= gate.limit(), "a turn more than the limit at {:?}", self.now);
        }
        self.report.most_at_once = self.report.most_at_once.max(*handshakes);
        let takes = endpoint.begin();
        let tries = self.clients[client].tries;
        self.clients[client].state = State::Asks(turn, takes);
        self.at(self.now + takes, Event::Done(index));
        self.at(self.now + takes.min(CLIENT_TIMEOUT), Event::Answered(client, tries));
    }

    fn answered(&mut self, client: usize) {
        let now = self.begun + self.now;
        let index = client % self.endpoints.len();
        let State::Asks(turn, took) = std::mem::take(&mut self.clients[client].state) else { return };
        self.endpoints[index].handshakes -= 1;
        let is_in = took < CLIENT_TIMEOUT;
        if let Some(mut turn) = turn {
            let abandoned = HandshakeOutcome::Abandoned(CLIENT_TIMEOUT);
            turn.note(if is_in { HandshakeOutcome::Switched(took) } else { abandoned }, now);
        }
        if is_in {
            self.clients[client].state = State::IsIn;
            self.report.note_in(client, self.now);
        } else {
            self.report.failed += 1;
            self.come_back_after_failure(client);
        }
    }

    fn has_waited(&mut self, client: usize) {
        if let State::Waits(_) = self.clients[client].state {
            self.refuse(client);
        }
    }

    /// It reads 503, and comes back when it is told to: `Retry-After` is a number of seconds, another for each.
    fn refuse(&mut self, client: usize) {
        self.clients[client].state = State::Away;
        self.report.refused += 1;
        let after = Duration::from_secs(self.random.u64(1..=5));
        self.at(self.now + after, Event::Asks(client));
    }

    /// As libraries do: up to twice as long each time, by chance.
    fn come_back_after_failure(&mut self, client: usize) {
        self.clients[client].failures += 1;
        let most = (1000 << self.clients[client].failures.min(5)).min(30_000);
        let after = Duration::from_millis(self.random.u64(500..=most));
        self.at(self.now + after, Event::Asks(client));
    }

    fn poll_woken(&mut self) {
        loop {
            let woken = std::mem::take(&mut *self.woken.lock().unwrap());
            if woken.is_empty() {
                return;
            }
            woken.into_iter().for_each(|client| self.poll(client));
        }
    }

    fn poll(&mut self, client: usize) {
        let State::Waits(wait) = &mut self.clients[client].state else { return };
        let waker = Waker::from(Arc::new(WakeClient { client, woken: Arc::clone(&self.woken) }));
        match Future::poll(Pin::new(wait), &mut Context::from_waker(&waker)) {
            Poll::Pending => {}
            Poll::Ready(Ok(turn)) => self.begin(client, Some(turn)),
            Poll::Ready(Err(Displaced)) => self.refuse(client),
        }
    }

    fn at(&mut self, time: Duration, event: Event) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, event)));
    }

    fn endpoint_of(&self, client: usize) -> &Target {
        &self.endpoints[client % self.endpoints.len()]
    }

    fn network_of(&self, client: usize) -> ClientNetwork {
        ClientNetwork::V4(client.saturating_sub(self.plan.from_one_address.saturating_sub(1)) as u32)
    }
}

/// "At once": within this.
const COME_WITHIN: Duration = Duration::from_secs(1);

/// A client that has had no answer for so long leaves.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
