//! Issuers whose answers are no keys.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::is_refused;
use super::key_server::{IssuerKey, KeyServer, fetching, is_let_in, says, set};
use crate::rig::{Authority, Endpoint, Folder, Proxy, until};

/// Answers that bring no keys; `elsewhere` has some.
fn bad_answers(good: &str, elsewhere: &KeyServer) -> Vec<Response<Full<Bytes>>> {
    let moved = Response::builder().status(302).header("location", elsewhere.url()).body(Full::default()).unwrap();
    let long = format!("{}{good}", " ".repeat(256 * 1024 + 1 - good.len()));
    let many = format!("{{\"keys\":[{}]}}", vec!["{}"; 65].join(","));
    let mut answers = vec![moved, says(200, long), says(200, many)];
    answers.extend(["", "{", "{}", "[]", "{\"keys\":[]}", "<html>log in</html>"].map(|body| says(200, body)));
    answers.extend([201, 204, 404, 500].map(|status| says(status, if status == 204 { "" } else { good }.to_owned())));
    answers
}

#[tokio::test]
async fn what_is_no_set_of_keys_lets_nobody_in() {
    let (endpoint, one) = (Endpoint::listen().await, IssuerKey::new("one"));
    let good = set(&[&one]);
    let elsewhere = KeyServer::saying(says(200, good.clone())).await;
    for answer in bad_answers(&good, &elsewhere) {
        let issuer = KeyServer::saying(answer).await;
        let proxy = Proxy::serving(&fetching(&issuer.url(), &endpoint, ""));
        is_refused(&proxy, &endpoint, one.handshake().bytes(), (503, "keys_unavailable")).await;
    }
    assert_eq!(elsewhere.asked(), 0, "no redirect is followed");
    // As long as it may be.
    let long = format!("{}{good}", " ".repeat(256 * 1024 - good.len()));
    let issuer = KeyServer::saying(says(200, long)).await;
    is_let_in(&Proxy::serving(&fetching(&issuer.url(), &endpoint, "")), &endpoint, &one.handshake()).await;
}

#[tokio::test]
async fn who_was_good_once_is_believed_while_it_fails() {
    let (endpoint, [one, two]) = (Endpoint::listen().await, ["one", "two"].map(IssuerKey::new));
    let good = set(&[&one]);
    let (issuer, elsewhere) =
        (KeyServer::saying(says(200, good.clone())).await, KeyServer::saying(says(200, "")).await);
    let proxy = Proxy::serving(&fetching(&issuer.url(), &endpoint, ", keys_refresh = \"1s\""));
    is_let_in(&proxy, &endpoint, &one.handshake()).await;
    for answer in bad_answers(&good, &elsewhere).into_iter().take(4) {
        issuer.say(answer);
        let asked = issuer.asked();
        // When it is asked a second time, what it said the first time has been judged.
        until("it is asked again, twice", || issuer.asked() >= asked + 2).await;
        is_let_in(&proxy, &endpoint, &one.handshake()).await;
    }
    issuer.say(says(200, set(&[&two])));
    is_let_in(&proxy, &endpoint, &two.handshake()).await;
    is_refused(&proxy, &endpoint, one.handshake().bytes(), (401, "token_unknown_key")).await;
}

#[tokio::test]
async fn who_says_half_of_an_answer_holds_requests_up_for_a_few_seconds_at_the_most() {
    let (endpoint, issuer, one) = (Endpoint::listen().await, Endpoint::listen().await, IssuerKey::new("one"));
    let proxy = Proxy::serving(&fetching(&format!("http://{}/keys", issuer.address()), &endpoint, ""));
    let (mut at_issuer, _) = issuer.asked().await;
    at_issuer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":").await;
    let mut client = proxy.connect().await;
    client.send(one.handshake().bytes()).await;
    let (head, _) = endpoint.is_untouched_until(client.answer()).await;
    assert_eq!((head.status(), proxy.refusals("keys_unavailable")), (503, 1));
}

#[tokio::test]
async fn keys_are_taken_from_nobody_who_is_not_who_it_has_to_be() {
    let (endpoint, one) = (Endpoint::listen().await, IssuerKey::new("one"));
    let plain = KeyServer::saying(says(200, set(&[&one]))).await;
    let folder = Folder::new("");
    let ca = folder.write("ca.pem", &Authority::new("test").pem());
    let url = plain.url().replacen("http:", "https:", 1);
    let config = fetching(&url, &endpoint, &format!(", keys_ca = {ca:?}"));
    let mut proxy = Proxy::serving(&config);
    is_refused(&proxy, &endpoint, one.handshake().bytes(), (503, "keys_unavailable")).await;
    assert_eq!(plain.asked(), 0);
    assert!(proxy.reload(&config).unwrap().diff.is_empty());
    folder.write("ca.pem", &Authority::new("another").pem());
    let reloaded = format!("{:?}", proxy.reload(&config).unwrap().diff);
    assert!(reloaded.contains("the file of keys_ca holds other certificates"), "{reloaded}");
}
