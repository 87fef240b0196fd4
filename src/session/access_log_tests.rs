//! What the lines about tunnels say that no whole proxy comes to within a test.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::access_log::ended;
use super::counted::counters;
use super::placed_by::PlacedBy;
use super::records::Records;
use super::summary::Summary;
use super::tunnel_record::{RecordedRequest, TunnelRecord};
use crate::config::{Settings, parse};
use crate::drain::{LOCAL_CLIENT, Member, Registry, TunnelHandle};
use crate::log::hearing;
use crate::tunnel::{Ending, Outcome, SideOutcome};
use crate::websocket::{Leniencies, PerDirection, PerSide};

/// The values of the lines about ends, as they are written.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<String>>>);

/// Those of one.
struct Values(String);

impl<S: Subscriber> Layer<S> for Ends {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut values = Values(String::new());
        event.record(&mut values);
        if values.0.contains("tunnel ended") {
            self.0.lock().unwrap().push(values.0);
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?} ", field.name()));
    }
}

fn settings() -> Settings {
    let text = "[listener.public]\nbind = \"127.0.0.1:0\"\n[upstream.chat]\nendpoints = [\"127.0.0.1:1\"]\n\
                [route.chat]\nupstream = \"chat\"\n";
    parse(text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn first() -> TunnelRecord {
    let request = Request::builder().uri("/moved").header("host", "chat.test").body(()).unwrap().into_parts().0;
    let summary = Summary::of(&request, LOCAL_CLIENT);
    TunnelRecord::new(&summary, (LOCAL_CLIENT, 4711), &request.headers, &[], PlacedBy::Key)
}

fn outcome() -> Outcome {
    Outcome {
        ending: Ending::Idle,
        sides: PerSide { client: SideOutcome::Clean, upstream: SideOutcome::Clean },
        counts: PerDirection::default(),
        leniencies: Leniencies::default(),
        duration: Duration::from_secs(9),
        quiet: Duration::ZERO,
    }
}

#[tokio::test]
async fn the_end_of_a_tunnel_that_was_moved_says_how_often() {
    let settings = settings();
    let records = Records::new(Arc::new(counters(&settings, 1)));
    let websocket = &settings.routes["chat"].websocket;
    let said = |record: TunnelRecord| {
        let (registry, ends) = (Registry::new(1), Ends::default());
        let registration = registry.register(0, Member::of_route("chat"), LOCAL_CLIENT);
        record.leave_with(registration.handle(), websocket);
        hearing(tracing_subscriber::registry().with(ends.clone()), || {
            let record = RecordedRequest::of(registration.handle());
            ended(&records, registration.handle(), websocket, (record, 0), &outcome());
        });
        let said = ends.0.lock().unwrap().concat();
        assert!(said.contains(" path=\"/moved\" ") && said.contains(" client_port=4711 "), "{said}");
        (said, Arc::clone(registration.handle()))
    };
    let moved = |handle: &TunnelHandle| TunnelRecord::moved_once_more(handle.request()).unwrap();
    let (line, handle) = said(first());
    assert!(!line.contains("moved="), "{line}");
    let (line, handle) = said(moved(&handle));
    assert!(line.contains(" moved=1 "), "{line}");
    let (line, _) = said(moved(&handle));
    assert!(line.contains(" moved=2 "), "{line}");
}
