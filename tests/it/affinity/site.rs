//! Two endpoints, and who is placed on which.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures_util::future::select;

use crate::rig::{Config, Endpoint, Handshake, Head, Proxy, Wire, assert_carries};

/// Two endpoints, `a` and `b` of the upstream `chat`.
#[derive(Debug)]
pub(crate) struct Site {
    a: Endpoint,
    b: Endpoint,
}

/// A client that was placed.
#[derive(Debug)]
pub(crate) struct Placed {
    /// `a` or `b`.
    pub(crate) at: char,
    /// The head of the 101.
    pub(crate) head: Head,
    /// The two ends of its tunnel, which stays open as long as they do.
    tunnel: (Wire, Wire),
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self { a: Endpoint::listen().await, b: Endpoint::listen().await }
    }

    /// Where `a` and `b` are.
    pub(crate) fn addresses(&self) -> [SocketAddr; 2] {
        [self.a.address(), self.b.address()]
    }

    /// A configuration whose affinity keys come from these sources.
    pub(crate) fn sticky_on(&self, sources: &str) -> Config {
        Config::chat([self.a.address(), self.b.address()]).with("upstream.chat.sticky_on", sources)
    }

    /// Opens a tunnel in this way.
    pub(crate) async fn place(&self, proxy: &Proxy, handshake: &Handshake) -> Placed {
        let mut client = proxy.connect().await;
        client.send(handshake.bytes()).await;
        let (a, b) = (Box::pin(self.a.grant()), Box::pin(self.b.grant()));
        let (at_endpoint, at) = match select(a, b).await {
            futures_util::future::Either::Left((tunnel, _)) => (tunnel, 'a'),
            futures_util::future::Either::Right((tunnel, _)) => (tunnel, 'b'),
        };
        let head = client.head().await;
        assert_eq!(head.status(), 101, "{head:?}");
        Placed { at, head, tunnel: (client, at_endpoint) }
    }

    /// Sends a plain request, which its endpoint answers; gives the head of the answer.
    pub(crate) async fn ask(&self, proxy: &Proxy, request: &str) -> Head {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (a, b) = (Box::pin(self.a.asked()), Box::pin(self.b.asked()));
        let (mut at_endpoint, _) = select(a, b).await.factor_first().0;
        at_endpoint.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        client.answer().await.0
    }

    /// Sends a plain request; where it came to.
    pub(crate) async fn asked(&self, proxy: &Proxy, request: &str) -> char {
        let mut client = proxy.connect().await;
        client.send(request).await;
        let (a, b) = (Box::pin(self.a.asked()), Box::pin(self.b.asked()));
        match select(a, b).await {
            futures_util::future::Either::Left(_) => 'a',
            futures_util::future::Either::Right(_) => 'b',
        }
    }

    /// Asserts that the clients of each group are all placed on one endpoint, while their tunnels stay open, and that not all
    /// groups are on the same one.
    pub(crate) async fn places_together(&self, proxy: &Proxy, groups: impl IntoIterator<Item = Vec<Handshake>>) {
        let (mut open, mut found) = (Vec::new(), BTreeSet::new());
        for group in groups {
            let mut at = BTreeSet::new();
            for handshake in &group {
                let placed = self.place(proxy, handshake).await;
                at.insert(placed.at);
                open.push(placed);
            }
            assert_eq!(at.len(), 1, "{group:?}");
            found.extend(at);
        }
        assert_eq!(found.len(), 2, "everybody is on one endpoint");
    }
}

/// A client that names its user in a header.
pub(crate) fn user(name: impl ToString) -> Handshake {
    Handshake::new().with("x-user", name.to_string())
}

impl Placed {
    /// Its tunnel is open still.
    pub(crate) async fn carries(mut self) {
        assert_carries(&mut self.tunnel.0, &mut self.tunnel.1).await;
    }

    /// The cookie that it was given, as it sends it.
    pub(crate) fn cookie(&self) -> String {
        let set = self.head.value("set-cookie").unwrap_or_else(|| panic!("no cookie is set: {:?}", self.head));
        set.split(';').next().unwrap_or_default().to_owned()
    }
}
