//! Somebody who issues tokens, and says by which keys.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use windlass::process::unix_seconds;

use crate::rig::{Config, Endpoint, Handshake, Proxy, ServingEndpoint};

/// A key that tokens are signed with.
pub(crate) struct IssuerKey {
    id: &'static str,
    key: Ed25519KeyPair,
}

impl IssuerKey {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, key: Ed25519KeyPair::generate().unwrap() }
    }

    /// What of it is public.
    fn public(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.id, "x": x })
    }

    /// A request for a tunnel with a token that it has signed.
    pub(crate) fn handshake(&self) -> Handshake {
        self.handshake_saying(self.id)
    }

    /// The same, where the token says another name for its key.
    pub(crate) fn handshake_saying(&self, id: &str) -> Handshake {
        let header = json!({ "alg": "EdDSA", "kid": id });
        let claims = json!({ "sub": "ada", "exp": unix_seconds() + 600 });
        let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes()));
        Handshake::new().with("authorization", format!("Bearer {message}.{signature}"))
    }
}

/// The set of these keys.
pub(crate) fn set(keys: &[&IssuerKey]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() }).to_string()
}

/// An answer.
pub(crate) fn says(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body.into())).unwrap()
}

/// A server that gives keys to whoever asks.
pub(crate) struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    answer: Response<Full<Bytes>>,
    asked: usize,
}

impl KeyServer {
    /// One that says this.
    pub(crate) async fn saying(answer: Response<Full<Bytes>>) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    /// The same where this listens.
    pub(crate) fn at(listener: TcpListener, answer: Response<Full<Bytes>>) -> Self {
        let state = Arc::new(Mutex::new(State { answer, asked: 0 }));
        let shared = Arc::clone(&state);
        let serve = move |request: Request<Incoming>| {
            let mut state = shared.lock().unwrap();
            state.asked += 1;
            let is_right = request.uri() == "/keys" && request.method() == "GET";
            let answer = if is_right { state.answer.clone() } else { says(404, "") };
            async move { answer }
        };
        Self { address: ServingEndpoint::start_at(listener, serve).address(), state }
    }

    /// From now on it says something else.
    pub(crate) fn say(&self, answer: Response<Full<Bytes>>) {
        self.state.lock().unwrap().answer = answer;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// Where it has the keys.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }
}

/// A route that fetches its keys from this URL, in front of `endpoint`; `more` is about that.
pub(crate) fn fetching(url: &str, endpoint: &Endpoint, more: &str) -> Config {
    super::in_front_of(endpoint.address()).with("route.chat.jwt", &format!("{{ keys = {url:?}{more} }}"))
}

/// Whoever brings this is let in.
pub(crate) async fn is_let_in(proxy: &Proxy, endpoint: &Endpoint, handshake: &Handshake) {
    drop(proxy.tunnel_with(handshake, endpoint).await);
}
