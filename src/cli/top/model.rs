//! What is known, what is chosen, and what is shown: everything that a frame is made of.

use std::time::{Duration, Instant};

use super::choice::Choice;
use super::endpoints::{self, EndpointRow, EndpointSort};
use super::filter;
use super::listed::{Asked, Listed};
use super::measure::Measure;
use super::news::{News, Said, Wanted};
use super::seen::{ProcessIdentity, Seen};
use super::steering::Steering;
use super::text::harmless;
use crate::admin::{MOST_TUNNELS, SortOrder, TunnelDetail, TunnelList, TunnelParameter, TunnelSort, tunnels_path};

/// All of it.
#[derive(Debug)]
pub(super) struct Model {
    /// Where the process is asked.
    pub(super) place: String,
    pub(super) every: Duration,
    pub(super) contact: Contact,
    /// Whether who asks there may steer; `None` before that was said.
    pub(super) may_steer: Option<bool>,
    pub(super) seen: Option<Box<Seen>>,
    pub(super) measure: Measure,
    /// The page of tunnels that came last.
    pub(super) tunnels: Option<Listed>,
    pub(super) pane: Pane,
    pub(super) endpoint: Choice,
    pub(super) endpoint_filter: String,
    pub(super) endpoint_order: (EndpointSort, SortOrder),
    pub(super) tunnel: Choice,
    pub(super) tunnel_filter: String,
    pub(super) tunnel_order: (TunnelSort, SortOrder),
    /// The `next` of each page before the one that is shown.
    pub(super) pages: Vec<String>,
    /// How many tunnels fit the screen.
    pub(super) rows: usize,
    pub(super) overlay: Overlay,
    pub(super) is_paused: bool,
    /// What was said last of what somebody did.
    pub(super) said: Option<Said>,
    /// What is being done.
    pub(super) under_way: Option<Steering>,
}

/// Whether the process tells.
#[derive(Clone, Debug)]
pub(super) enum Contact {
    /// It has not yet.
    Waiting,
    /// It does.
    Live,
    /// It does no more.
    Lost { since: Instant, why: String },
}

/// Which list the keys are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pane {
    Endpoints,
    Tunnels,
}

/// What lies over the lists.
#[derive(Clone, Debug)]
pub(super) enum Overlay {
    Nothing,
    Help,
    /// A filter is being typed.
    Typing(String),
    /// Something waits to be confirmed.
    Asking {
        steering: Steering,
        since: Instant,
    },
    /// Everything of one tunnel.
    Detail {
        id: u64,
        told: Option<Result<Box<TunnelDetail>, String>>,
        scroll: u16,
    },
}

impl Model {
    pub(super) fn new(place: String, every: Duration, tunnel_filter: String) -> Self {
        Self {
            place,
            every,
            contact: Contact::Waiting,
            may_steer: None,
            seen: None,
            measure: Measure::default(),
            tunnels: None,
            pane: Pane::Tunnels,
            endpoint: Choice::default(),
            endpoint_filter: String::new(),
            endpoint_order: <(EndpointSort, SortOrder)>::default(),
            tunnel: Choice::default(),
            tunnel_filter,
            tunnel_order: (TunnelSort::Rate, SortOrder::Descending),
            pages: Vec::new(),
            rows: 20,
            overlay: Overlay::Nothing,
            is_paused: false,
            said: None,
            under_way: None,
        }
    }

    /// Takes what has come.
    pub(super) fn handle(&mut self, news: News, now: Instant) {
        match news {
            News::Hello { may_steer } => self.may_steer = Some(may_steer),
            News::Lost(why) => {
                let since = match &self.contact {
                    Contact::Lost { since, .. } => *since,
                    Contact::Waiting | Contact::Live => now,
                };
                self.contact = Contact::Lost { since, why: harmless(&why) };
                // Whoever answers next may be another one.
                if let Overlay::Asking { steering, .. } = &self.overlay {
                    let said = format!("{} is asked no more: nobody answers", steering.name());
                    self.said = Some(Said::Refused(said));
                    self.overlay = Overlay::Nothing;
                }
            }
            News::Seen(seen) => {
                self.contact = Contact::Live;
                let is_other = self.seen.as_ref().is_some_and(|it| it.process.identity() != seen.process.identity());
                if is_other {
                    self.handle_other(seen.process.pid);
                }
                if !self.is_paused {
                    self.measure.note(&seen);
                    self.seen = Some(seen);
                    let names: Vec<_> = self.endpoint_rows().iter().map(EndpointRow::name).collect();
                    self.endpoint.pin(&names);
                }
            }
            News::Tunnels { process, path, answer } => {
                if process == self.process() && path == self.path() && !self.is_paused {
                    let answer = answer.map_err(|why| harmless(&why));
                    self.tunnels = Some(Listed { asked: self.asked(), answer });
                    let keys = self.tunnel_keys();
                    self.tunnel.pin(&keys);
                }
            }
            News::Detail { id: of, answer } => {
                if let Overlay::Detail { id, told, .. } = &mut self.overlay
                    && *id == of
                {
                    *told = Some(answer.map_err(|why| harmless(&why)));
                }
            }
            News::Done(said) => {
                self.under_way = None;
                self.said = Some(said);
            }
        }
    }

    /// Another process answers: the numbers of tunnels are its own, so nothing that names one by its number outlives the one before.
    fn handle_other(&mut self, now: u32) {
        let before = self.seen.as_ref().map(|it| it.process.pid).unwrap_or_default();
        let mut said = if before == now {
            format!("process {now} was started anew")
        } else {
            format!("process {now} answers now, where process {before} did")
        };
        match std::mem::replace(&mut self.overlay, Overlay::Nothing) {
            Overlay::Asking { steering, .. } => said += &format!("; {} is asked no more", steering.name()),
            Overlay::Detail { id, .. } => said += &format!("; tunnel {id} was the other one's"),
            other => self.overlay = other,
        }
        if std::mem::take(&mut self.is_paused) {
            said += "; the pause is over";
        }
        self.said = Some(Said::Done(said));
        self.pages.clear();
        self.tunnels = None;
        self.tunnel.put(0);
    }

    /// What there is to be asked.
    pub(super) fn wanted(&self) -> Wanted {
        let detail = match &self.overlay {
            Overlay::Detail { id, .. } => Some(*id),
            _ => None,
        };
        Wanted { process: self.process(), path: self.path(), detail, is_paused: self.is_paused }
    }

    fn process(&self) -> Option<ProcessIdentity> {
        self.seen.as_ref().map(|seen| seen.process.identity())
    }

    /// What the list of tunnels is to show.
    pub(super) fn asked(&self) -> Asked {
        Asked { order: self.tunnel_order, filter: self.tunnel_filter.clone(), page: self.pages.len() + 1 }
    }

    /// Where the tunnels are asked for that fit the screen. What is said twice counts as it was said last.
    fn path(&self) -> String {
        let (sort, order) = self.tunnel_order;
        let filter = filter::asked(&self.tunnel_filter);
        let limit = self.rows.clamp(1, MOST_TUNNELS).to_string();
        let said = filter.iter().map(|(parameter, value)| (*parameter, value.as_str())).chain([
            (TunnelParameter::Sort, sort.as_str()),
            (TunnelParameter::Order, order.as_str()),
            (TunnelParameter::Limit, &*limit),
        ]);
        tunnels_path(said.chain(self.pages.last().map(|after| (TunnelParameter::After, after.as_str()))))
    }

    pub(super) fn endpoint_rows(&self) -> Vec<EndpointRow> {
        let rows = |seen| endpoints::rows(seen, &self.measure, &self.endpoint_filter, self.endpoint_order);
        self.seen.as_deref().map(rows).unwrap_or_default()
    }

    pub(super) fn tunnel_list(&self) -> Option<&TunnelList> {
        self.tunnels.as_ref().and_then(|it| it.answer.as_ref().ok())
    }

    pub(super) fn tunnel_keys(&self) -> Vec<String> {
        self.tunnel_list().map(|list| list.tunnels.iter().map(|it| it.id.to_string()).collect()).unwrap_or_default()
    }

    /// The filter of the list that the keys are about.
    pub(super) fn filter(&mut self) -> &mut String {
        match self.pane {
            Pane::Endpoints => &mut self.endpoint_filter,
            Pane::Tunnels => &mut self.tunnel_filter,
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::super::samples::{model, pressed, seen, tell_tunnels, tunnels, typed};
    use super::*;

    #[test]
    fn another_process_is_said_and_counts_anew() {
        let mut model = model();
        model.handle(News::Lost("it has handed over".into()), Instant::now());
        assert!(matches!(model.contact, Contact::Lost { .. }));
        let mut successor = seen(3);
        successor.process.pid = 4712;
        model.handle(News::Seen(Box::new(successor)), Instant::now());
        assert!(matches!(model.contact, Contact::Live));
        let said = "process 4712 answers now, where process 4711 did";
        assert_eq!(model.said, Some(Said::Done(said.into())));
        assert_eq!(model.measure.rates(), None);
    }

    #[test]
    fn no_question_and_no_tunnel_that_is_looked_at_outlives_its_process() {
        let mut successor = seen(3);
        successor.process.since += 1;
        let mut asked = model();
        typed(&mut asked, 'x');
        asked.is_paused = true;
        asked.handle(News::Seen(Box::new(seen(3))), Instant::now());
        assert!(matches!(asked.overlay, Overlay::Asking { .. }), "it is the same one");
        asked.handle(News::Seen(Box::new(successor.clone())), Instant::now());
        assert!(matches!(asked.overlay, Overlay::Nothing) && asked.tunnels.is_none() && !asked.is_paused);
        let said = "process 4711 was started anew; close tunnel 1 is asked no more; the pause is over";
        assert_eq!(asked.said, Some(Said::Done(said.into())));
        let mut looked = model();
        pressed(&mut looked, KeyCode::Enter);
        looked.handle(News::Seen(Box::new(successor)), Instant::now());
        assert!(matches!(looked.overlay, Overlay::Nothing));
        assert!(matches!(&looked.said, Some(Said::Done(said)) if said.ends_with("tunnel 1 was the other one's")));
    }

    #[test]
    fn since_when_there_is_no_news_is_the_first_time() {
        let mut model = model();
        let begun = Instant::now();
        model.handle(News::Lost("a".into()), begun);
        model.handle(News::Lost("b\u{1b}".into()), begun + Duration::from_secs(5));
        let Contact::Lost { since, why } = &model.contact else { panic!("it is lost") };
        assert_eq!((*since, &**why), (begun, "b\\u001b"));
    }

    #[test]
    fn a_pause_keeps_what_is_shown_and_asks_for_nothing() {
        let mut model = model();
        model.is_paused = true;
        model.handle(News::Seen(Box::new(seen(9))), Instant::now());
        tell_tunnels(&mut model, 1);
        assert_eq!((model.seen.as_ref().unwrap().at % 10_000, model.tunnel_keys().len()), (2000, 12));
        assert!(model.wanted().is_paused);
    }

    #[test]
    fn an_answer_to_what_is_asked_no_more_is_left_aside() {
        let mut model = model();
        let Wanted { process, path, .. } = model.wanted();
        let late = [(process, "/tunnels?sort=age".to_owned()), (None, path)];
        for (process, path) in late {
            model.handle(News::Tunnels { process, path, answer: Ok(tunnels(1)) }, Instant::now());
            assert_eq!(model.tunnel_keys().len(), 12);
        }
    }

    #[test]
    fn an_answer_of_the_process_before_is_left_aside() {
        let mut model = model();
        let Wanted { process, path, .. } = model.wanted();
        let mut successor = seen(3);
        successor.process.since += 1;
        model.handle(News::Seen(Box::new(successor)), Instant::now());
        model.handle(News::Tunnels { process, path, answer: Ok(tunnels(1)) }, Instant::now());
        assert!(model.tunnels.is_none());
        tell_tunnels(&mut model, 1);
        assert_eq!(model.tunnel_keys(), ["1"]);
    }

    #[test]
    fn no_question_waits_for_whoever_answers_next() {
        let mut model = model();
        typed(&mut model, 'x');
        model.handle(News::Lost("it has handed over".into()), Instant::now());
        assert!(matches!(model.overlay, Overlay::Nothing));
        let said = "close tunnel 1 is asked no more: nobody answers";
        assert_eq!(model.said, Some(Said::Refused(said.into())));
        typed(&mut model, 'x');
        assert!(matches!(model.overlay, Overlay::Nothing), "it is not asked anew");
        assert!(
            matches!(&model.said, Some(Said::Refused(said)) if said.contains("nobody answers")),
            "{:?}",
            model.said
        );
        model.handle(News::Seen(Box::new(seen(3))), Instant::now());
        typed(&mut model, 'x');
        assert!(matches!(model.overlay, Overlay::Asking { .. }));
    }
}
