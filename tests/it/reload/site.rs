//! A site with two of everything, and a tunnel through each.

use windlass::app::{ReloadError, Reloaded};

use crate::rig::{Config, Endpoint, Frame, Handshake, Proxy, Wire, assert_carries, until};

/// Two listeners, two routes, two upstreams with an endpoint each.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) proxy: Proxy,
    pub(crate) chat_endpoint: Endpoint,
    pub(crate) games_endpoint: Endpoint,
    /// Through `public`, `chat`, and endpoint `a` of `chat`.
    pub(crate) chat: Tunnel,
    /// Through `other`, `games`, and endpoint `a` of `games`.
    pub(crate) games: Tunnel,
}

/// The two ends of a tunnel.
#[derive(Debug)]
pub(crate) struct Tunnel {
    pub(crate) client: Wire,
    pub(crate) endpoint: Wire,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::open_with(|config| config).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(Config) -> Config) -> Self {
        let (chat_endpoint, games_endpoint) = (Endpoint::listen().await, Endpoint::listen().await);
        let config = Config::chat([chat_endpoint.address()])
            .endpoints("games", [games_endpoint.address()])
            .with("route.chat.path", "\"/chat\"")
            .with("route.games.path", "\"/games\"")
            .with("route.games.upstream", "\"games\"")
            .with("listener.other.bind", "\"127.0.0.1:0\"")
            .with("drain.reload.spread", "\"1ms\"")
            .with("drain.reload.deadline", "\"30s\"");
        let config = change(config);
        let proxy = Proxy::serving(&config);
        let chat = Tunnel::open(&proxy, "public", "/chat", &chat_endpoint).await;
        let games = Tunnel::open(&proxy, "other", "/games", &games_endpoint).await;
        Self { config, proxy, chat_endpoint, games_endpoint, chat, games }
    }

    /// Reloads with a change that must be good.
    pub(crate) fn change(&mut self, change: impl FnOnce(Config) -> Config) -> Reloaded {
        self.try_change(change).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_change(&mut self, change: impl FnOnce(Config) -> Config) -> Result<Reloaded, ReloadError> {
        let config = change(self.config.clone());
        let reloaded = self.proxy.reload(&config);
        if reloaded.is_ok() {
            self.config = config;
        }
        reloaded
    }

    /// A reload with this change touches no tunnel.
    pub(crate) async fn keeps_all(mut self, change: impl FnOnce(Config) -> Config) {
        let reloaded = self.change(change);
        assert_eq!((reloaded.draining, reloaded.generation), (0, 2));
        self.chat.carries().await;
        self.games.carries().await;
    }

    /// A reload with this change drains `chat` and nothing else.
    pub(crate) async fn drains_chat(mut self, change: impl FnOnce(Config) -> Config) {
        let reloaded = self.change(change);
        assert_eq!((reloaded.draining, reloaded.generation), (1, 2));
        self.chat.is_drained().await;
        self.games.carries().await;
        until("only one is left", || self.proxy.open() == 1).await;
    }
}

impl Tunnel {
    pub(crate) async fn open(proxy: &Proxy, listener: &str, path: &str, endpoint: &Endpoint) -> Self {
        let handshake = Handshake::new().request(&format!("GET {path} HTTP/1.1"));
        let (client, endpoint) = Proxy::tunnel_over(proxy.connect_to(listener).await, &handshake, endpoint).await;
        Self { client, endpoint }
    }

    /// Both directions are open.
    pub(crate) async fn carries(&mut self) {
        assert_carries(&mut self.client, &mut self.endpoint).await;
    }

    /// The client is told first, what it still says arrives, and only then is the endpoint told.
    pub(crate) async fn is_drained(&mut self) {
        let close = self.client.frame().await;
        assert_eq!(close, Frame::close(1012, "configuration changed"));
        let last_words = Frame::text("last words");
        self.client.send(last_words.by_client()).await;
        self.client.send(close.by_client()).await;
        assert_eq!(self.endpoint.frame().await, last_words);
        let close = self.endpoint.frame().await;
        assert_eq!(close.close_code(), Some(1001));
        self.endpoint.send(close.by_endpoint()).await;
        self.endpoint.finish().await;
        assert_eq!(self.client.rest().await, b"");
        self.client.finish().await;
        assert_eq!(self.endpoint.rest().await, b"");
    }
}
