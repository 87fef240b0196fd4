//! What a process might say, for tests.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;

use super::keys::{HESITATION, Step, press};
use super::model::{Model, Overlay};
use super::news::{News, Wanted};
use super::seen::Seen;
use crate::admin::TunnelList;

/// A process with two endpoints, one of which drains, as it is seen at this second.
pub(super) fn seen(second: u64) -> Seen {
    let endpoint = |name: &str, tunnels: u64, state: &str| {
        json!({
            "name": name, "address": format!("10.0.0.7:{}", 8000 + tunnels), "tunnels": tunnels,
            "draining": state == "drained", "state": state,
            "causes": if state == "eligible" { json!([]) } else { json!([
                { "cause": state, "since": 0, "for_seconds": 64, "why": "status 503" }
            ]) },
        })
    };
    serde_json::from_value(json!({
        "at": 1_790_000_000_000_u64 + second * 1000,
        "process": { "version": "0.1.0", "pid": 4711, "since": 1_789_996_400, "phase": "serving", "generation": 5, "most_tunnels": 20000 },
        "now": { "tunnels": 9000, "tunnels_of_predecessors": 0 },
        "traffic": {
            "messages": { "from_client": 1200 * second, "from_upstream": 3400 * second },
            "bytes": { "from_client": 90_000 * second, "from_upstream": 2_500_000 * second },
        },
        "upstreams": [{ "name": "chat", "endpoints": [
            endpoint("a", 6000 + second, "eligible"), endpoint("b", 3000 - second, "drained"), endpoint("c", 0, "down"),
        ] }],
        "drains": [{
            "id": 3, "cause": "operator", "scope": "endpoint/chat/b", "state": "running", "tunnels": 4000, "left": 3000,
            "told": 1500, "closed": 1000, "cut": 0, "ends_in_seconds": 243, "raised_to_per_second": null,
        }],
        "endings": [
            { "outcome": "client_closed", "by": "client", "code": "1000", "count": 40 + 5 * second },
            { "outcome": "drained", "by": "windlass", "code": "1012", "count": 2 * second },
        ],
        "refusals": [{ "word": "no_route", "count": second }],
        "reconnections": [{ "word": "drained", "count": 2 * second }],
    }))
    .unwrap()
}

/// A tunnel of this number, as the list has it.
pub(super) fn tunnel(id: u64) -> serde_json::Value {
    json!({
        "id": id, "listener": "public", "route": "chat", "upstream": "chat", "endpoint": "a",
        "client": format!("192.0.2.{}", id % 250), "path": "/ws", "host": "example.org",
        "age_seconds": 60 * id, "idle_seconds": id % 90,
        "messages": { "from_client": 10 * id, "from_upstream": 20 * id },
        "bytes": { "from_client": 1000 * id, "from_upstream": 9000 * id },
        "buffered_bytes": { "from_client": 0, "from_upstream": 0 },
        "rate": { "messages_per_second": 12.5, "bytes_per_second": 2048.0 },
        "ping_ms": { "client": 23.4, "upstream": 0.3 }, "is_ending": id.is_multiple_of(5),
    })
}

/// The answer with so many of 9,000 tunnels.
pub(super) fn tunnels(count: u64) -> TunnelList {
    serde_json::from_value(json!({
        "tunnels": (1..=count).map(tunnel).collect::<Vec<_>>(),
        "matching": 9000, "open": 9000, "next": "a-1", "not_listed": [],
    }))
    .unwrap()
}

/// Everything of one.
pub(super) fn detail(id: u64) -> Box<crate::admin::TunnelDetail> {
    let mut detail = tunnel(id);
    let more = json!({
        "opened": 1_790_000_000, "protocol": "http/1.1", "client_port": 50000, "placed": "header x-user",
        "user_agent": "curl\u{1b}[31m", "request_id": "r-1", "claims": ["sub"], "permitted_for_seconds": null,
        "limits": { "idle_timeout": 300.0 }, "order": null,
    });
    detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(detail).unwrap()
}

/// One that has looked twice, two seconds apart.
pub(super) fn model() -> Model {
    let mut model = Model::new("unix:/run/windlass/admin.sock".into(), Duration::from_secs(1), String::new());
    let now = Instant::now();
    model.handle(News::Hello { may_steer: true }, now);
    for second in [0, 2] {
        model.handle(News::Seen(Box::new(seen(second))), now);
    }
    tell_tunnels(&mut model, 12);
    model
}

/// Tells it of so many tunnels, as it has asked for them.
pub(super) fn tell_tunnels(model: &mut Model, count: u64) {
    tell(model, Ok(tunnels(count)));
}

/// Answers what it has asked for.
pub(super) fn tell(model: &mut Model, answer: Result<TunnelList, String>) {
    let Wanted { process, path, .. } = model.wanted();
    model.handle(News::Tunnels { process, path, answer }, Instant::now());
}

/// Types a character.
pub(super) fn typed(model: &mut Model, character: char) -> Step {
    pressed(model, KeyCode::Char(character))
}

pub(super) fn pressed(model: &mut Model, code: KeyCode) -> Step {
    // Whoever answers has read the question.
    let now = match &model.overlay {
        Overlay::Asking { since, .. } => *since + HESITATION,
        _ => Instant::now() - HESITATION,
    };
    press(model, KeyEvent::new(code, KeyModifiers::NONE), now)
}
