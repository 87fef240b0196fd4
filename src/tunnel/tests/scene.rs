//! A tunnel, its two peers and the clock.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, advance};

use super::peer::{Peer, Wire, stream};
use crate::access::{Claims, Granted, Permission, Permit};
use crate::config::{Compression, Excess, IdleCounts, LimitSettings, Pongs, WebsocketSettings};
use crate::drain::{Cause, Incarnation, LOCAL_CLIENT, Member, Registry, StopOrder};
use crate::tunnel::{FrozenTunnel, Outcome, Protocol, Streams, Tunnel, TunnelParameters};
use crate::websocket::{CloseCode, Extensions, PerDirection, PerSide, Side, Strictness};

/// So often the tunnel is looked at while time passes.
const STEP: Duration = Duration::from_millis(50);

/// A tunnel about to open.
pub(super) struct Scene {
    pub(super) settings: WebsocketSettings,
    pub(super) protocol: Protocol,
    /// How long after its start what permits it ends, to the moment.
    pub(super) expires: Option<Duration>,
    pub(super) client_early: Vec<u8>,
    pub(super) upstream_early: Vec<u8>,
    pub(super) answer: Vec<u8>,
}

/// An open tunnel.
pub(super) struct Open {
    pub(super) client: Peer,
    pub(super) upstream: Peer,
    pub(super) registry: Arc<Registry>,
    tunnel: Option<Pin<Box<Tunnel<Wire, Wire>>>>,
    woken: Arc<Woken>,
    outcome: Option<Outcome>,
    /// Says when the tunnel is carried over, where it is.
    carries: Option<Rng>,
}

/// Polls only who was woken: a wake-up that is lost is found.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const OFF: LimitSettings = LimitSettings {
    max_message: None,
    max_frame: None,
    max_fragments: None,
    max_inflated_message: None,
    messages_per_second: None,
    control_frames_per_second: None,
    bytes_per_second: None,
    excess: Excess::Close,
};

impl Scene {
    /// A WebSocket without any timer or limit but those of the end.
    pub(super) fn new() -> Self {
        let settings = WebsocketSettings {
            idle_timeout: None,
            idle_counts: IdleCounts::Messages,
            ping_every: PerSide { client: None, upstream: None },
            pong_within: seconds(10),
            pongs: PerSide { client: Pongs::Required, upstream: Pongs::Required },
            stall_timeout: None,
            max_lifetime: None,
            closing_timeout: seconds(5),
            half_close_timeout: Some(seconds(3)),
            endpoint_lost_code: CloseCode::BAD_GATEWAY,
            limits: PerDirection { from_client: OFF, from_upstream: OFF },
            compression: Compression::Pass,
            strictness: Strictness::Strict,
        };
        let protocol = Protocol::Websocket(Extensions::None);
        Self { settings, protocol, expires: None, client_early: vec![], upstream_early: vec![], answer: vec![] }
    }

    /// Another protocol.
    pub(super) fn raw() -> Self {
        Self { protocol: Protocol::Raw, ..Self::new() }
    }

    /// With these settings changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut WebsocketSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// With these limits changed for what `from` sends.
    pub(super) fn limit(mut self, from: Side, change: impl FnOnce(&mut LimitSettings)) -> Self {
        change(&mut self.settings.limits[from.sends()]);
        self
    }

    pub(super) fn open(self) -> Open {
        let mut open = self.open_unpolled();
        open.settle();
        open
    }

    pub(super) fn open_unpolled(self) -> Open {
        let registry = Registry::new(1);
        let member = Member {
            listener: ("public".into(), Incarnation(1)),
            route: ("chat".into(), Incarnation(2)),
            upstream: ("chat".into(), Incarnation(3)),
            endpoint: ("a".into(), Incarnation(4)),
        };
        let now = Instant::now().into_std();
        let permit = self.expires.map(|expires| {
            let granted = Granted {
                subject: None,
                claims: Claims::new(),
                until: Some(now + expires),
                close_code: CloseCode::POLICY_VIOLATION,
            };
            Box::new(Permit::new(Permission::new(granted), now, 0.0))
        });
        let registration = match permit {
            Some(permit) => registry.register_permitted((0, LOCAL_CLIENT), member, permit, Instant::now()),
            None => registry.register(0, member, LOCAL_CLIENT),
        };
        let (client, client_peer) = stream(Side::Client);
        let (upstream, upstream_peer) = stream(Side::Upstream);
        let Self { settings, protocol, expires: _, client_early, upstream_early, answer } = self;
        let streams = Streams { client, upstream, client_early, upstream_early, answer };
        let parameters = TunnelParameters { settings: Arc::new(settings), protocol };
        let woken = Arc::new(Woken::default());
        woken.0.store(true, Ordering::Relaxed);
        Open {
            client: client_peer,
            upstream: upstream_peer,
            registry,
            tunnel: Some(Box::pin(Tunnel::new(streams, parameters, registration))),
            woken,
            outcome: None,
            carries: None,
        }
    }
}

impl Open {
    pub(super) fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Client => &mut self.client,
            Side::Upstream => &mut self.upstream,
        }
    }

    /// From now on the tunnel is carried over now and then, as `carries` says.
    pub(super) fn is_carried_over(&mut self, carries: Option<Rng>) {
        self.carries = carries;
    }

    /// Writes the tunnel down, and carries on what is read of that, if it goes on.
    fn carry_over(&mut self) {
        let is_open = self.is_open();
        self.carry_over_changed(|_| ());
        assert_eq!(self.is_open(), is_open, "what was frozen is a tunnel");
    }

    /// The same, with what was written changed. Says whether there is a tunnel then.
    pub(super) fn carry_over_changed(&mut self, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let now = Instant::now();
        let Some(tunnel) = self.tunnel.take_if(|tunnel| FrozenTunnel::of(tunnel, now).is_ok()) else { return false };
        let mut written = postcard::to_stdvec(&FrozenTunnel::of(&tunnel, now).unwrap()).unwrap();
        change(&mut written);
        let Tunnel { client, upstream, shared, registration, .. } = *Pin::into_inner(tunnel);
        let Ok(frozen) = postcard::from_bytes::<FrozenTunnel>(&written) else { return false };
        let thawed = frozen.thaw((client.stream, upstream.stream), shared.settings, registration, now);
        self.tunnel = thawed.map(Box::pin);
        self.woken.0.store(true, Ordering::Relaxed);
        self.is_open()
    }

    /// Polls the tunnel once if it was woken, as a task of its own; whether it was.
    pub(super) fn step(&mut self) -> bool {
        if self.carries.as_mut().is_some_and(|carries| carries.u8(..4) == 0) {
            self.carry_over();
        }
        self.poll(|tunnel, cx| pin!(unconstrained(tunnel)).poll(cx))
    }

    /// The same, with what is left of tokio's budget for the test's task.
    pub(super) fn step_within_budget(&mut self) -> bool {
        self.poll(|tunnel, cx| tunnel.poll(cx))
    }

    fn poll(&mut self, poll: impl FnOnce(Pin<&mut Tunnel<Wire, Wire>>, &mut Context<'_>) -> Poll<Outcome>) -> bool {
        let Some(tunnel) = &mut self.tunnel else { return false };
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        if let Poll::Ready(outcome) = poll(tunnel.as_mut(), &mut Context::from_waker(&waker)) {
            self.outcome = Some(outcome);
            self.tunnel = None;
        }
        true
    }

    /// Polls the tunnel for as long as it is woken.
    #[track_caller]
    pub(super) fn settle(&mut self) {
        let mut polls = 0;
        while self.step() {
            polls += 1;
            assert!(polls < 100_000, "the tunnel spins");
        }
    }

    /// Time passes, in steps.
    pub(super) async fn wait(&mut self, duration: Duration) {
        let until = Instant::now() + duration;
        self.settle();
        while Instant::now() < until && self.tunnel.is_some() {
            advance(STEP.min(until - Instant::now())).await;
            self.settle();
        }
    }

    /// Waits until something was written to the client, at most `longest`.
    pub(super) async fn wait_for_words(&mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while self.client.waiting() == 0 && Instant::now() < until {
            self.wait(STEP).await;
        }
    }

    /// The clock jumps.
    pub(super) async fn jump(&mut self, duration: Duration) {
        advance(duration).await;
        self.settle();
    }

    /// A drain tells the tunnel to end within `deadline`.
    pub(super) fn drain(&mut self, deadline: Duration) {
        let deadline = Instant::now() + deadline;
        let order = StopOrder { cause: Cause::Stop, code: CloseCode::SERVICE_RESTART, reason: None, deadline };
        self.order(&order);
    }

    /// Somebody orders the tunnel to end.
    pub(super) fn order(&mut self, order: &StopOrder) {
        for handle in self.registry.tunnels(|_| true) {
            handle.order_close(order.clone());
        }
        self.settle();
    }

    /// Somebody moves the end of what it is permitted, as it is now, to `later`.
    pub(super) fn move_end(&mut self, later: Option<Duration>) {
        let until = later.map(|later| (Instant::now() + later).into_std());
        assert!(self.registry.tunnels(|_| true).iter().all(|handle| handle.move_end(until)));
        self.settle();
    }

    /// How much memory the tunnel's buffers hold.
    pub(super) fn buffered(&self) -> PerDirection<usize> {
        self.tunnel.as_ref().map(|tunnel| tunnel.buffered()).unwrap_or_default()
    }

    pub(super) fn is_open(&self) -> bool {
        self.tunnel.is_some()
    }

    /// How the tunnel ended; it must have.
    #[track_caller]
    pub(super) fn outcome(&mut self) -> Outcome {
        self.settle();
        assert!(self.registry.is_empty() || self.outcome.is_none(), "an ended tunnel is still registered");
        self.outcome.clone().expect("the tunnel has ended")
    }
}
