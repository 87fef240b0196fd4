//! The line that each POST leaves in the log: who has asked, from where, for what, and what came of it.
//!
//! Invariants: exactly one line, whatever came of it, but for strangers who are not let in: of those who come again and again there are ten
//! a second, and their number. No token, and no text that was not understood: it may be a secret that somebody has pasted into the wrong
//! place.

use serde::Serialize;

use crate::admin::answer::{AdminAnswer, Told};
use crate::admin::door::{Denied, LetIn, Reception, Visitor};

/// What was asked for, once it is understood.
#[derive(Debug, Default)]
pub(super) struct Asked(Option<String>);

impl Asked {
    /// This was asked for.
    pub(super) fn note(&mut self, request: &impl Serialize) {
        let mut text = serde_json::to_string(request).unwrap_or_default();
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        self.0 = Some(text);
    }
}

/// Leaves the line.
pub(super) fn note(
    reception: &Reception,
    (visitor, let_in): (&Visitor, Result<LetIn, Denied>),
    path: &'static str,
    asked: &Asked,
    answer: &AdminAnswer,
) {
    if let (Err(_), Visitor::Address { peer, .. }) = (let_in, visitor)
        && !reception.context.proxy.may_say_denied(peer.ip())
    {
        return;
    }
    let (who, from) = told_of(reception, visitor, let_in);
    tracing::info!(
        who,
        from,
        listen = %reception.door.listen(),
        path,
        asked = asked.0.as_deref(),
        status = answer.status().as_u16(),
        error = answer.extensions().get::<Told>().map(|Told(detail)| detail.as_str()),
        "operator"
    );
}

/// Who somebody is, and where.
fn told_of(reception: &Reception, visitor: &Visitor, let_in: Result<LetIn, Denied>) -> (String, String) {
    match visitor {
        Visitor::Process { uid, pid } => {
            let name = reception.context.users.name(*uid);
            let who = name.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"));
            (who, pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}")))
        }
        Visitor::Address { peer, certificate } => {
            let who = match (let_in, certificate) {
                (Ok(LetIn::ByCertificate), Some(holder)) => format!("certificate {}", holder.name),
                (Ok(LetIn::ByToken), _) => "token".to_owned(),
                _ => "nobody".to_owned(),
            };
            (who, peer.to_string())
        }
    }
}

/// How much of a request is told, in bytes.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use http::StatusCode;
    use tokio::sync::Semaphore;
    use tracing::field::{Field, Visit};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    use super::*;
    use crate::admin::answer::text;
    use crate::admin::context::context_of_tests;
    use crate::admin::door::{Door, Spare};
    use crate::config::{AdminListenerSettings, parse_admin_listen};
    use crate::log::hearing;
    use crate::snapshot::AdminContents;
    use crate::tls::TicketKeys;

    #[test]
    fn a_long_request_is_told_in_part() {
        let mut asked = Asked::default();
        asked.note(&"é".repeat(1000));
        let told = asked.0.unwrap();
        assert!(told.len() <= LONGEST + 4 && told.ends_with('…'), "{told}");
    }

    /// The lines of this room, and the values of each.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    /// The values of one.
    struct Values(String);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if event.metadata().target() == "windlass::admin::audit" {
                let mut values = Values(String::new());
                event.record(&mut values);
                self.0.lock().unwrap().push(values.0);
            }
        }
    }

    impl Visit for Values {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.push_str(&format!(" {}={value:?}", field.name()));
        }
    }

    #[test]
    fn a_flood_of_strangers_leaves_ten_lines_a_second_and_their_number_and_hides_nobody_else() {
        let lines = Lines::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (said, after_a_second) = hearing(tracing_subscriber::registry().with(lines.clone()), || {
            runtime.block_on(async {
                let (context, _commands) = context_of_tests();
                let at = AdminListenerSettings::at(parse_admin_listen("127.0.0.1:9900").unwrap());
                let door = Arc::new(Door::new(at, AdminContents::default(), &TicketKeys::generate().unwrap()));
                let reception = Reception { door, context, spare: Spare::default(), handshakes: Semaphore::new(1) };
                let tell = |host: u8, let_in| {
                    let peer = ([192, 0, 2, host], 4711).into();
                    let visitor = Visitor::Address { peer, certificate: None };
                    let answer = text(StatusCode::FORBIDDEN, "");
                    note(&reception, (&visitor, let_in), "/reload", &Asked::default(), &answer);
                };
                (0..100).for_each(|_| tell(1, Err(Denied::NoToken)));
                tell(2, Err(Denied::NoToken));
                (0..30).for_each(|_| tell(1, Ok(LetIn::ByToken)));
                let said = lines.0.lock().unwrap().clone();
                tokio::time::sleep(Duration::from_secs(2)).await;
                (said, lines.0.lock().unwrap().split_off(41))
            })
        });
        let count = |text: &str| said.iter().filter(|line| line.contains(text)).count();
        assert_eq!((said.len(), count("who=\"nobody\""), count("192.0.2.2"), count("who=\"token\"")), (41, 11, 1, 30));
        let [sum] = &after_a_second[..] else { panic!("{after_a_second:?}") };
        assert!(sum.contains("times=90") && sum.contains("192.0.2.1"), "{sum}");
    }
}
