//! What endpoints have for as long as they are configured, and servers that are asked who may enter. Each publish goes through here, and ends what the endpoints had that
//! it takes away.
//!
//! Invariant: no connection rests for an endpoint that is not configured, whether it was given back before the publish or after.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::http2::Http2Pool;
use super::pool::Pool;
use crate::drain::Incarnation;
use crate::snapshot::{Retirement, Snapshot};

/// The owner of what endpoints have beside their counters.
#[derive(Debug)]
pub struct Endpoints {
    /// The resting connections of each worker.
    pools: Vec<Arc<Pool>>,
    /// Those of questions that no client waits for.
    own_pool: Arc<Pool>,
    /// The shared connections of each worker.
    http2_pools: Vec<Arc<Http2Pool>>,
}

impl Endpoints {
    /// That of a proxy with so many workers, where so many connections may rest.
    pub fn new(workers: usize, resting: usize) -> Self {
        let permits = Arc::new(Semaphore::new(resting.min(Semaphore::MAX_PERMITS)));
        Self {
            pools: (0..workers).map(|_| Arc::new(Pool::new(Arc::clone(&permits)))).collect(),
            own_pool: Arc::new(Pool::new(Arc::clone(&permits))),
            http2_pools: (0..workers).map(|_| Arc::new(Http2Pool::new(Arc::clone(&permits)))).collect(),
        }
    }

    /// The resting connections of a worker.
    pub fn pool(&self, worker: usize) -> Option<&Arc<Pool>> {
        self.pools.get(worker)
    }

    /// The resting connections of questions that no client waits for.
    pub fn own_pool(&self) -> &Arc<Pool> {
        &self.own_pool
    }

    /// The connections of a worker that requests share.
    pub fn http2_pool(&self, worker: usize) -> Option<&Arc<Http2Pool>> {
        self.http2_pools.get(worker)
    }

    /// `new` is served in place of `old`: ends what the endpoints had that it does not have any more, and takes back what nobody
    /// would take back under it.
    pub fn reconcile(&self, old: &Snapshot, new: &Snapshot) {
        for upstream in new.upstreams().values() {
            upstream.endpoints().iter().for_each(|endpoint| endpoint.keep_to(&upstream.settings));
        }
        let configured: HashSet<_> = new.endpoints().map(|endpoint| endpoint.life.incarnation).collect();
        let gone = old.endpoints().filter(|it| !configured.contains(&it.life.incarnation));
        gone.for_each(|gone| self.end(&gone.retirement, gone.life.incarnation));
        let asked: HashSet<_> = new.auth_servers().map(|server| server.life.incarnation).collect();
        let gone = old.auth_servers().filter(|it| !asked.contains(&it.life.incarnation));
        gone.for_each(|gone| self.end(&gone.retirement, gone.life.incarnation));
    }

    fn end(&self, retirement: &Retirement, life: Incarnation) {
        // First: a connection that is given back from now on must find it so.
        retirement.note();
        for pool in self.pools.iter().chain([&self.own_pool]) {
            pool.close(life);
        }
        for pool in &self.http2_pools {
            pool.close(life);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::connection::EndpointConnection;
    use super::super::opened_under::OpenedUnder;
    use super::*;
    use crate::config::parse;
    use crate::net::Stream;
    use crate::snapshot::{Endpoint, FileContents};
    use crate::tls::TicketKeys;

    fn snapshot(endpoints: &str, previous: Option<&Snapshot>) -> Snapshot {
        let text = format!(
            "[listener.public]\nbind = \"127.0.0.1:0\"\n[route.chat]\nupstream = \"chat\"\n[upstream.chat]\nendpoints = {endpoints}\n"
        );
        let settings = parse(&text, Path::new("test.toml")).unwrap();
        Snapshot::assemble(settings.into(), FileContents::default(), &TicketKeys::generate().unwrap(), previous)
    }

    #[tokio::test]
    async fn what_rests_for_an_endpoint_that_is_gone_is_closed_whenever_it_was_given_back() {
        const MINUTE: Duration = Duration::from_secs(60);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoints = Endpoints::new(1, 4);
        let pool = endpoints.pool(0).unwrap();
        let old = snapshot("[\"127.0.0.1:1\", \"127.0.0.1:2\"]", None);
        let [gone, stays] = [0, 1].map(|index| Arc::clone(&old.upstreams()["chat"].endpoints()[index]));
        let mut peers = Vec::new();
        let mut give_back = async |endpoint: &Endpoint| {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            peers.push(listener.accept().await.unwrap().0);
            let connection = EndpointConnection::open(Stream::Plain(stream.into()), MINUTE).await.unwrap();
            pool.rest((endpoint.life.incarnation, &endpoint.retirement), (connection, OpenedUnder::default()), MINUTE);
        };
        give_back(&gone).await;
        give_back(&stays).await;
        endpoints.reconcile(&old, &snapshot("[\"127.0.0.1:2\"]", Some(&old)));
        give_back(&gone).await;
        for closed in [0, 2] {
            assert_eq!(peers[closed].read(&mut [0; 1]).await.unwrap(), 0);
        }
        assert!(pool.take(gone.life.incarnation, &OpenedUnder::default()).is_none());
        assert!(pool.take(stays.life.incarnation, &OpenedUnder::default()).is_some());
    }
}
