//! Tunnels over streams in memory, in paused time; each test a sentence.

mod endings;
mod frames;
mod inflate;
mod limits;
mod peer;
mod pressure;
mod raw;
mod scene;
mod simulation;
mod timers;

/// An idle tunnel is this, its `Sleep`, its ticket in the registry and what its route asks for (rates, meters): each boxed.
/// A hundred bytes more are ten megabytes more for a hundred thousand tunnels.
#[test]
fn a_tunnel_is_small() {
    use tokio::net::TcpStream;

    let size = size_of::<super::Tunnel<TcpStream, TcpStream>>();
    assert!(size <= 696, "{size} bytes");
}
