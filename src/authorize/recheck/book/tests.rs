//! What is asked when, in virtual time.

mod pace;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::prelude::*;

use super::*;
use crate::access::{Claims, Granted, Permission, Permit};
use crate::authorize::question::About;
use crate::config::ForwardedHeaders;
use crate::drain::{LOCAL_CLIENT, Member, Registration, Registry};
use crate::http::forward::{Arrival, Scheme, Trust};
use crate::snapshot::{FileContents, Snapshot};
use crate::tls::TicketKeys;

const EVERY: Duration = Duration::from_secs(300);

/// A proxy whose route asks as `keys` say, and its tunnels.
struct Site {
    snapshot: Snapshot,
    book: Book,
    registry: Arc<Registry>,
    begun: Instant,
    now: Instant,
    /// When what was asked.
    asked: Vec<(Instant, u64)>,
    news: Vec<PaceNews>,
}

fn snapshot(keys: &str, previous: Option<&Snapshot>) -> Snapshot {
    let authorize = match keys {
        "" => String::new(),
        keys => format!("[route.chat.authorize]\nurl = \"http://127.0.0.1:9000/auth\"\n{keys}\n"),
    };
    let text = format!(
        "[listener.public]\nbind = \"127.0.0.1:0\"\n[upstream.chat]\nendpoints = [\"127.0.0.1:1\"]\n\
         [route.chat]\nupstream = \"chat\"\n{authorize}"
    );
    let settings = crate::config::parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
}

impl Site {
    fn new(keys: &str) -> Self {
        let now = Instant::now();
        let snapshot = snapshot(keys, None);
        let (book, registry) = (Book::default(), Registry::new(1));
        let mut site = Self { snapshot, book, registry, begun: now, now, asked: Vec::new(), news: Vec::new() };
        site.keep();
        site
    }

    fn reload(&mut self, keys: &str) {
        self.snapshot = snapshot(keys, Some(&self.snapshot));
        self.keep();
    }

    fn keep(&mut self) {
        let routes = self.snapshot.routes().values().filter_map(|route| {
            let server = Arc::clone(route.doors.auth_server.as_ref()?);
            Some((route.settings.name.clone(), AskingRoute { settings: Arc::clone(&route.settings), server }))
        });
        self.book.keep_to(routes.collect());
    }

    /// A tunnel of this credential, that may be as long.
    fn open(&mut self, credential: u8, until: Option<Duration>) -> Tunnel {
        let member = Member::of_route("chat");
        let claims = Claims::new();
        let granted = Granted { subject: None, claims, until: None, close_code: CloseCode::FORBIDDEN };
        let permit = Permit::new(Permission::new(granted), self.now.into_std(), 0.0);
        let registration = self.registry.register_permitted((0, LOCAL_CLIENT), member, Box::new(permit), self.now);
        let good = Good { at: self.now, until: until.map(|until| self.now + until) };
        let key = ("chat".into(), [credential; 32]);
        let place = self.book.join(key, question(), good, Arc::clone(registration.handle()));
        Tunnel { registration, place }
    }

    /// Lets this time pass; `answer` is what the server says of each question at once.
    fn pass(&mut self, time: Duration, mut answer: impl FnMut(u64, Instant) -> Reply) {
        let until = self.now + time;
        loop {
            match self.book.step(self.now) {
                Step::Ask(id, _, route) => {
                    self.asked.push((self.now, id));
                    let reply = answer(id, self.now);
                    self.book.note((id, &route.settings.name), reply, self.now);
                }
                Step::Tell(_, news) => self.news.push(news),
                Step::Wait(Some(due)) if due <= until => self.now = due,
                Step::Wait(_) => break,
            }
        }
        self.now = until;
    }

    fn seconds_of_questions(&self) -> Vec<f64> {
        self.asked.iter().map(|(at, _)| (*at - self.begun).as_secs_f64()).collect()
    }
}

struct Tunnel {
    registration: Registration,
    place: Option<(u64, usize)>,
}

impl Tunnel {
    fn end(&self) -> Option<Instant> {
        self.registration.handle().permit().and_then(Permit::end).map(Instant::from_std)
    }

    fn order(&self) -> Option<(Cause, u16)> {
        self.registration.handle().order().map(|order| (order.cause, order.code.get()))
    }
}

fn question() -> Arc<Question> {
    let settings = crate::authorize::verdict::tests::settings("");
    let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("a=b"))]);
    let arrival = Arrival {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        trust: Trust::Untrusted,
        scheme: Scheme::Http,
        written: ForwardedHeaders::XForwarded,
    };
    let target = Uri::from_static("/");
    Arc::new(Question::new(&settings, &About { method: &Method::GET, target: &target, headers: &headers, arrival }))
}

fn yes(_: u64, at: Instant) -> Reply {
    Reply::Granted(Good { at, until: None })
}

fn silence(_: u64, _: Instant) -> Reply {
    Reply::None
}

#[tokio::test]
async fn an_end_comes_in_time_while_a_question_hangs() {
    let mut site = Site::new("recheck_every = \"5min\"\nexpires_header = \"x-until\"");
    let tunnel = site.open(1, Some(Duration::from_secs(60)));
    let Step::Wait(Some(due)) = site.book.step(site.now) else { panic!("nothing is due yet") };
    let Step::Ask(id, _, route) = site.book.step(due) else { panic!("it is asked about before its end") };
    let end = site.begun + Duration::from_secs(60);
    assert!(matches!(site.book.step(due), Step::Wait(Some(next)) if next == end));
    assert!(matches!(site.book.step(end), Step::Wait(None)));
    assert_eq!((tunnel.order(), site.book.len()), (Some((Cause::Expired, 1008)), 0));
    assert_eq!(site.book.note((id, &route.settings.name), yes(id, end), end), None);
}

#[tokio::test]
async fn an_end_outlives_the_rule_by_which_it_was_given() {
    let mut site = Site::new("recheck_every = \"5min\"\nexpires_header = \"x-until\"");
    let until = Duration::from_secs(600);
    let (lasting, endless, soon) = (site.open(1, Some(until)), site.open(2, None), site.open(3, Some(until * 2)));
    let own = site.now + Duration::from_secs(9);
    soon.registration.handle().move_end(Some(own.into_std()));
    site.reload("");
    let late = site.open(4, Some(until));
    assert_eq!((site.book.len(), late.place), (0, None));
    for tunnel in [lasting, late] {
        let end = tunnel.end().unwrap();
        assert!(end <= site.now + until && end > site.now + until - Duration::from_secs(6));
    }
    assert!(soon.end().is_some_and(|end| end <= own));
    assert_eq!(endless.end(), None);
}

#[tokio::test]
async fn an_answer_that_is_older_than_the_last_one_is_no_news() {
    let mut site = Site::new("recheck_every = \"5min\"\nexpires_header = \"x-until\"");
    let first = site.open(1, Some(Duration::from_secs(60)));
    let older = Good { at: site.now - Duration::from_secs(9), until: Some(site.now + Duration::from_secs(600)) };
    let handle = Arc::clone(first.registration.handle());
    site.book.join(("chat".into(), [1; 32]), question(), older, handle).unwrap();
    site.pass(Duration::from_secs(60), silence);
    assert_eq!(first.order(), Some((Cause::Expired, 1008)));
}

#[tokio::test]
async fn who_is_refused_is_closed_and_nobody_else() {
    let mut site = Site::new("recheck_every = \"5min\"\nclose_code = 4001");
    let [one, same, other] = [1, 1, 2].map(|credential| site.open(credential, None));
    let refused = one.place.unwrap().0;
    site.pass(EVERY * 2, |id, at| if id == refused { Reply::Denied } else { yes(id, at) });
    assert_eq!([one.order(), same.order()], [Some((Cause::Refused, 4001)); 2]);
    assert_eq!((other.order(), site.book.len()), (None, 1));
}

#[tokio::test]
async fn while_nobody_answers_tunnels_stay_as_long_as_the_route_allows() {
    let mut site = Site::new("recheck_every = \"5min\"\nrecheck_grace = \"15min\"");
    let tunnel = site.open(1, None);
    site.pass(Duration::from_secs(14 * 60), silence);
    assert_eq!(tunnel.order(), None);
    let asked = site.asked.len();
    assert!((10..=60).contains(&asked), "it is asked again sooner, and not in a hurry: {asked}");
    site.pass(Duration::from_secs(50), yes);
    site.pass(Duration::from_secs(14 * 60), silence);
    assert_eq!(tunnel.order(), None, "a good answer counts anew");
    site.pass(Duration::from_secs(6 * 60), silence);
    assert_eq!(tunnel.order(), Some((Cause::Unconfirmed, 4403)));
    assert_eq!(site.book.len(), 0);
}

#[tokio::test]
async fn a_permission_that_ends_is_asked_about_before_and_moves_the_end() {
    let mut site = Site::new("recheck_every = \"5min\"\nexpires_header = \"x-until\"");
    let tunnel = site.open(1, Some(Duration::from_secs(60)));
    site.pass(Duration::from_secs(59), |_, at| Reply::Granted(Good { at, until: Some(at + Duration::from_secs(100)) }));
    let seconds = site.seconds_of_questions();
    assert!(seconds.len() == 1 && (53.0..55.0).contains(&seconds[0]), "{seconds:?}");
    let end = site.begun + Duration::from_secs_f64(seconds[0]) + Duration::from_secs(100);
    site.pass(end - site.now - Duration::from_secs(1), |_, at| Reply::Granted(Good { at, until: Some(end) }));
    assert_eq!(tunnel.order(), None);
    assert!(site.asked.len() < 30, "{:?}", site.asked.len());
    site.pass(Duration::from_secs(2), |_, at| Reply::Granted(Good { at, until: Some(end) }));
    assert_eq!(tunnel.order(), Some((Cause::Expired, 1008)));
}

#[tokio::test]
async fn an_end_stands_also_where_nobody_is_asked_or_answers() {
    let mut site = Site::new("recheck_every = \"5min\"\nexpires_header = \"x-until\"");
    let tunnel = site.open(1, Some(Duration::from_secs(600)));
    site.reload("expires_header = \"x-until\"");
    site.pass(Duration::from_secs(599), yes);
    assert_eq!((tunnel.order(), site.asked.len()), (None, 0));
    site.pass(Duration::from_secs(1), yes);
    assert_eq!(tunnel.order(), Some((Cause::Expired, 1008)));
}

#[tokio::test]
async fn what_a_reload_changes_counts_from_the_next_question_on() {
    let mut site = Site::new("recheck_every = \"5min\"");
    let tunnel = site.open(1, None);
    site.reload("recheck_every = \"1h\"\nrecheck_grace = \"2h\"");
    site.pass(EVERY * 2, yes);
    assert_eq!(site.asked.len(), 1, "what was planned stands");
    site.pass(Duration::from_secs(45 * 60), yes);
    assert_eq!(site.asked.len(), 1);
    site.reload("");
    assert_eq!(site.book.len(), 0);
    site.pass(EVERY * 100, yes);
    assert_eq!((site.asked.len(), tunnel.order()), (1, None));
    site.book.leave(tunnel.place.unwrap());
}

#[tokio::test]
async fn a_tunnel_that_is_carried_on_elsewhere_stays_as_long_after_the_same_answer() {
    let keys = "recheck_every = \"5min\"\nrecheck_grace = \"15min\"";
    let mut site = Site::new(keys);
    let tunnel = site.open(1, None);
    site.pass(EVERY * 2, yes);
    let id = tunnel.place.unwrap().0;
    let (asked, good) = site.book.last_good(id).unwrap();
    assert_eq!((&asked, good.at), (&question(), site.asked.last().unwrap().0));
    let mut next = Site::new(keys);
    next.now = site.now;
    let moved = next.open(1, None);
    let handle = Arc::clone(moved.registration.handle());
    next.book.leave(moved.place.unwrap());
    next.book.join(("chat".into(), [1; 32]), asked, good, handle).unwrap();
    next.pass(good.at + Duration::from_secs(890) - next.now, silence);
    assert_eq!(moved.order(), None);
    next.pass(Duration::from_secs(20), silence);
    assert_eq!(moved.order(), Some((Cause::Unconfirmed, 4403)));
    site.reload("");
    assert!(site.book.last_good(id).is_none(), "nobody asks any more");
}

#[tokio::test]
async fn nothing_is_kept_once_the_last_tunnel_has_ended() {
    let mut site = Site::new("recheck_every = \"5min\"");
    let (one, other) = (site.open(1, None), site.open(1, None));
    site.book.leave(one.place.unwrap());
    assert_eq!(site.book.len(), 1);
    site.now += EVERY * 2;
    let Step::Ask(id, _, route) = site.book.step(site.now) else { panic!("it is due") };
    site.book.leave(other.place.unwrap());
    assert_eq!(site.book.len(), 0);
    assert_eq!(site.book.note((id, &route.settings.name), Reply::Denied, site.now), None);
    assert_eq!(other.order(), None, "the answer is nobody's");
    assert!(matches!(site.book.step(site.now), Step::Wait(None)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_the_book_is_in_order(steps in prop::collection::vec((0_u8..6, 0_u8..4, 0_u64..400), 1..60)) {
        let mut site = Site::new("recheck_every = \"1min\"\nrecheck_per_second = 2\nexpires_header = \"x-until\"");
        let mut tunnels = Vec::new();
        for (what, which, seconds) in steps {
            let time = Duration::from_secs(seconds);
            match what {
                0 => tunnels.push(site.open(which, None)),
                1 => tunnels.push(site.open(which, Some(time))),
                2 => if let Some(place) = tunnels.pop().and_then(|tunnel| tunnel.place) { site.book.leave(place) },
                3 => site.pass(time, yes),
                4 => site.pass(time, silence),
                _ => site.pass(time, |_, _| Reply::Denied),
            }
            site.book.len();
        }
    }
}
