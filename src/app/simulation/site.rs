//! The configuration of the simulated proxy, as an operator changes it.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::chance::Chance;
use crate::app::loaded::Loaded;
use crate::config::{self, EndpointRole, parse_endpoint};
use crate::discovery::EndpointSet;

/// How many endpoints there are, whether the configuration names them or not; each listens on two ports.
pub(super) const ENDPOINTS: usize = 4;
/// How many listeners, routes and upstreams a configuration may have.
pub(super) const LISTENERS: usize = 2;
pub(super) const ROUTES: usize = 3;
const UPSTREAMS: usize = 2;
/// The upstream that may have a source.
const FOUND: usize = 1;
pub(super) const FOUND_NAME: &str = "u1";

#[derive(Clone, Debug)]
pub(super) struct Site {
    listeners: [bool; LISTENERS],
    /// The upstream of each.
    routes: [Option<usize>; ROUTES],
    /// The port of each endpoint of each.
    upstreams: [[Option<u16>; ENDPOINTS]; UPSTREAMS],
    /// Of every WebSocket.
    limits: String,
    /// Of every upstream and listener.
    timeouts: [(&'static str, Duration); 5],
    /// Whether the endpoints of the last upstream come from a source.
    pub(super) is_found: bool,
    /// Whether that source answers a reload in time.
    pub(super) is_prompt: bool,
    on_reload: &'static str,
    reload: Window,
    discovery: Window,
    pub(super) stop: Window,
    stop_delay: Option<Duration>,
    /// Whether endpoints are probed, and what becomes of the tunnels of those that are down.
    health: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) deadline: Duration,
    spread: Duration,
}

impl Site {
    pub(super) fn any(chance: &mut Chance) -> Self {
        let mut site = Self {
            listeners: [true; LISTENERS],
            routes: [Some(0), Some(1), Some(0)],
            upstreams: [[Some(80); ENDPOINTS], [Some(80), None, Some(80), None]],
            limits: String::new(),
            timeouts: [
                ("handshake_timeout", chance.seconds(2..12)),
                ("response_timeout", chance.seconds(2..12)),
                ("body_timeout", chance.seconds(2..12)),
                ("head_timeout", chance.seconds(2..12)),
                ("rest_timeout", chance.seconds(2..40)),
            ],
            is_found: chance.one_in(2),
            is_prompt: true,
            on_reload: "drain",
            reload: Window::any(chance),
            discovery: Window::any(chance),
            stop: Window::any(chance),
            stop_delay: chance.one_in(3).then(|| chance.seconds(1..8)),
            health: chance.one_in(2).then(|| chance.one_of(&["keep", "drain", "close"])),
        };
        site.change_limits(chance);
        site
    }

    /// Changes one thing of it.
    pub(super) fn change(&mut self, chance: &mut Chance) {
        match chance.number(0..13) {
            0 => {
                let one = chance.size(0..LISTENERS);
                self.listeners[one] = !self.listeners[one] || !self.listeners[1 - one];
            }
            1..3 => {
                let route = chance.size(0..ROUTES);
                self.routes[route] = match self.routes[route] {
                    Some(_) if self.routes.iter().flatten().count() > 1 => None,
                    _ => Some(chance.size(0..UPSTREAMS)),
                };
            }
            3 => {
                let route = chance.size(0..ROUTES);
                self.routes[route] = Some(chance.size(0..UPSTREAMS));
            }
            4..9 => {
                let upstream = chance.size(0..UPSTREAMS);
                self.change_endpoint(upstream, chance);
            }
            9 => self.change_limits(chance),
            10 => (self.is_found, self.is_prompt) = (!self.is_found, chance.one_in(2)),
            11 => self.on_reload = chance.one_of(&["drain", "drain", "keep"]),
            _ => {
                self.reload = Window::any(chance);
                self.stop = Window::any(chance);
            }
        }
    }

    fn change_endpoint(&mut self, upstream: usize, chance: &mut Chance) {
        let upstream = &mut self.upstreams[upstream];
        let at = chance.size(0..ENDPOINTS);
        upstream[at] = match upstream[at] {
            Some(80) if chance.one_in(3) => Some(81),
            Some(_) if upstream.iter().flatten().count() > 1 => None,
            _ => Some(80),
        };
    }

    /// Another set for the upstream that has a source, where there is one.
    pub(super) fn find(&mut self, chance: &mut Chance) -> Option<EndpointSet> {
        if !self.is_found {
            return None;
        }
        self.change_endpoint(FOUND, chance);
        Some(self.set())
    }

    fn set(&self) -> EndpointSet {
        let named = self.upstreams[FOUND].iter().enumerate().filter_map(|(at, port)| Some((at, (*port)?)));
        let endpoint = |(at, port)| {
            let (name, address) = (format!("e{at}"), endpoint_address(at, port).to_string());
            parse_endpoint(&address, Some(&name), None, EndpointRole::Ready).unwrap()
        };
        EndpointSet::new(named.map(endpoint).collect()).unwrap()
    }

    fn change_limits(&mut self, chance: &mut Chance) {
        let or_off = |chance: &mut Chance, from, to| match chance.one_in(2) {
            true => format!("\"{}ms\"", chance.number(from..to)),
            false => "\"off\"".to_owned(),
        };
        self.limits = format!(
            "idle_timeout = {}\nping_every = {{ client = \"{}ms\", upstream = {} }}\npong_within = \"{}ms\"\nstall_timeout = {}\n\
             max_lifetime = {}\nclosing_timeout = \"{}ms\"\nhalf_close_timeout = \"{}ms\"\nmax_message = {}\n",
            or_off(chance, 20_000, 60_000),
            chance.number(1_000..20_000),
            or_off(chance, 1_000, 20_000),
            chance.number(2_000..10_000),
            or_off(chance, 2_000, 20_000),
            or_off(chance, 10_000, 90_000),
            chance.number(1_000..4_000),
            chance.number(1_000..8_000),
            chance.one_of(&["\"off\"", "\"64KiB\"", "\"48KiB\""]),
        );
    }

    /// Of a reload that this one is served by: when what it drains is gone; `None` where nothing is drained.
    pub(super) fn reload_deadline(&self) -> Option<Duration> {
        (self.on_reload == "drain").then_some(self.reload.deadline)
    }

    /// When what has left is gone that a source names no more.
    pub(super) fn discovery_deadline(&self) -> Duration {
        self.discovery.deadline
    }

    /// Whether tunnels may end because their endpoint is down.
    pub(super) fn closes_on_down(&self) -> bool {
        self.health.is_some_and(|on_down| on_down != "keep")
    }

    /// How long a stop takes at the most.
    pub(super) fn longest_stop(&self) -> Duration {
        self.stop_delay.unwrap_or_default() + self.stop.deadline
    }

    pub(super) fn load(&self) -> Loaded {
        let text = self.text();
        let settings = config::parse(&text, Path::new("site.toml"));
        let settings = settings.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let source = settings.upstreams.get(FOUND_NAME).and_then(|upstream| upstream.source.clone());
        let mut loaded = Loaded::read(settings).unwrap();
        if let Some(source) = source.filter(|_| self.is_prompt) {
            loaded.sets().note(FOUND_NAME.into(), source, self.set());
        }
        loaded
    }

    fn text(&self) -> String {
        let seconds = |duration: Duration| format!("\"{}ms\"", duration.as_millis());
        let [handshake, response, body, head, rest] =
            self.timeouts.map(|(key, time)| format!("{key} = {}\n", seconds(time)));
        let mut text = "admin = { listen = \"off\" }\n".to_owned();
        let delay = self.stop_delay.map_or("\"off\"".to_owned(), seconds);
        for (name, Window { deadline, spread }, more) in [
            ("stop", self.stop, format!("delay = {delay}\n")),
            ("reload", self.reload, format!("on = \"{}\"\n", self.on_reload)),
            ("discovery", self.discovery, String::new()),
        ] {
            let (deadline, spread) = (seconds(deadline), seconds(spread));
            write!(text, "[drain.{name}]\ndeadline = {deadline}\nspread = {spread}\n{more}").unwrap();
        }
        for index in (0..LISTENERS).filter(|index| self.listeners[*index]) {
            let address = listener_address(index);
            write!(text, "[listener.l{index}]\nbind = \"{address}\"\n{head}{rest}{body}").unwrap();
        }
        for (index, upstream) in self.routes.iter().enumerate() {
            let Some(upstream) = upstream else { continue };
            write!(
                text,
                "[route.r{index}]\npath = \"/r{index}\"\nupstream = \"u{upstream}\"\nupgrade = [\"websocket\", \"echo\"]\n\
                 raw_half_close_timeout = \"10s\"\n[route.r{index}.websocket]\n{}",
                self.limits
            )
            .unwrap();
        }
        let health = self.health.map_or_else(String::new, |on_down| {
            format!("health = {{ probe = \"tcp\", every = \"1s\", timeout = \"500ms\" }}\non_down = \"{on_down}\"\n")
        });
        for (index, endpoints) in self.upstreams.iter().enumerate() {
            let endpoints =
                endpoints.iter().enumerate().filter_map(|(at, port)| Some((at, endpoint_address(at, (*port)?))));
            let endpoints = endpoints.map(|(at, address)| format!("{{ name = \"e{at}\", address = \"{address}\" }}"));
            let listed = format!("[{}]", endpoints.collect::<Vec<_>>().join(", "));
            let endpoints = if self.is_found && index == FOUND { "{ file = \"u1.json\" }".to_owned() } else { listed };
            write!(text, "[upstream.u{index}]\nendpoints = {endpoints}\n{handshake}{response}{body}{health}").unwrap();
        }
        text
    }
}

impl Window {
    fn any(chance: &mut Chance) -> Self {
        let deadline = chance.seconds(3..25);
        Self { deadline, spread: deadline.mul_f64(chance.one_of(&[0.1, 0.5, 1.0])) }
    }
}

pub(super) fn listener_address(index: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 8000 + index as u16))
}

pub(super) fn endpoint_address(index: usize, port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, index as u8], port))
}
