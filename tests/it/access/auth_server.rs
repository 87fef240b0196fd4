//! A server that is asked whether requests may enter, played by the test or answering by itself.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::rig::{Config, Endpoint, ServingEndpoint};

/// One that answers each question as a function says, and remembers them.
pub(crate) struct AuthServer {
    server: ServingEndpoint,
    asked: Arc<Mutex<Vec<Parts>>>,
}

impl AuthServer {
    /// Answers by `answer`.
    pub(crate) async fn start(
        answer: impl Fn(&Parts) -> Response<&'static str> + Clone + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::<Mutex<Vec<Parts>>>::default();
        let heard = Arc::clone(&asked);
        let serve = move |request: Request<Incoming>| {
            let (parts, _) = request.into_parts();
            let response = answer(&parts).map(|body| Full::new(Bytes::from_static(body.as_bytes())));
            heard.lock().unwrap().push(parts);
            async move { response }
        };
        Self { server: ServingEndpoint::start(serve).await, asked }
    }

    /// A route that asks it, in front of `endpoint`.
    pub(crate) fn in_front_of(&self, endpoint: &Endpoint) -> Config {
        asking(&self.url(), endpoint)
    }

    /// Where it is asked.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/auth", self.server.address())
    }

    /// What it was asked.
    pub(crate) fn asked(&self) -> Vec<Parts> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections it has taken.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }
}

/// A route that asks at this URL, in front of `endpoint`.
pub(crate) fn asking(url: &str, endpoint: &Endpoint) -> Config {
    super::in_front_of(endpoint.address()).with("route.chat.authorize.url", &format!("{url:?}"))
}

/// A plain answer.
pub(crate) fn says(status: u16, headers: &[(&str, &str)], body: &'static str) -> Response<&'static str> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body).unwrap()
}
