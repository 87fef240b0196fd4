//! `windlass close`: the tunnels of somebody end at once, and nobody else's do.

use h2::client::Builder;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::auth_server::{AuthServer, says};
use super::passwords::{self, Site};
use super::tokens::{config_asking, seconds_from_now, token};
use crate::http2_front::client::{Http2Client, joined, websocket};
use crate::operate::operator::text;
use crate::rig::{Endpoint, Folder, Frame, Handshake, Program, Proxy, Wire, assert_carries, within};

fn of(user: &str) -> String {
    let claims = json!({ "sub": user, "realm": { "roles": [format!("friend-of-{user}"), "dev"] }, "exp": seconds_from_now(600) });
    format!("Bearer {}", token(&claims))
}

async fn tunnel(windlass: &Program, endpoint: &Endpoint, user: &str) -> (Wire, Wire) {
    let handshake = Handshake::new().with("authorization", of(user));
    Proxy::tunnel_over(windlass.connect().await, &handshake, endpoint).await
}

/// The process, its endpoint and where its secret is.
async fn asking_for_tokens(more: &str) -> (Program, Endpoint, Folder) {
    let endpoint = Endpoint::listen().await;
    let (config, folder) = config_asking(&endpoint, "");
    let config = config.with("listener.public.h2c", "true").with("log.level", "\"debug\"");
    let config = config.with("admin.listen", "\"ADMIN\"");
    (Program::start(&(config.text() + more)).await, endpoint, folder)
}

/// The two ends read that it is over, and answer.
async fn is_closed<S: AsyncRead + AsyncWrite + Unpin>(ends: &mut (Wire<S>, Wire), (code, reason): (u16, &str)) {
    let (client, at_endpoint) = ends;
    let frame = client.frame().await;
    assert_eq!((frame.close_code(), &frame.payload[2..]), (Some(code), reason.as_bytes()));
    client.send(Frame::close(code, "").by_client()).await;
    let frame = at_endpoint.frame().await;
    assert_eq!((frame.close_code(), &frame.payload[2..]), (Some(1001), reason.as_bytes()));
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
}

async fn closes(windlass: &Program, arguments: &[&str]) -> Value {
    let output = windlass.ask(&[&["close", "--json"], arguments].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn every_tunnel_of_a_user_ends_and_nobody_elses() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let mut of_ada = [tunnel(&windlass, &endpoint, "ada").await, tunnel(&windlass, &endpoint, "ada").await];
    let mut of_bob = tunnel(&windlass, &endpoint, "bob").await;
    assert_carries(&mut of_ada[0].0, &mut of_ada[0].1).await;

    let answer = closes(&windlass, &["--claim", "sub=ada"]).await;

    assert_eq!((&answer["tunnels"], &answer["of"], &answer["not_reached"]), (&2.into(), &"sub=ada".into(), &json!([])));
    for ends in &mut of_ada {
        is_closed(ends, (4403, "revoked")).await;
    }
    assert_carries(&mut of_bob.0, &mut of_bob.1).await;
    let line = windlass.folder().until_logged(&["\"tunnel ended\"", "\"why\":\"revoked\""]).await;
    assert!(!line.contains("ada") && line.contains("\"code\":4403"), "{line}");
    let asked = windlass.folder().until_logged(&["takes permission back"]).await;
    assert!(asked.contains("sub=ada") && !asked.contains("friend"), "{asked}");

    let output = windlass.ask(&["close", "--claim", "sub=ada"]).await;
    assert_eq!(output.status.code(), Some(0), "nobody is there any more, and that is no failure");
    assert!(text(&output).contains("no tunnel is open of sub=ada"), "{}", text(&output));
    assert!(!text(&output).contains("no open tunnel has"), "bob has one: {}", text(&output));
    let output = windlass.ask(&["close", "--claim", "Sub=bob", "--claim", "sub=ada"]).await;
    assert!(text(&output).contains("no open tunnel has a claim Sub: "), "{}", text(&output));
    // A token that holds lets in again.
    let mut again = tunnel(&windlass, &endpoint, "ada").await;
    assert_carries(&mut again.0, &mut again.1).await;
}

#[tokio::test]
async fn who_was_let_in_before_it_and_waits_for_an_endpoint_does_not_come_in() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let mut client = windlass.connect().await;
    client.send(Handshake::new().with("authorization", of("ada")).bytes()).await;
    let (mut at_endpoint, asked) = endpoint.asked().await;
    assert_eq!(closes(&windlass, &["--claim", "sub=ada"]).await["tunnels"], 0);

    at_endpoint.send(Handshake::grant(&asked)).await;

    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.as_str()), (403, "403 the permission was taken back\n"));
    let frame = at_endpoint.frame().await;
    assert_eq!((frame.close_code(), &frame.payload[2..]), (Some(1001), &b"revoked"[..]));
    windlass.folder().until_logged(&["\"revoked\"", "\"status\":403"]).await;
    let mut again = tunnel(&windlass, &endpoint, "ada").await;
    assert_carries(&mut again.0, &mut again.1).await;
}

#[tokio::test]
async fn all_that_is_asked_has_to_hold_and_clients_read_what_the_operator_writes() {
    let (windlass, endpoint, _folder) =
        asking_for_tokens("[route.news]\npath = \"/news\"\nupstream = \"chat\"\n").await;
    let mut of_ada = tunnel(&windlass, &endpoint, "ada").await;
    let mut of_bob = tunnel(&windlass, &endpoint, "bob").await;
    let handshake = Handshake::new().request("GET /news HTTP/1.1").with("authorization", of("ada"));
    let mut unasked = Proxy::tunnel_over(windlass.connect().await, &handshake, &endpoint).await;

    assert_eq!(closes(&windlass, &["--claim", "sub=ada", "--claim", "realm.roles=friend-of-bob"]).await["tunnels"], 0);
    assert_eq!(closes(&windlass, &["--claim", "sub=ada", "--route", "news"]).await["tunnels"], 0);
    let words = ["--route", "chat", "--close-code", "4001", "--reason", "you know why"];
    let claims = ["--claim", "realm.roles=dev", "--claim", "realm.roles=friend-of-ada"];
    let output = windlass.ask(&[&["close"], &claims[..], &words[..]].concat()).await;
    assert!(
        text(&output).starts_with("1 tunnel of realm.roles=dev realm.roles=friend-of-ada route/chat closed"),
        "{}",
        text(&output)
    );
    is_closed(&mut of_ada, (4001, "you know why")).await;
    assert_carries(&mut of_bob.0, &mut of_bob.1).await;
    assert_carries(&mut unasked.0, &mut unasked.1).await;
}

#[tokio::test]
async fn one_tunnel_ends_by_its_number_also_where_nobody_was_asked_for_anything() {
    let (windlass, endpoint, _folder) =
        asking_for_tokens("[route.news]\npath = \"/news\"\nupstream = \"chat\"\n").await;
    let mut first = tunnel(&windlass, &endpoint, "ada").await;
    let handshake = Handshake::new().request("GET /news HTTP/1.1");
    let mut second = Proxy::tunnel_over(windlass.connect().await, &handshake, &endpoint).await;
    let line: Value =
        serde_json::from_str(&windlass.folder().until_logged(&["\"tunnel opened\"", "\"news\""]).await).unwrap();
    let id = line["tunnel"].as_u64().unwrap().to_string();
    assert_eq!(closes(&windlass, &[&id]).await["tunnels"], 1);
    is_closed(&mut second, (4403, "revoked")).await;
    assert_carries(&mut first.0, &mut first.1).await;
}

#[tokio::test]
async fn what_names_nobody_is_refused() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let mut ends = tunnel(&windlass, &endpoint, "ada").await;
    for (arguments, code, said) in [
        (&["close"][..], 2, "required"),
        (&["close", "--route", "chat"], 2, "required"),
        (&["close", "--claim", "ada"], 2, "NAME=VALUE"),
        (&["close", "--claim", "sub=ada", "--close-code", "1005"], 2, "1000 to 1003"),
        (&["close", "4711"], 1, "there is no tunnel/4711"),
        (&["close", "--claim", "sub=ada", "--route", "chta"], 1, "no such route"),
    ] {
        let output = windlass.ask(arguments).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(said), "{arguments:?}: {}", text(&output));
    }
    assert_carries(&mut ends.0, &mut ends.1).await;
}

#[tokio::test]
async fn a_tunnel_over_http_2_ends_and_its_connection_stays() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let stream = within("a connection", TcpStream::connect(windlass.address())).await.unwrap();
    let client = Http2Client::over(stream, &Builder::new()).await;
    let mut ends = Vec::new();
    for user in ["ada", "bob"] {
        let request = websocket("/chat").header("authorization", of(user)).body(()).unwrap();
        let (answer, outgoing) = client.begin(request, false).await;
        let at_endpoint = endpoint.grant().await;
        ends.push((joined(within("an answer", answer).await.unwrap(), outgoing), at_endpoint));
    }
    assert_eq!(closes(&windlass, &["--claim", "sub=ada"]).await["tunnels"], 1);
    is_closed(&mut ends[0], (4403, "revoked")).await;
    let (of_bob, at_endpoint) = &mut ends[1];
    assert_carries(of_bob, at_endpoint).await;
}

#[tokio::test]
async fn one_that_drains_already_ends_at_once_and_counts_as_revoked() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let (mut client, mut at_endpoint) = tunnel(&windlass, &endpoint, "ada").await;
    assert!(
        windlass.ask(&["drain", "all", "--deadline", "9min", "--spread", "1ms", "--detach"]).await.status.success()
    );
    assert_eq!(client.frame().await.close_code(), Some(1012));
    client.send(Frame::text("not yet").by_client()).await;
    assert_eq!(at_endpoint.frame().await.payload, b"not yet");

    assert_eq!(closes(&windlass, &["--claim", "sub=ada"]).await["tunnels"], 1);

    assert_eq!(at_endpoint.frame().await.close_code(), Some(1001), "nothing more of it comes through");
    at_endpoint.send(Frame::close(1001, "").by_endpoint()).await;
    client.send(Frame::text("now").by_client()).await;
    client.send(Frame::close(1012, "").by_client()).await;
    windlass.folder().until_logged(&["\"tunnel ended\"", "\"why\":\"revoked\""]).await;
}

#[tokio::test]
async fn the_tunnels_of_a_process_that_handed_over_end_too() {
    let slow = "[drain.handoff]\ntunnels = \"drain\"\nspread = \"19h\"\ndeadline = \"20h\"\n";
    let (windlass, endpoint, _folder) = asking_for_tokens(slow).await;
    let mut before = tunnel(&windlass, &endpoint, "ada").await;
    let mut of_bob = tunnel(&windlass, &endpoint, "bob").await;
    let _successor = windlass.hand_off().await;
    let address = windlass.public().await;
    let handshake = Handshake::new().with("authorization", of("ada"));
    let mut after = Proxy::tunnel_over(Wire::connect(address).await, &handshake, &endpoint).await;

    let output = windlass.ask(&["close", "--claim", "sub=ada"]).await;

    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("2 tunnels of sub=ada closed") && said.contains("1 of them in processes"), "{said}");
    is_closed(&mut before, (4403, "revoked")).await;
    is_closed(&mut after, (4403, "revoked")).await;
    assert_carries(&mut of_bob.0, &mut of_bob.1).await;
}

#[tokio::test]
async fn a_user_is_found_by_the_name_of_a_password_and_by_what_another_server_says() {
    let server = AuthServer::start(|question| {
        let user = question.headers["cookie"].to_str().unwrap().replace("session=", "");
        says(200, &[("x-user", user.as_str())], "")
    })
    .await;
    let site = Site::of(&[passwords::ADA, passwords::BOB]).await;
    let url = server.url();
    let more = format!(
        "[route.wiki]\npath = \"/wiki\"\nupstream = \"chat\"\n\
         authorize = {{ url = {url:?}, send = [\"cookie\"], take = [\"x-user\"] }}\n"
    );
    let windlass = Program::start(&(site.config("").with("admin.listen", "\"ADMIN\"").text() + &more)).await;
    let open =
        async |handshake: Handshake| Proxy::tunnel_over(windlass.connect().await, &handshake, &site.endpoint).await;
    let mut by_password = open(passwords::by("ada", "secret")).await;
    let mut of_bob = open(passwords::by("bob", "hush")).await;
    let wiki = |user: &str| Handshake::new().request("GET /wiki HTTP/1.1").with("cookie", format!("session={user}"));
    let mut by_server = open(wiki("ada")).await;
    let mut of_cid = open(wiki("cid")).await;

    assert_eq!(closes(&windlass, &["--claim", "user=ada"]).await["tunnels"], 1);
    is_closed(&mut by_password, (4403, "revoked")).await;
    assert_eq!(closes(&windlass, &["--claim", "x-user=ada"]).await["tunnels"], 1);
    is_closed(&mut by_server, (4403, "revoked")).await;
    for ends in [&mut of_bob, &mut of_cid] {
        assert_carries(&mut ends.0, &mut ends.1).await;
    }
}

#[tokio::test]
async fn over_http_it_is_a_post_of_the_same() {
    let (windlass, endpoint, _folder) = asking_for_tokens("").await;
    let mut ends = tunnel(&windlass, &endpoint, "ada").await;
    let post = async |body: &str| {
        let mut stream = Wire::new(UnixStream::connect(windlass.folder().socket()).await.unwrap());
        let head = "POST /close HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
        stream.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        let (head, body) = stream.answer().await;
        (head.status(), body)
    };
    assert_eq!(post("{}").await.0, 400);
    assert_eq!(post(r#"{"tunnel": 4711}"#).await.0, 404);
    let (status, said) = post(r#"{"claims": ["sub=ada"], "close_code": 4009, "reason": "over"}"#).await;
    assert!(status == 200 && said.contains("\"tunnels\": 1"), "{status} {said}");
    is_closed(&mut ends, (4009, "over")).await;
}
