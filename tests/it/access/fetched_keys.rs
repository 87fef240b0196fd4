//! Keys that are fetched from their issuer.

use std::net::SocketAddr;

use tokio::net::{TcpListener, UnixListener};
use windlass::app::Loaded;

use super::is_refused;
use super::key_server::{IssuerKey, KeyServer, fetching, is_let_in, says, set};
use crate::rig::{Endpoint, Folder, PROGRAM, Proxy, Wire, command, log, output, until, until_async, within};

#[tokio::test]
async fn keys_are_there_before_anybody_comes_and_a_token_with_a_new_one_has_them_fetched_anew() {
    let (endpoint, [one, two]) = (Endpoint::listen().await, ["one", "two"].map(IssuerKey::new));
    let issuer = KeyServer::saying(says(200, set(&[&one]))).await;
    let proxy = Proxy::serving(&fetching(&issuer.url(), &endpoint, ""));
    until("the keys are fetched", || issuer.asked() == 1).await;
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    assert_eq!(issuer.asked(), 1);
    issuer.say(says(200, set(&[&one, &two])));
    is_let_in(&proxy, &endpoint, &two.handshake()).await;
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_flood_of_made_up_names_of_keys_makes_one_fetch() {
    let (endpoint, [one, two]) = (Endpoint::listen().await, ["one", "two"].map(IssuerKey::new));
    let issuer = KeyServer::saying(says(200, set(&[&one]))).await;
    let proxy = Proxy::serving(&fetching(&issuer.url(), &endpoint, ""));
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    let mut clients = Vec::new();
    for number in 0..100 {
        let mut client = proxy.connect().await;
        client.send(two.handshake_saying(&format!("made up {number}")).bytes()).await;
        clients.push(client);
    }
    for mut client in clients {
        assert_eq!(endpoint.is_untouched_until(client.answer()).await.0.status(), 401);
    }
    assert_eq!(proxy.refusals("token_unknown_key"), 100);
    assert_eq!(issuer.asked(), 2, "at the start, and for all of them");
    // One that is among the keys is no reason to ask, whoever has signed it.
    is_refused(&proxy, &endpoint, two.handshake_saying("one").bytes(), (401, "token_signature")).await;
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn until_the_issuer_answers_nobody_is_let_in_and_the_log_tells_when_it_began_and_ended() {
    let mut lines = log::lines();
    let (endpoint, one) = (Endpoint::listen().await, IssuerKey::new("one"));
    let address: SocketAddr = Endpoint::nobody();
    let url = format!("http://{address}/keys");
    let proxy = Proxy::serving(&fetching(&url, &endpoint, ", keys_refresh = \"1s\""));
    is_refused(&proxy, &endpoint, one.handshake().bytes(), (503, "keys_unavailable")).await;
    let mut client = proxy.connect().await;
    client.send(one.handshake().bytes()).await;
    let (head, _) = client.answer().await;
    assert_eq!(head.values("retry-after").len(), 1, "{head:?}");
    let issuer = KeyServer::at(TcpListener::bind(address).await.unwrap(), says(200, set(&[&one])));
    until("somebody asks for keys", || issuer.asked() > 0).await;
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    let told = lines.until(|lines| lines.iter().filter(|line| line["url"] == *url).count() == 2).await;
    let told: Vec<_> = told.iter().filter(|line| line["url"] == *url).collect();
    assert_eq!((&told[0]["level"], &told[0]["message"]), (&"WARN".into(), &"keys of tokens cannot be fetched".into()));
    assert_eq!(told[0]["meanwhile"], "nobody with a token is let in");
    assert_eq!((&told[1]["level"], &told[1]["message"]), (&"INFO".into(), &"keys of tokens are fetched again".into()));
}

#[tokio::test]
async fn a_reload_keeps_what_was_fetched_from_a_url_that_stays_and_no_other() {
    let (endpoint, [one, two]) = (Endpoint::listen().await, ["one", "two"].map(IssuerKey::new));
    let before = KeyServer::saying(says(200, set(&[&one]))).await;
    let after = KeyServer::saying(says(200, set(&[&two]))).await;
    let of_before = fetching(&before.url(), &endpoint, "");
    let mut proxy = Proxy::serving(&of_before);
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    before.say(says(500, ""));
    let planned = proxy.running.plan(Loaded::read(of_before.settings()).unwrap());
    assert!(planned.diff.is_empty(), "{:?}", planned.diff);
    assert!(proxy.reload(&of_before).unwrap().diff.is_empty());
    let stricter = fetching(&before.url(), &endpoint, ", keys_refresh = \"1h\", issuer = \"https://login.test\"");
    assert!(!proxy.reload(&stricter).unwrap().diff.is_empty());
    is_refused(&proxy, &endpoint, one.handshake().bytes(), (401, "token_issuer")).await;
    proxy.reload(&of_before).unwrap();
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    assert_eq!(before.asked(), 1);
    proxy.reload(&fetching(&after.url(), &endpoint, "")).unwrap();
    is_let_in(&proxy, &endpoint, &two.handshake()).await;
    is_refused(&proxy, &endpoint, one.handshake().bytes(), (401, "token_unknown_key")).await;
    assert_eq!((before.asked(), after.asked()), (1, 2));
}

#[tokio::test]
async fn keys_are_fetched_again_in_time_for_as_long_as_a_route_has_them() {
    let (endpoint, one) = (Endpoint::listen().await, IssuerKey::new("one"));
    let (stays, goes) =
        (KeyServer::saying(says(200, set(&[&one]))).await, KeyServer::saying(says(200, set(&[&one]))).await);
    let every_second = |issuer: &KeyServer| format!("{{ keys = {:?}, keys_refresh = \"1s\" }}", issuer.url());
    let left = super::in_front_of(endpoint.address()).with("route.chat.jwt", &every_second(&stays));
    let both = left.clone().with("route.other.path", "\"/other\"").with("route.other.upstream", "\"chat\"");
    let mut proxy = Proxy::serving(&both.with("route.other.jwt", &every_second(&goes)));
    until("both are asked again", || stays.asked() > 1 && goes.asked() > 1).await;
    proxy.reload(&left).unwrap();
    let (asked, gone) = (stays.asked(), goes.asked());
    until("the one that stays is asked three times more", || stays.asked() >= asked + 3).await;
    assert_eq!(goes.asked(), gone);
}

#[tokio::test]
async fn a_check_fetches_nothing() {
    let issuer = Endpoint::listen().await;
    let folder = Folder::new(&fetching(&format!("http://{}/keys", issuer.address()), &issuer, "").text());
    let mut check = command(PROGRAM);
    check.arg("check").arg("-c").arg(folder.config());
    let checked = issuer.is_untouched_until(output(&mut check)).await;
    assert!(checked.status.success(), "{checked:?}");
}

#[tokio::test]
async fn who_comes_with_the_first_fetch_waits_for_it() {
    let (endpoint, issuer, one) = (Endpoint::listen().await, Endpoint::listen().await, IssuerKey::new("one"));
    let proxy = Proxy::serving(&fetching(&format!("http://{}/keys", issuer.address()), &endpoint, ""));
    let (mut at_issuer, head) = issuer.asked().await;
    assert_eq!(head.values("host"), [issuer.address().to_string()]);
    let mut client = proxy.connect().await;
    client.send(one.handshake().bytes()).await;
    until_async("the request has come", async || proxy.running.proxy().open_places() > 0).await;
    let set = set(&[&one]);
    at_issuer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{set}", set.len())).await;
    endpoint.grant().await;
    assert_eq!(client.head().await.status(), 101);
}

#[tokio::test]
async fn keys_may_come_over_a_unix_socket() {
    let (endpoint, one, folder) = (Endpoint::listen().await, IssuerKey::new("one"), Folder::new(""));
    let socket = folder.path("login.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let proxy = Proxy::serving(&fetching(&format!("unix:{}:/keys?all", socket.display()), &endpoint, ""));
    let (stream, _) = within("a connection", listener.accept()).await.unwrap();
    let mut at_issuer = Wire::new(stream);
    let head = at_issuer.head().await;
    assert_eq!((head.first_line(), head.value("host")), ("GET /keys?all HTTP/1.1", Some("localhost")));
    let set = set(&[&one]);
    at_issuer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{set}", set.len())).await;
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
}
