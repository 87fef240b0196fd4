//! As many tunnels as the ports of the source addresses carry, and no more.
//!
//! Program, endpoint and clients are in a network namespace where a connect has twenty ports to choose from.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::rig::{Config, Endpoint, Handshake, Namespace, Program, Wire, within};

const PORTS: u8 = 20;
const ENDPOINT: &str = "127.0.0.1:9000";

/// Connects from an address of its own: the ports are as few for clients.
async fn client(namespace: &Namespace, number: u8, address: SocketAddr) -> Wire {
    let stream = namespace.make(move || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 1, 0, number), 50_000)).into()).unwrap();
        socket.connect_timeout(&address.into(), Duration::from_secs(20)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    });
    within("the stream", async { Wire::of(tokio::net::TcpStream::from_std(stream.into()).unwrap()) }).await
}

/// How many tunnels open, and the answer to the first that does not.
async fn tunnels(sources: &str) -> (u8, u16) {
    let namespace = Namespace::new(fastrand::u16(..));
    namespace.ip(&["link", "set", "lo", "up"]);
    let listener = namespace.make(|| StdTcpListener::bind(ENDPOINT).unwrap());
    listener.set_nonblocking(true).unwrap();
    let endpoint = Endpoint::at(within("the listener", async { listener.try_into().unwrap() }).await);
    let config = Config::chat([ENDPOINT.parse().unwrap()])
        .with("listener.public.bind", "\"127.0.0.1:8000\"")
        .with("upstream.chat.source_addresses", sources);
    let narrowed = "echo 40000 40019 > /proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"";
    let through = ["ip", "netns", "exec", namespace.name(), "sh", "-c", narrowed, "sh"];
    let program = Program::start_through(&through, &config.text()).await;
    let mut open = Vec::new();
    loop {
        let number = u8::try_from(open.len()).unwrap();
        let mut client = client(&namespace, number, program.address()).await;
        client.send(Handshake::new().bytes()).await;
        let answered = async {
            tokio::select! {
                head = client.head() => (head.status(), None),
                at_endpoint = endpoint.grant() => (client.head().await.status(), Some(at_endpoint)),
            }
        };
        match answered.await {
            (101, Some(at_endpoint)) => open.push((client, at_endpoint)),
            (status, _) => return (number, status),
        }
    }
}

#[tokio::test]
#[ignore = "one must be root"]
async fn two_sources_carry_twice_as_many_tunnels_as_one_until_they_are_used_up() {
    assert_eq!(tunnels("[\"127.0.0.2\"]").await, (PORTS, 503));
    assert_eq!(tunnels("[\"127.0.0.2\", \"127.0.0.3\"]").await, (2 * PORTS, 503));
}
