//! A tunnel lives on when its client brings a fresh token in time, and names it.

use serde_json::{Value, json};

use super::auth_server::{AuthServer, says};
use super::is_refused;
use super::tokens::{config_asking, seconds_from_now, token};
use crate::http2_front::client::{Http2Client, joined, websocket};
use crate::rig::{Config, Endpoint, Folder, Frame, Handshake, Head, Proxy, Wire, assert_carries, log, until, within};

pub(crate) const NAME: &str = "windlass-tunnel";

/// A token that holds for so long.
pub(crate) fn of(user: &str, seconds: i64) -> String {
    format!("Bearer {}", token(&json!({ "sub": user, "exp": seconds_from_now(seconds) })))
}

pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    endpoint: Endpoint,
    config: Config,
    _folder: Folder,
}

/// A tunnel, and what its client reads of the 101.
pub(crate) struct Opened {
    client: Wire,
    at_endpoint: Wire,
    head: Head,
    /// What the endpoint has read of the request.
    asked: Head,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let endpoint = Endpoint::listen().await;
        let (config, folder) = config_asking(&endpoint, "close_code = 4401");
        let config = change(config.with("route.chat.renew_path", "\"/renew\""));
        Self { proxy: Proxy::serving(&config), endpoint, config, _folder: folder }
    }

    async fn open(&self, handshake: &Handshake) -> Opened {
        self.open_by(handshake, "").await
    }

    /// The endpoint says `more` in its 101.
    async fn open_by(&self, handshake: &Handshake, more: &str) -> Opened {
        let mut client = self.proxy.connect().await;
        client.send(handshake.bytes()).await;
        let (mut at_endpoint, asked) = self.endpoint.asked().await;
        let grant = Handshake::grant(&asked).replacen("\r\n\r\n", &format!("\r\n{more}\r\n"), 1);
        at_endpoint.send(grant).await;
        let head = client.head().await;
        assert_eq!(head.status(), 101, "{head:?}");
        Opened { client, at_endpoint, head, asked }
    }

    pub(crate) async fn of_ada(&self, seconds: i64) -> Opened {
        self.open(&Handshake::new().with("authorization", of("ada", seconds))).await
    }

    /// Renews, and nobody asks the endpoint.
    pub(crate) async fn renews(&self, bearer: &str, name: &str) -> Value {
        let mut client = self.proxy.connect().await;
        client.send(renewal(bearer, &format!("{NAME}: {name}"))).await;
        let (head, body) = self.endpoint.is_untouched_until(client.answer()).await;
        assert_eq!((head.status(), head.value("content-type")), (200, Some("application/json")), "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) async fn refuses(&self, request: &str, refusal: (u16, &str)) {
        is_refused(&self.proxy, &self.endpoint, request, refusal).await;
    }
}

pub(crate) fn renewal(bearer: &str, named: &str) -> String {
    format!(
        "POST /renew HTTP/1.1\r\nHost: chat.test\r\nAuthorization: {bearer}\r\n{named}\r\nContent-Length: 0\r\n\r\n"
    )
}

impl Opened {
    pub(crate) fn name(&self) -> String {
        self.head.value(NAME).expect("it has a name").to_owned()
    }

    /// Name and value of its cookie, and what else is said of that.
    fn cookie(&self) -> (&str, &str) {
        self.head.value("set-cookie").and_then(|cookie| cookie.split_once("; ")).expect("there is a cookie")
    }

    async fn carries(&mut self) {
        assert_carries(&mut self.client, &mut self.at_endpoint).await;
    }

    async fn expires(&mut self) {
        assert_eq!(self.client.frame().await.close_code(), Some(4401));
    }
}

#[tokio::test]
async fn one_that_is_renewed_in_time_outlives_its_first_token_and_one_that_is_not_ends() {
    let site = Site::new().await;
    let (mut renewed, mut other) = (site.of_ada(4).await, site.of_ada(4).await);
    assert_ne!(renewed.name(), other.name());

    let answer = site.renews(&of("ada", 600), &renewed.name()).await;

    assert_eq!(answer["tunnels"], 1);
    assert!((590..600).contains(&answer["expires_in_seconds"].as_u64().unwrap()), "{answer}");
    other.expires().await;
    renewed.carries().await;
    assert_eq!(site.proxy.count("renewals_total{result=\"renewed\"}"), 1);
    assert!(site.proxy.count("exchanges_total{route=\"chat\",class=\"2xx\",outcome=\"answered\"}") >= 1);
}

#[tokio::test]
async fn a_name_is_opaque_and_its_cookie_keeps_to_the_route_and_the_site() {
    let site =
        Site::with(|config| config.with("route.chat.path", "\"/ws\"").with("route.chat.renew_path", "\"/ws/r\"")).await;
    let opened = site.open(&Handshake::new().request("GET /ws HTTP/1.1").with("authorization", of("ada", 600))).await;
    assert_eq!(opened.name().len(), 22);
    let (cookie, attributes) = opened.cookie();
    assert_eq!(cookie, format!("{NAME}={}", opened.name()));
    assert_eq!(attributes, "Path=/ws; HttpOnly; SameSite=Strict");
}

#[tokio::test]
async fn two_tunnels_of_one_cookie_have_one_name_and_one_renewal_prolongs_both() {
    let site = Site::new().await;
    let mut first = site.of_ada(4).await;
    let handshake =
        Handshake::new().with("authorization", of("ada", 4)).with("cookie", format!("a=1; {}", first.cookie().0));
    let mut second = site.open(&handshake).await;
    assert_eq!(second.name(), first.name());
    assert!(second.head.values("set-cookie").is_empty(), "{:?}", second.head);
    assert_eq!(second.asked.values("cookie"), ["a=1"]);
    let of_bob = Handshake::new().with("authorization", of("bob", 4)).with("cookie", first.cookie().0);
    let mut of_bob = site.open(&of_bob).await;
    assert_ne!(of_bob.name(), first.name(), "it is somebody else's");

    let mut client = site.proxy.connect().await;
    client.send(renewal(&of("ada", 600), &format!("Cookie: {}", first.cookie().0))).await;
    let (head, body) = client.answer().await;

    assert!(head.status() == 200 && body.contains("\"tunnels\":2"), "{body}");
    of_bob.expires().await;
    first.carries().await;
    second.carries().await;
}

#[tokio::test]
async fn who_names_nothing_that_is_theirs_is_refused_and_the_tunnel_ends_on_time() {
    let site = Site::new().await;
    let mut opened = site.of_ada(5).await;
    let named = format!("{NAME}: {}", opened.name());
    let (ada, bob) = (of("ada", 600), of("bob", 600));
    site.refuses(&renewal(&bob, &named), (403, "renewal_foreign")).await;
    let namesake = token(&json!({ "iss": "https://other.test", "sub": "ada", "exp": seconds_from_now(600) }));
    site.refuses(&renewal(&format!("Bearer {namesake}"), &named), (403, "renewal_foreign")).await;
    let nobody = format!("Bearer {}", token(&json!({ "exp": seconds_from_now(600) })));
    site.refuses(&renewal(&nobody, &named), (403, "renewal_foreign")).await;
    site.refuses(&renewal(&ada, "X: y"), (400, "renewal_unnamed")).await;
    site.refuses(&renewal(&ada, &format!("{NAME}: AAAAAAAAAAAAAAAAAAAAAA")), (404, "renewal_unknown")).await;
    site.refuses(&renewal(&ada, &named).replacen("POST", "GET", 1), (405, "renewal_method")).await;
    site.refuses(&renewal(&of("ada", -60), &named), (401, "token_expired")).await;
    site.refuses(&renewal("Basic eDp5", &named), (401, "token_missing")).await;
    let mut client = site.proxy.connect().await;
    client.send(renewal(&ada, &named).replacen("POST", "PUT", 1)).await;
    assert_eq!(client.answer().await.0.value("allow"), Some("POST"));
    opened.carries().await;
    opened.expires().await;
}

#[tokio::test]
async fn a_name_ends_with_its_tunnel() {
    let site = Site::new().await;
    let Opened { client, at_endpoint, head, .. } = site.of_ada(600).await;
    drop((client, at_endpoint));
    site.proxy.is_empty().await;
    let named = format!("{NAME}: {}", head.value(NAME).unwrap());
    // The last that is left of it is dropped with its task.
    until("the name is gone", || site.proxy.open() == 0).await;
    site.refuses(&renewal(&of("ada", 600), &named), (404, "renewal_unknown")).await;
}

#[tokio::test]
async fn one_that_is_closing_is_not_prolonged() {
    let site = Site::new().await;
    let mut opened = site.of_ada(600).await;
    let named = format!("{NAME}: {}", opened.name());
    opened.client.send(Frame::close(1000, "bye").by_client()).await;
    assert_eq!(opened.at_endpoint.frame().await.close_code(), Some(1000));
    site.refuses(&renewal(&of("ada", 600), &named), (404, "renewal_unknown")).await;
}

#[tokio::test]
async fn a_token_that_ends_sooner_brings_the_end_nearer_and_what_it_says_counts() {
    let site = Site::new().await;
    let mut opened = site.of_ada(600).await;
    let fresh = token(&json!({ "sub": "ada", "team": "b", "exp": seconds_from_now(4) }));
    site.renews(&format!("Bearer {fresh}"), &opened.name()).await;
    let says = |name: &str, value: &str| {
        let tunnels = site.proxy.running.proxy().registry.tunnels(|_| true);
        tunnels.iter().all(|handle| handle.permit().unwrap().permission().says(name, value))
    };
    assert!(says("team", "b") && says("sub", "ada"));
    opened.expires().await;
}

#[tokio::test]
async fn the_endpoint_reads_no_name_and_cannot_give_one() {
    let site = Site::new().await;
    let theirs = "AAAAAAAAAAAAAAAAAAAAAA";
    let handshake = Handshake::new()
        .with("authorization", of("ada", 600))
        .but("connection", format!("Upgrade, {NAME}"))
        .with(NAME, theirs)
        .with("cookie", format!("{NAME}={theirs}"));
    let more = format!("{NAME}: {theirs}\r\nSet-Cookie: {NAME}={theirs}\r\nSet-Cookie: mine=1\r\n");
    let opened = site.open_by(&handshake, &more).await;
    assert!(!opened.asked.in_lower_case().contains(NAME), "{:?}", opened.asked);
    let (names, cookies) = (opened.head.values(NAME), opened.head.values("set-cookie"));
    assert!(names.len() == 1 && names[0] != theirs, "{:?}", opened.head);
    assert!(
        cookies.len() == 2 && cookies.contains(&"mine=1") && !opened.head.text.contains(theirs),
        "{:?}",
        opened.head
    );

    // Nor by what it says of its own connection.
    let opened = site.open_by(&Handshake::new().with("authorization", of("ada", 600)), "").await;
    assert_eq!(opened.name().len(), 22);
    let mut client = site.proxy.connect().await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: chat.test\r\nAuthorization: {}\r\n{NAME}: {theirs}\r\n\r\n",
            of("ada", 600)
        ))
        .await;
    let (mut at_endpoint, asked) = site.endpoint.asked().await;
    assert!(asked.values(NAME).is_empty(), "{asked:?}");
    at_endpoint.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{more}\r\n")).await;
    let (head, _) = client.answer().await;
    assert_eq!((head.values(NAME), head.values("set-cookie")), (vec![], vec!["mine=1"]));
}

#[tokio::test]
async fn a_name_that_the_endpoint_calls_its_connections_own_is_read_all_the_same() {
    let site = Site::new().await;
    let mut client = site.proxy.connect().await;
    client.send(Handshake::new().with("authorization", of("ada", 600)).bytes()).await;
    let (mut at_endpoint, asked) = site.endpoint.asked().await;
    at_endpoint
        .send(Handshake::grant(&asked).replacen(
            "Connection: Upgrade",
            &format!("Connection: Upgrade, {NAME}, Set-Cookie"),
            1,
        ))
        .await;
    let head = client.head().await;
    assert!(head.value(NAME).is_some() && head.value("set-cookie").is_some(), "{head:?}");
}

#[tokio::test]
async fn a_tunnel_over_http_2_has_a_name_and_is_renewed_by_its_own_connection() {
    let site = Site::with(|config| config.with("listener.public.h2c", "true")).await;
    let client = Http2Client::connect(&site.proxy).await;
    let mut tunnels = Vec::new();
    for _ in 0..2 {
        let request = websocket("/chat").header("authorization", of("ada", 4)).body(()).unwrap();
        let (answer, outgoing) = client.begin(request, false).await;
        let at_endpoint = site.endpoint.grant().await;
        let answer = within("an answer", answer).await.unwrap();
        let name = answer.headers()[NAME].clone();
        assert!(
            answer.headers()["set-cookie"].to_str().unwrap().starts_with(&format!("{NAME}={}", name.to_str().unwrap()))
        );
        tunnels.push((joined(answer, outgoing), at_endpoint, name));
    }
    let (mut renewed, mut at_endpoint, name) = tunnels.remove(0);
    let request =
        http::Request::post("http://chat.test/renew").header("authorization", of("ada", 600)).header(NAME, name);
    let (head, body) = client.ask(request.body(()).unwrap()).await;
    assert!(head.status == 200 && body.contains("\"tunnels\":1"), "{head:?} {body}");
    assert_eq!(tunnels[0].0.frame().await.close_code(), Some(4401));
    assert_carries(&mut renewed, &mut at_endpoint).await;
}

#[tokio::test]
async fn a_reload_keeps_the_names_of_the_tunnels_that_stay() {
    let mut site = Site::new().await;
    let mut opened = site.of_ada(5).await;
    let other = site.config.clone().with("route.chat.websocket.idle_timeout", "\"1h\"");
    site.proxy.reload(&other.clone().with("route.chat.renew_path", "\"/again\"")).unwrap();
    site.proxy.reload(&other).unwrap();
    assert_eq!(site.renews(&of("ada", 600), &opened.name()).await["tunnels"], 1);
    let mut second = site.of_ada(5).await;
    second.expires().await;
    opened.carries().await;
}

#[tokio::test]
async fn where_nothing_can_be_renewed_there_is_no_name() {
    let with = async |config: Config, handshake: Handshake| {
        let endpoint = Endpoint::listen().await;
        let address = endpoint.address();
        let proxy = Proxy::serving(&config.with("upstream.chat.endpoints", &format!("[\"{address}\"]")));
        let mut client = proxy.connect().await;
        client.send(handshake.bytes()).await;
        let (mut at_endpoint, asked) = endpoint.asked().await;
        at_endpoint.send(Handshake::grant(&asked)).await;
        let head = client.head().await;
        assert_eq!((head.status(), head.values(NAME), head.values("set-cookie")), (101, vec![], vec![]));
        asked
    };
    let endpoint = Endpoint::listen().await;
    let (config, _folder) = config_asking(&endpoint, "");
    let theirs = Handshake::new().with("authorization", of("ada", 600)).with(NAME, "x");
    assert_eq!(with(config, theirs).await.values(NAME), ["x"], "without renew_path the header is anybody's");
    let (config, _folder) = config_asking(&endpoint, "require_exp = false");
    let config = config.with("route.chat.renew_path", "\"/renew\"");
    let endless = format!("Bearer {}", token(&json!({ "sub": "ada" })));
    with(config.clone(), Handshake::new().with("authorization", endless)).await;
    let nobodys = format!("Bearer {}", token(&json!({ "exp": seconds_from_now(600) })));
    with(config, Handshake::new().with("authorization", nobodys)).await;
}

#[tokio::test]
async fn a_renewal_has_its_line_and_names_no_tunnel_in_it() {
    let mut lines = log::lines();
    let site = Site::with(|config| config.with("route.chat.renew_path", "\"/renewed-in-the-log\"")).await;
    let opened = site.of_ada(600).await;
    let mut client = site.proxy.connect().await;
    let named = format!("{NAME}: {}", opened.name());
    client.send(renewal(&of("ada", 600), &named).replacen("/renew ", "/renewed-in-the-log ", 1)).await;
    assert_eq!(client.answer().await.0.status(), 200);
    let line = lines.about("/renewed-in-the-log").await;
    assert_eq!((&line["message"], &line["status"]), (&"exchange".into(), &200.into()), "{line}");
    assert!(!lines.text().contains(&opened.name()));
}

#[tokio::test]
async fn the_end_is_the_earlier_of_the_two_unless_the_other_server_is_asked_again() {
    let expires = (windlass::process::unix_seconds() + 100).to_string();
    let server = AuthServer::start(move |_| says(200, &[("x-auth-expires", expires.as_str())], "")).await;
    for (again, seconds) in [("\"off\"", 90..100), ("\"1min\"", 590..600)] {
        let site = Site::with(|config| {
            config
                .with("route.chat.authorize.url", &format!("{:?}", server.url()))
                .with("route.chat.authorize.expires_header", "\"x-auth-expires\"")
                .with("route.chat.authorize.recheck_every", again)
        })
        .await;
        let opened = site.of_ada(50).await;
        let answer = site.renews(&of("ada", 600), &opened.name()).await;
        assert!(seconds.contains(&answer["expires_in_seconds"].as_u64().unwrap()), "{again}: {answer}");
        assert!(server.asked().iter().all(|question| !question.headers.contains_key(NAME)));
    }
}

#[tokio::test]
async fn one_that_drains_is_not_prolonged() {
    let site = Site::new().await;
    let mut opened = site.of_ada(600).await;
    let handles = site.proxy.running.proxy().registry.tunnels(|_| true);
    let order = windlass::drain::StopOrder::forbidding(
        windlass::drain::Cause::Revoked,
        windlass::websocket::CloseCode::FORBIDDEN,
        None,
    );
    handles.iter().for_each(|handle| handle.order_close(order.clone()));
    let named = format!("{NAME}: {}", opened.name());
    assert_eq!(opened.client.frame().await.close_code(), Some(4403));
    site.refuses(&renewal(&of("ada", 600), &named), (404, "renewal_unknown")).await;
    opened.client.send(Frame::close(4403, "").by_client()).await;
}
