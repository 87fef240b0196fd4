//! Names and passwords: who knows one is let in, and nobody else waits for that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{in_front_of, is_refused};
use crate::http2_front::frames::{DATA, Frames, HEADERS};
use crate::rig::{Config, Endpoint, Folder, Handshake, Proxy, assert_carries, until};

/// `secret`, made by `htpasswd -B -C 4`.
pub(super) const ADA: &str = "ada:$2y$04$uSE2WOvBfwvPe2yDzCcCQutzAWqobrSJXhMA88lj3tpUaymwB5.XK";
/// `hush`.
pub(super) const BOB: &str = "bob:$2y$04$PUsjXgaWJKDZEMRxo9wd.ekRQAIMVIvgQf1ExfqXI56j2V9.WS8Oq";
/// `slow`: by `-C 12`, which takes a core some seconds where nothing is optimized.
const EVE: &str = "eve:$2y$12$9yASpZ..n48bOVAB2LCI5OgbDUvlCopu6ezqVGT8gqbWq.EzE5sxW";

pub(super) struct Site {
    folder: Folder,
    pub(super) endpoint: Endpoint,
}

impl Site {
    pub(super) async fn of(lines: &[&str]) -> Self {
        let site = Self { folder: Folder::new(""), endpoint: Endpoint::listen().await };
        site.write(lines);
        site
    }

    fn write(&self, lines: &[&str]) {
        self.folder.write("staff.htpasswd", &(lines.join("\n") + "\n"));
    }

    pub(super) fn config(&self, more: &str) -> Config {
        let file = self.folder.path("staff.htpasswd");
        let table = format!("{{ file = {file:?}, realm = \"staff only\"{more} }}");
        in_front_of(self.endpoint.address()).with("route.chat.basic_auth", &table)
    }
}

fn of(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(super) fn by(user: &str, password: &str) -> Handshake {
    Handshake::new().with("authorization", of(user, password))
}

#[tokio::test]
async fn who_knows_a_password_is_let_in_and_the_endpoint_does_not_read_it() {
    let site = Site::of(&[ADA, BOB]).await;
    let proxy = Proxy::serving(&site.config(", user_header = \"x-user\""));
    let spoofed = by("ada", "secret").with("x-user", "root").with("X_USER", "root").with("x-more", "stays");
    let mut client = proxy.connect().await;
    client.send(spoofed.bytes()).await;
    let (mut at_endpoint, head) = site.endpoint.asked().await;
    assert_eq!((head.value("authorization"), head.values("x-user")), (None, vec!["ada"]), "{head:?}");
    assert_eq!((head.value("x_user"), head.value("x-more")), (None, Some("stays")), "{head:?}");
    at_endpoint.send(Handshake::grant(&head)).await;
    assert_eq!(client.head().await.status(), 101);
    assert_carries(&mut client, &mut at_endpoint).await;

    let mut client = proxy.connect().await;
    let get = format!("GET /page HTTP/1.1\r\nHost: chat.test\r\nAuthorization: {}\r\n\r\n", of("bob", "hush"));
    client.send(get).await;
    let (_at_endpoint, head) = site.endpoint.asked().await;
    assert_eq!((head.value("authorization"), head.values("x-user")), (None, vec!["bob"]), "{head:?}");
}

#[tokio::test]
async fn a_client_takes_its_name_away_by_no_connection_header_and_gives_itself_one_behind_no_body() {
    let site = Site::of(&[ADA]).await;
    let proxy = Proxy::serving(&site.config(", user_header = \"x-user\""));
    let mut client = proxy.connect().await;
    client.send(by("ada", "secret").but("connection", "Upgrade, X-User").bytes()).await;
    let (_at_endpoint, head) = site.endpoint.asked().await;
    assert_eq!(head.values("x-user"), ["ada"], "{head:?}");

    let mut client = proxy.connect().await;
    let upload =
        "Transfer-Encoding: chunked\r\nTrailer: X-User, X_User, X-Sum\r\n\r\n0\r\nX-User: root\r\nX-Sum: 1\r\n\r\n";
    let authorization = of("ada", "secret");
    client.send(format!("POST / HTTP/1.1\r\nHost: chat.test\r\nAuthorization: {authorization}\r\n{upload}")).await;
    let (mut at_endpoint, head) = site.endpoint.asked().await;
    assert_eq!((head.values("x-user"), head.values("trailer")), (vec!["ada"], vec!["X-Sum"]), "{head:?}");
    at_endpoint.hears("0\r\nX-Sum: 1\r\n\r\n").await;
}

#[tokio::test]
async fn an_endpoint_that_wants_to_reads_the_password_too() {
    let site = Site::of(&[ADA]).await;
    let proxy = Proxy::serving(&site.config(", keep_authorization = true"));
    let mut client = proxy.connect().await;
    client.send(by("ada", "secret").bytes()).await;
    let (_at_endpoint, head) = site.endpoint.asked().await;
    assert_eq!(head.value("authorization"), Some(of("ada", "secret").as_str()));
}

#[tokio::test]
async fn who_knows_none_is_asked_for_one() {
    let site = Site::of(&[ADA, BOB]).await;
    let proxy = Proxy::serving(&site.config(""));
    let twice = by("ada", "secret").with("authorization", of("ada", "secret"));
    for unread in [Handshake::new(), Handshake::new().with("authorization", "Bearer YWRhOnNlY3JldA=="), twice] {
        is_refused(&proxy, &site.endpoint, unread.bytes(), (401, "no_password")).await;
    }
    for (user, password) in [("ada", "Secret"), ("ada", ""), ("ada", "hush"), ("cid", "secret"), ("", "")] {
        is_refused(&proxy, &site.endpoint, by(user, password).bytes(), (401, "wrong_password")).await;
    }
    is_refused(&proxy, &site.endpoint, "GET / HTTP/1.1\r\nHost: chat.test\r\n\r\n", (401, "no_password")).await;
    let mut client = proxy.connect().await;
    client.send(Handshake::new().bytes()).await;
    let (head, _) = client.answer().await;
    assert_eq!(head.value("www-authenticate"), Some("Basic realm=\"staff only\", charset=\"UTF-8\""));
}

#[tokio::test]
async fn clients_of_http_2_are_asked_alike() {
    let site = Site::of(&[ADA]).await;
    let proxy = Proxy::serving(&site.config("").with("listener.public.h2c", "true"));
    let mut client = Frames::begin(&proxy).await;
    client.ask_for_websocket(1, "/chat").await;
    assert_eq!(client.next_of(1).await.kind, HEADERS);
    let body = client.next_of(1).await;
    assert!(body.kind == DATA && body.payload.starts_with(b"401 "), "{body:?}");
    assert_eq!(proxy.refusals("no_password"), 1);
}

#[tokio::test]
async fn another_file_counts_from_the_reload_on_and_ends_no_tunnel() {
    let site = Site::of(&[ADA]).await;
    let config = site.config("");
    let mut proxy = Proxy::serving(&config);
    let mut tunnel = proxy.tunnel_with(&by("ada", "secret"), &site.endpoint).await;
    assert!(proxy.reload(&config).unwrap().diff.is_empty());

    site.write(&[BOB]);
    let reloaded = proxy.reload(&config).unwrap();
    assert_eq!((reloaded.draining, reloaded.diff.changes.len()), (0, 1));
    is_refused(&proxy, &site.endpoint, by("ada", "secret").bytes(), (401, "wrong_password")).await;
    drop(proxy.tunnel_with(&by("bob", "hush"), &site.endpoint).await);
    assert_carries(&mut tunnel.0, &mut tunnel.1).await;

    site.write(&["bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="]);
    let wrong = proxy.reload(&config).unwrap_err().to_string();
    assert!(
        wrong.contains("line 1: the password of \"bob\" is kept as {SHA}") && wrong.contains("htpasswd -B"),
        "{wrong}"
    );
    drop(proxy.tunnel_with(&by("bob", "hush"), &site.endpoint).await);
}

/// Each of them takes a thread long: while they wait, nobody else does.
#[tokio::test]
async fn a_flood_of_wrong_passwords_holds_up_no_tunnel_and_only_so_many_wait() {
    let site = Site::of(&[ADA, EVE]).await;
    let proxy = Proxy::serving(&site.config(""));
    let mut tunnel = proxy.tunnel_with(&by("ada", "secret"), &site.endpoint).await;
    let checks = &proxy.running.proxy().password_checks;
    let mut clients = Vec::new();
    for guess in 0..200 {
        let mut client = proxy.connect().await;
        client.send(by("eve", &guess.to_string()).bytes()).await;
        clients.push(client);
    }
    until("as many wait as may", || checks.waiting() >= 60).await;
    until("the others are told", || proxy.refusals("passwords_busy") >= 120).await;
    assert_carries(&mut tunnel.0, &mut tunnel.1).await;
    // Who was right a moment ago is known without a thread.
    let mut known = proxy.tunnel_with(&by("ada", "secret"), &site.endpoint).await;
    assert_carries(&mut known.0, &mut known.1).await;
    assert!(checks.waiting() >= 50, "all of that while they waited: {}", checks.waiting());
    let refused = proxy.refusals("passwords_busy") + proxy.refusals("wrong_password");
    assert!(refused < 200, "{refused}");
    // Whoever gives up is not compared.
    drop(clients);
    until("nothing waits for nobody", || checks.waiting() == 0).await;
}

#[tokio::test]
async fn what_is_longer_than_any_password_is_wrong_before_it_is_compared() {
    // Of bcrypt's password 72 bytes count.
    let kept = bcrypt::hash("x".repeat(72), 4).unwrap();
    let (name, longer) = ("n".repeat(256), "n".repeat(257));
    let site = Site::of(&[&format!("{name}:{kept}"), &format!("{longer}:{kept}")]).await;
    let proxy = Proxy::serving(&site.config(""));
    drop(proxy.tunnel_with(&by(&name, &"x".repeat(1024)), &site.endpoint).await);
    for (user, password) in [(&name, "x".repeat(1025)), (&longer, "x".repeat(72))] {
        is_refused(&proxy, &site.endpoint, by(user, &password).bytes(), (401, "wrong_password")).await;
    }
}
