//! The task that exports, in a network in memory and in virtual time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::*;
use crate::config::parse;
use crate::log::hearing;
use crate::metrics::{Exposition, Gauges};
use crate::net::SimulatedNetwork;
use crate::snapshot::FileContents;
use crate::tls::TicketKeys;
use crate::traces::{Span, SpanKind, TraceContext};

const COLLECTOR: &str = "10.0.0.1:4318";

struct Scene {
    network: SimulatedNetwork,
    metrics: Arc<Metrics>,
    traces: Traces,
    /// Where traces are taken.
    on: Snapshot,
}

/// With these keys of `[traces]`; without any, that is off.
fn snapshot(traces: &str, previous: Option<&Snapshot>) -> Snapshot {
    let table = if traces.is_empty() { String::new() } else { format!("[traces]\n{traces}\n") };
    let text = format!(
        "{table}[listener.l]\nbind = \"127.0.0.1:0\"\n[route.r]\nupstream = \"u\"\n[upstream.u]\nendpoints = [\"10.0.0.2:80\"]\n"
    );
    let settings = parse(&text, Path::new("test.toml")).unwrap_or_else(|wrong| panic!("{wrong}"));
    Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
}

fn keys(more: &str) -> String {
    format!("endpoint = \"http://{COLLECTOR}\"\n{more}")
}

fn span() -> Span {
    Span {
        context: TraceContext::begin((1, 2), true),
        parent: None,
        name: "GET chat".into(),
        kind: SpanKind::Server,
        begun: 0,
        ended: 0,
        attributes: Vec::new(),
        events: Vec::new(),
        events_left_out: 0,
        links: Vec::new(),
        error: None,
    }
}

/// How many spans have come to this.
fn count(metrics: &Metrics, result: &str) -> u32 {
    let text = metrics.encode(&Gauges::default(), Exposition::Prometheus).unwrap();
    let series = format!("windlass_spans_total{{result=\"{result}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

impl Scene {
    /// Nobody listens yet.
    fn begin() -> Self {
        let (network, metrics) = (SimulatedNetwork::default(), Arc::new(Metrics::default()));
        let pool = Arc::new(Pool::new(Arc::new(Semaphore::new(1))));
        let traces = Traces::new(Network::Simulated(network.clone()), pool, Arc::clone(&metrics));
        Self { network, metrics, traces, on: snapshot(&keys(""), None) }
    }

    fn tracer(&self) -> Arc<Tracer> {
        self.traces.tracer(&self.on).unwrap()
    }

    fn count(&self, result: &str) -> u32 {
        count(&self.metrics, result)
    }

    /// A collector that is busy for a minute whenever it is asked: when it is, and what it reads.
    fn busy(&self) -> UnboundedReceiver<(Instant, String)> {
        let address: SocketAddr = COLLECTOR.parse().unwrap();
        let listener = self.network.listen(address).unwrap();
        let (sender, asked) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await;
                let sender = sender.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let sender = sender.clone();
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        sender.send((Instant::now(), String::from_utf8(body.to_vec()).unwrap())).unwrap();
                        let answer = Response::builder().status(503).header("retry-after", "60");
                        Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap())
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        asked
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_as_before_is_not_asked_sooner_because_of_a_reload() {
    let scene = Scene::begin();
    let mut asked = scene.busy();
    scene.traces.follow(&scene.on);
    scene.traces.begin();
    scene.tracer().send(vec![span()]);
    let (first, _) = asked.recv().await.unwrap();
    let before = scene.on.collector.clone();
    for more in ["sample = 0.5", "parent = \"follow\"", "service_name = \"other\""] {
        sleep(Duration::from_secs(10)).await;
        let reloaded = snapshot(&keys(more), Some(&scene.on));
        assert!(!Arc::ptr_eq(before.as_ref().unwrap(), reloaded.collector.as_ref().unwrap()));
        scene.traces.follow(&reloaded);
    }
    let (second, body) = asked.recv().await.unwrap();
    assert!((second - first).as_secs() == 60 && body.contains("\"other\""), "{:?}: {body}", second - first);
    // One that reads another header is another one.
    sleep(Duration::from_secs(10)).await;
    scene.traces.follow(&snapshot(&keys("headers = { a = \"b\" }"), Some(&scene.on)));
    let (third, _) = asked.recv().await.unwrap();
    assert_eq!((third - second).as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_while_traces_are_turned_off_still_goes_to_who_took_them_and_nothing_later_does() {
    let scene = Scene::begin();
    scene.traces.follow(&scene.on);
    scene.traces.begin();
    // A request holds it to its end.
    let tracer = scene.tracer();
    sleep(Duration::from_secs(10)).await;
    scene.traces.follow(&snapshot("", Some(&scene.on)));
    sleep(Duration::from_millis(500)).await;
    tracer.send(vec![span()]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!((scene.count("no_answer"), scene.count("stopped")), (1, 0), "it was asked, and is not there");
    tracer.send(vec![span()]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!((scene.count("no_answer"), scene.count("stopped")), (1, 1));
}

/// It sends one more as soon as a line is said.
struct Late(Arc<Tracer>);

impl<S: Subscriber> Layer<S> for Late {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.send(vec![span()]);
    }
}

#[test]
fn what_comes_while_the_last_are_lost_is_counted_as_well() {
    let scene = Scene::begin();
    let tracer = scene.tracer();
    tracer.send(vec![span()]);
    let (traces, metrics) = (scene.traces, scene.metrics);
    hearing(tracing_subscriber::registry().with(Late(tracer)), || drop(traces));
    assert_eq!(count(&metrics, "stopped"), 2);
}
