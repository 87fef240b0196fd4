//! The one chat room behind all three endpoints: what is said in it, and who is where.

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::layout::Layout;

/// How many events a tab may be behind before it misses some; each is at most a few times `chat::MAX_TEXT` bytes.
const BACKLOG: usize = 64;

/// What a tab is told, one JSON object each.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// The first one on each WebSocket: which endpoint this is, and as whom the tab speaks.
    Hello { endpoint: &'a str, name: &'a str },
    /// Somebody said something.
    Message { from: &'a str, endpoint: &'a str, text: &'a str },
    /// The configuration was changed.
    Notice { generation: u32, text: &'a str },
    /// The tab was too slow and missed so many events.
    Missed { count: u64 },
    /// The endpoints and how many tabs each has.
    Roster { endpoints: &'a [Seats] },
}

impl Event<'_> {
    pub(super) fn to_text(&self) -> Utf8Bytes {
        serde_json::to_string(self).expect("an event has only string keys").into()
    }
}

/// One endpoint as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Seats {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether the configuration names it.
    pub(super) in_service: bool,
    /// How many tabs it has, those that are being drained too.
    pub(super) tabs: usize,
}

/// The room; clones are the same room.
#[derive(Clone, Debug)]
pub(super) struct ChatRoom {
    /// What every tab hears, as it goes on the wire.
    events: broadcast::Sender<Utf8Bytes>,
    /// The newest roster only: a burst of arrivals is told once.
    roster: watch::Sender<Vec<Seats>>,
}

impl ChatRoom {
    /// An empty room with these endpoints, all in service.
    pub(super) fn new(names: impl IntoIterator<Item = &'static str>) -> Self {
        let seats = names.into_iter().map(|name| Seats { name, in_service: true, tabs: 0 }).collect();
        Self { events: broadcast::Sender::new(BACKLOG), roster: watch::Sender::new(seats) }
    }

    /// Lets a tab in at `endpoint`.
    pub(super) fn enter(&self, endpoint: &'static str) -> Presence {
        let presence =
            Presence { room: self.clone(), endpoint, events: self.events.subscribe(), roster: self.roster.subscribe() };
        presence.count(|tabs| tabs.saturating_add(1));
        presence
    }

    /// Tells everybody. An empty room hears nothing, which is fine.
    pub(super) fn say(&self, event: &Event<'_>) {
        let _ = self.events.send(event.to_text());
    }

    /// Shows which endpoints the configuration names now.
    pub(super) fn show(&self, layout: &Layout) {
        self.roster.send_modify(|roster| {
            for place in &layout.places {
                if let Some(seats) = roster.iter_mut().find(|seats| seats.name == place.name) {
                    seats.in_service = place.in_service;
                }
            }
        });
    }
}

/// One tab's seat in the room; dropping it leaves.
#[derive(Debug)]
pub(super) struct Presence {
    room: ChatRoom,
    endpoint: &'static str,
    /// What is said from now on.
    pub(super) events: broadcast::Receiver<Utf8Bytes>,
    /// Who is where.
    pub(super) roster: watch::Receiver<Vec<Seats>>,
}

impl Presence {
    /// The endpoint the tab is at.
    pub(super) fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    /// Tells everybody, the tab itself too.
    pub(super) fn say(&self, event: &Event<'_>) {
        self.room.say(event);
    }

    fn count(&self, change: impl Fn(usize) -> usize) {
        self.room.roster.send_modify(|roster| {
            if let Some(seats) = roster.iter_mut().find(|seats| seats.name == self.endpoint) {
                seats.tabs = change(seats.tabs);
            }
        });
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.count(|tabs| tabs.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::layout::Action;
    use crate::demo::layout::tests::three_places;

    fn room() -> ChatRoom {
        ChatRoom::new(["amber", "jade", "violet"])
    }

    #[test]
    fn a_seat_is_counted_as_long_as_it_is_held() {
        let room = room();
        let watcher = room.enter("amber");
        let tab = room.enter("jade");
        let tabs = || watcher.roster.borrow().iter().map(|seats| seats.tabs).collect::<Vec<_>>();
        assert_eq!(tabs(), [1, 1, 0]);
        drop(tab);
        assert_eq!(tabs(), [1, 0, 0]);
    }

    #[test]
    fn the_roster_follows_the_layout() {
        let room = room();
        let watcher = room.enter("amber");
        room.show(&three_places().after(Action::Drain("jade")).unwrap());
        let in_service = watcher.roster.borrow().iter().map(|seats| seats.in_service).collect::<Vec<_>>();
        assert_eq!(in_service, [true, false, true]);
    }

    #[test]
    fn events_are_small_json_objects() {
        let text = Event::Message { from: "otter", endpoint: "jade", text: "a \"b\"" }.to_text();
        assert_eq!(text.as_str(), r#"{"type":"message","from":"otter","endpoint":"jade","text":"a \"b\""}"#);
    }
}
