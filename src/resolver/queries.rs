//! Asking servers, over hickory: UDP, and TCP where an answer is truncated; two servers at once, the faster one first.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer, RetryDnsHandle};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};

use super::error::LookupError;

/// Whom to ask, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Servers {
    pub(super) addresses: Vec<SocketAddr>,
    /// Whether answers over UDP may be larger than 512 bytes (RFC 6891).
    pub(super) has_edns: bool,
    /// How long a query is waited for; it is asked twice.
    pub(super) timeout: Duration,
}

/// What has been learnt of servers: connections, and which answers soonest.
#[derive(Default)]
pub(super) struct Queries(Mutex<HashMap<Servers, Pool>>);

type Pool = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;

impl Queries {
    /// Asks `servers` for the records of a complete `name`. Its sockets are this runtime's.
    pub(super) async fn ask(
        &self,
        servers: &Servers,
        name: &Name,
        record_type: RecordType,
    ) -> Result<Message, LookupError> {
        let mut options = DnsRequestOptions::default();
        options.use_edns = servers.has_edns;
        options.edns_payload_len = LARGEST_DATAGRAM;
        let query = Query::query(name.clone(), record_type);
        let answer = match self.pool(servers) {
            Ok(pool) => pool.lookup(query, options).first_answer().await,
            Err(error) => Err(error),
        };
        answer.map(DnsResponse::into_message).map_err(|error| LookupError::of(error, servers.timeout))
    }

    fn pool(&self, servers: &Servers) -> Result<Pool, NetError> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(servers) {
            return Ok(pool.clone());
        }
        if pools.len() >= MOST_POOLS {
            pools.clear();
        }
        let mut options = ResolverOpts::default();
        options.timeout = servers.timeout;
        let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
        let configs = servers.addresses.iter().map(|address| {
            let mut config = NameServerConfig::udp_and_tcp(address.ip());
            config.connections.iter_mut().for_each(|connection| connection.port = address.port());
            config
        });
        let pool = NameServerPool::from_config(configs, context, TokioRuntimeProvider::default());
        let pool = RetryDnsHandle::new(pool, 1);
        pools.insert(servers.clone(), pool.clone());
        Ok(pool)
    }
}

/// What passes through networks unfragmented (dnsflagday.net/2020).
const LARGEST_DATAGRAM: u16 = 1232;
/// More lists of servers than configurations have; who has more learns anew.
const MOST_POOLS: usize = 64;
