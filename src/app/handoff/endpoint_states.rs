//! The states of endpoints in a handoff: what the old process says of them, and what the new one makes of that.
//!
//! Versions before the message `Endpoint` know one thing only, that an operator drains an endpoint, and by a message of its own.
//! It is still said beside the other, and still understood: a handoff may lead to an older program, too.

use std::time::Duration;

use crate::handoff::{HandoffMessage, SaidCause};
use crate::process::unix_seconds;
use crate::snapshot::{Endpoint, EndpointState, Snapshot, StateCause, Upstream};

/// What is to be said of the endpoints that speak of anything else than their configuration.
pub(super) fn said(snapshot: &Snapshot) -> Vec<HandoffMessage> {
    let endpoints =
        snapshot.upstreams().values().flat_map(|upstream| upstream.endpoints().iter().map(move |it| (upstream, it)));
    endpoints.flat_map(|(upstream, endpoint)| said_of(upstream, endpoint)).collect()
}

fn said_of(upstream: &Upstream, endpoint: &Endpoint) -> impl Iterator<Item = HandoffMessage> {
    let state = endpoint.state();
    let names = || (upstream.settings.name.to_string(), endpoint.name.to_string(), endpoint.address.to_string());
    let drained = state.is_drained().then(|| {
        let (upstream, endpoint, address) = names();
        HandoffMessage::Draining { upstream, endpoint, address }
    });
    let whole = (state != EndpointState::default()).then(|| {
        let causes = endpoint.causes().into_iter().map(said_cause).collect();
        let (upstream, endpoint, address) = names();
        HandoffMessage::Endpoint { upstream, endpoint, address, state, causes }
    });
    drained.into_iter().chain(whole)
}

fn said_cause(StateCause { cause, lasted, why }: StateCause) -> SaidCause {
    SaidCause { cause, since: unix_seconds().saturating_sub(lasted.as_secs()), why }
}

fn understood(SaidCause { cause, since, why }: SaidCause) -> StateCause {
    StateCause { cause, lasted: Duration::from_secs(unix_seconds().saturating_sub(since)), why }
}

/// What the process before has said of its endpoints.
#[derive(Debug, Default)]
pub(super) struct InheritedStates(Vec<InheritedState>);

/// What it has said of one.
#[derive(Debug)]
struct InheritedState {
    upstream: String,
    endpoint: String,
    /// At another address it is another endpoint.
    address: String,
    state: EndpointState,
    causes: Vec<StateCause>,
}

impl InheritedStates {
    /// Takes a message that is about an endpoint; others are passed over.
    pub(super) fn take(&mut self, message: HandoffMessage) {
        self.0.push(match message {
            HandoffMessage::Endpoint { upstream, endpoint, address, state, causes } => {
                let causes = causes.into_iter().map(understood).collect();
                InheritedState { upstream, endpoint, address, state, causes }
            }
            HandoffMessage::Draining { upstream, endpoint, address } => {
                InheritedState { upstream, endpoint, address, state: EndpointState::DRAINED, causes: Vec::new() }
            }
            _ => return,
        });
    }

    /// Brings the endpoints that are the same into the states that they had.
    pub(super) fn restore(&self, snapshot: &Snapshot) {
        for inherited in &self.0 {
            let Some(upstream) = snapshot.upstreams().get(inherited.upstream.as_str()) else { continue };
            let named = upstream.endpoint(&inherited.endpoint);
            if let Some(same) = named.filter(|named| named.address.to_string() == inherited.address) {
                same.inherit(inherited.state, &inherited.causes, &upstream.settings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::snapshot::{EndpointEvent, FileContents};
    use crate::tls::TicketKeys;

    /// What a process of a version before the message `Endpoint` says of an endpoint that is drained, and all that it understands.
    const OLD: &str = r#"{"kind":"draining","upstream":"chat","endpoint":"a","address":"127.0.0.1:1"}"#;

    fn snapshot() -> Snapshot {
        let text = r#"
[listener.public]
bind = "127.0.0.1:0"
[route.chat]
upstream = "chat"
[upstream.chat]
health = { probe = "tcp" }
endpoints = [{ name = "a", address = "127.0.0.1:1" }, { name = "b", address = "127.0.0.1:2" }]
"#;
        snapshot_of(text)
    }

    fn snapshot_of(text: &str) -> Snapshot {
        let settings = parse(text, Path::new("test.toml")).unwrap();
        Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), None)
    }

    fn states(snapshot: &Snapshot) -> Vec<EndpointState> {
        snapshot.upstreams()["chat"].endpoints().iter().map(|endpoint| endpoint.state()).collect()
    }

    /// What another process makes of the second endpoint, and says of it in turn.
    fn second_of(said: &[&str], config: &str) -> (EndpointState, Vec<StateCause>) {
        let text = format!(
            "[listener.public]\nbind = \"127.0.0.1:0\"\n[route.chat]\nupstream = \"chat\"\n[upstream.chat]\n{config}\n\
             endpoints = [{{ name = \"a\", address = \"127.0.0.1:1\" }}, {{ name = \"b\", address = \"127.0.0.1:2\" }}]\n"
        );
        let (snapshot, mut inherited) = (snapshot_of(&text), InheritedStates::default());
        said.iter().for_each(|text| inherited.take(serde_json::from_str(text).unwrap()));
        inherited.restore(&snapshot);
        let second = &snapshot.upstreams()["chat"].endpoints()[1];
        (second.state(), second.causes())
    }

    #[test]
    fn what_nobody_would_take_back_under_the_new_configuration_is_not_inherited() {
        let said = r#"{"kind":"endpoint","upstream":"chat","endpoint":"b","address":"127.0.0.1:2","state":["down","ejected"],
            "causes":[{"cause":"ejected","since":1700000000,"why":"3 upgrades in a row failed"}]}"#;
        let state = |config| second_of(&[said], config).0.as_str();
        assert_eq!(state("health = { probe = \"tcp\" }"), "down");
        assert_eq!(state("health = \"off\""), "ejected");
        assert_eq!(state("eject = \"off\""), "eligible");
        let (_, causes) = second_of(&[said], "");
        assert_eq!(causes[0].why, "3 upgrades in a row failed");
        let since = unix_seconds() - causes[0].lasted.as_secs();
        assert!(since.abs_diff(1_700_000_000) <= 2, "{since}");
    }

    fn restored(said: impl IntoIterator<Item = String>) -> Vec<EndpointState> {
        let (snapshot, mut inherited) = (snapshot(), InheritedStates::default());
        said.into_iter().for_each(|text| inherited.take(serde_json::from_str(&text).unwrap()));
        inherited.restore(&snapshot);
        states(&snapshot)
    }

    #[test]
    fn the_new_process_has_the_states_of_the_old_one() {
        let old = snapshot();
        assert!(said(&old).is_empty(), "what is as configured goes without saying");
        old.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
        old.upstreams()["chat"].endpoints()[1].transition(EndpointEvent::ProbesFailed("status 503"));
        let said = said(&old).into_iter().map(|message| serde_json::to_string(&message).unwrap());
        assert_eq!(restored(said), states(&old));
    }

    #[test]
    fn an_older_process_is_understood_and_understands() {
        assert_eq!(restored([OLD.to_owned()]), [EndpointState::DRAINED, EndpointState::ELIGIBLE]);
        let old = snapshot();
        old.upstreams()["chat"].endpoints()[0].transition(EndpointEvent::Drained);
        assert!(said(&old).iter().any(|message| serde_json::to_string(message).unwrap() == OLD));
    }

    #[test]
    fn at_another_address_it_is_another_endpoint() {
        assert_eq!(restored([OLD.replace(":1\"", ":9\"")]), [EndpointState::ELIGIBLE; 2]);
    }
}
