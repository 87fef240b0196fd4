//! The program, an endpoint, and how much memory it takes for those who are served.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use windlass::process::raise_descriptor_limit;

use crate::rig::{Config, Endpoint, Program, Wire, assert_carries, within};

/// What one connection that comes to nothing may cost at the most while it is there, its TLS, its endpoint's half and what an
/// allocator rounds up to included.
const MOST_A_CONNECTION: u64 = 64 << 10;
/// What the program may have taken for itself since.
const SLACK: u64 = 16 << 20;

/// What is attacked.
pub(super) struct Site {
    pub(super) program: Program,
    pub(super) endpoint: Endpoint,
    /// What was resident once somebody had been served, in bytes.
    before: u64,
}

impl Site {
    /// The program with a configuration for this endpoint.
    pub(super) async fn start(configure: impl FnOnce(Config) -> Config) -> Self {
        raise_descriptor_limit();
        let endpoint = Endpoint::listen().await;
        let program = Program::serving(&configure(Config::chat([endpoint.address()]))).await;
        Self { before: program.resident(), program, endpoint }
    }

    /// New connections, each of which has sent this.
    pub(super) async fn connections(&self, count: usize, bytes: &[u8]) -> Vec<Wire> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            let mut client = self.program.connect().await;
            client.try_send(bytes).await;
            clients.push(client);
        }
        clients
    }

    /// Somebody else opens a tunnel and talks.
    pub(super) async fn serves(&self) {
        self.serves_over(self.program.connect().await).await;
    }

    /// The same over this connection.
    pub(super) async fn serves_over(&self, client: Wire) {
        let handshake = crate::rig::Handshake::new();
        let (mut client, mut at_endpoint) = crate::rig::Proxy::tunnel_over(client, &handshake, &self.endpoint).await;
        assert_carries(&mut client, &mut at_endpoint).await;
    }

    /// It has not grown beyond what so many connections may cost.
    pub(super) fn assert_bounded(&self, connections: usize) {
        let most = self.before + SLACK + MOST_A_CONNECTION * connections as u64;
        let now = self.program.resident();
        assert!(now <= most, "{now} bytes are resident, {} were before {connections} connections", self.before);
    }
}

/// Has every client send a byte now and then until its connection ends; gives how long that took.
pub(super) async fn trickle(clients: &mut [Wire], byte: u8) -> Duration {
    let begun = Instant::now();
    within("every connection ends", async {
        let mut open: Vec<&mut Wire> = clients.iter_mut().collect();
        while !open.is_empty() {
            let mut left = Vec::new();
            for client in open {
                if client.takes(byte).await {
                    left.push(client);
                }
            }
            open = left;
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    begun.elapsed()
}
