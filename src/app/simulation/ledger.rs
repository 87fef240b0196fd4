//! What everybody in a simulation notes, and what must be true of it in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lines::{Line, Lines};
use super::talk::{Manners, Talk, Talked};
use super::wire::Head;
use crate::metrics::{Exposition, Gauges};
use crate::net::SimulatedNetwork;
use crate::session::Proxy;
use crate::websocket::Side;

/// What everybody in a simulation notes and looks up.
pub(super) struct Ledger {
    pub(super) network: SimulatedNetwork,
    lines: Lines,
    is_ending: AtomicBool,
    is_cutting: AtomicBool,
    is_over: AtomicBool,
    /// The answer to each request: its status, and whether it is an endpoint's.
    answered: Mutex<BTreeMap<String, (u16, bool)>>,
    /// How each talk between two polite ends went, as each of them knows it.
    talked: Mutex<BTreeMap<String, Ends>>,
}

/// Who has told how a talk went, by the tag of each: the client, its endpoint, and those that granted it too late.
type Ends = BTreeMap<u64, (Talk, Talked)>;

impl Ledger {
    pub(super) fn new(network: SimulatedNetwork, lines: Lines) -> Self {
        Self {
            network,
            lines,
            is_ending: AtomicBool::new(false),
            is_cutting: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            answered: Mutex::default(),
            talked: Mutex::default(),
        }
    }

    /// Something has happened.
    pub(super) fn note(&self, what: &str) {
        self.lines.note(what.to_owned());
    }

    pub(super) fn note_answered(&self, path: &str, answer: &Head) {
        let answer = (answer.status(), answer.get("x-path").is_some());
        let before = self.answered.lock().unwrap().insert(path.to_owned(), answer);
        assert_eq!(before, None, "{path} has two answers");
    }

    pub(super) fn note_talked(&self, path: &str, talk: Talk, talked: Talked) {
        self.note(&format!("{path}: {:?} {talked:?}", talk.side));
        if talk.manners == Manners::Polite && talk.is_other_polite {
            self.talked.lock().unwrap().entry(path.to_owned()).or_default().insert(talk.tag, (talk, talked));
        }
    }

    pub(super) fn note_ending(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_cutting(&self) {
        self.is_cutting.store(true, Ordering::Relaxed);
    }

    /// The proxy was told to stop.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// It was told to end at once.
    pub(super) fn is_cutting(&self) -> bool {
        self.is_cutting.load(Ordering::Relaxed)
    }

    pub(super) fn note_over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// There are no clients any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Each request and each tunnel has one line, and the counters count the same.
    pub(super) fn check_ends(&self, proxy: &Proxy) {
        let answered = self.answered.lock().unwrap();
        let (exchanges, ended) = (self.lines.saying("exchange"), self.lines.saying("tunnel ended"));
        let mut told = BTreeSet::new();
        for line in exchanges.iter().chain(&ended).filter(|line| line.get("path").starts_with("/r")) {
            assert!(told.insert(line.get("path")), "a second line: {line:?}");
        }
        for (path, (status, is_of_endpoint)) in answered.iter() {
            let is_told = told.contains(path.as_str());
            assert!(is_told || (*status != 101 && !is_of_endpoint), "no line about {path}");
        }
        for line in &ended {
            self.check_polite(line);
        }
        let counted = proxy.metrics.encode(&Gauges::default(), Exposition::OpenMetrics).unwrap();
        let sum = |name: &str| -> u64 {
            let series = counted.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
            series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        let opened = sum("windlass_client_tunnels_opened_total");
        let counted = proxy.metrics.endings().iter().map(|ending| ending.count).sum::<u64>();
        assert_eq!(
            (opened, counted),
            (ended.len() as u64, ended.len() as u64),
            "tunnels are counted otherwise than told"
        );
    }

    /// Two polite ends part in good order, and what one said before it was all over the other has heard.
    fn check_polite(&self, line: &Line) {
        let talked = self.talked.lock().unwrap();
        let Some(ends) = talked.get(line.get("path")) else { return };
        let Some((talk, client)) = ends.values().find(|(talk, _)| talk.side == Side::Client) else { return };
        let Some((_, endpoint)) = ends.get(&talk.others) else { return };
        if self.is_cutting() {
            return;
        }
        assert!(endpoint.closed.is_some(), "the endpoint has no Close: {line:?}");
        assert_eq!((line.get("client_left"), line.get("upstream_left")), ("clean", "clean"), "{line:?}");
        if line.get("why") == "closed" {
            assert_eq!((client.sent, endpoint.sent), (endpoint.heard, client.heard), "{line:?}");
        }
    }
}
