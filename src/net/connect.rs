//! Connecting to one address: where from, and what the connection is set to.
//!
//! There is no deadline here, and no name: who connects to what a name stands for is `dial`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use super::lost_sources::LostSources;
use super::options::{KEEPALIVE, set_options};
use crate::config::{TcpKeepaliveSettings, UpstreamSettings};
use crate::process::choose_port_when_connecting;

/// How connections with an endpoint are made.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions<'s> {
    /// The DNS servers that are asked for its name; the configured ones where there are none.
    pub servers: &'s [SocketAddr],
    /// The addresses that connects come from; the system chooses one where there are none.
    pub sources: &'s [IpAddr],
    /// Which connect this is: the sources take turns by it.
    pub turn: usize,
    /// When a quiet endpoint is probed by TCP, if it is.
    pub keepalive: Option<TcpKeepaliveSettings>,
    /// How long what was sent may be without an acknowledgement; the system decides where it is not said.
    pub user_timeout: Option<Duration>,
}

impl<'s> ConnectOptions<'s> {
    /// How an upstream says that the connect of this number is to be made.
    pub fn of(settings: &'s UpstreamSettings, turn: usize) -> Self {
        let UpstreamSettings { source_addresses, tcp_keepalive, tcp_user_timeout, .. } = settings;
        Self {
            servers: settings.dns_servers(),
            sources: source_addresses,
            turn,
            keepalive: *tcp_keepalive,
            user_timeout: *tcp_user_timeout,
        }
    }
}

impl Default for ConnectOptions<'_> {
    fn default() -> Self {
        Self { servers: &[], sources: &[], turn: 0, keepalive: Some(KEEPALIVE), user_timeout: None }
    }
}

/// Connects to one address. One source after the other is tried, from the one whose turn it is on, as long as it is this
/// machine that has nothing to connect from; `lost` hears of those.
///
/// # Errors
/// What the system says; where no port is left, or no address, with any of the sources, it is `EADDRNOTAVAIL`.
pub(super) async fn connect(
    address: &SocketAddr,
    options: &ConnectOptions<'_>,
    lost: &LostSources,
) -> io::Result<TcpStream> {
    let stream = match options.sources {
        [] => TcpStream::connect(address).await,
        sources => connect_from(in_turn(sources, options.turn), address, lost).await,
    }?;
    set_options(&SockRef::from(&stream), options.keepalive)?;
    if options.user_timeout.is_some() {
        SockRef::from(&stream).set_tcp_user_timeout(options.user_timeout)?;
    }
    Ok(stream)
}

/// The sources, the one whose turn it is first.
fn in_turn(sources: &[IpAddr], turn: usize) -> impl Iterator<Item = IpAddr> {
    let first = turn.checked_rem(sources.len()).unwrap_or(0);
    sources.iter().cycle().skip(first).take(sources.len()).copied()
}

async fn connect_from(
    sources: impl Iterator<Item = IpAddr>,
    address: &SocketAddr,
    lost: &LostSources,
) -> io::Result<TcpStream> {
    let mut last = Err(no_source(address));
    for source in sources.filter(|source| source.is_ipv4() == address.is_ipv4()) {
        last = connect_from_one(source, address).await;
        match &last {
            Err(error) if is_used_up(error) => note_lost(source, address, lost),
            _ => break,
        }
    }
    last
}

/// Where another source is taken instead, nobody else would say so.
fn note_lost(source: IpAddr, endpoint: &SocketAddr, lost: &LostSources) {
    if let Some(connects) = lost.note_lost(source, Instant::now()) {
        tracing::warn!(
            %source,
            %endpoint,
            connects,
            "nothing can be connected from one of source_addresses: it is no address of this machine, or all its ports are used"
        );
    }
}

async fn connect_from_one(source: IpAddr, address: &SocketAddr) -> io::Result<TcpStream> {
    let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Else the port is taken from all that the machine has, whatever is connected to: some 28,000 in all, not for each endpoint.
    choose_port_when_connecting(socket.as_fd())?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(*address).await
}

/// Whether a source has no port left, or is no address of this machine.
fn is_used_up(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::ADDRNOTAVAIL)
}

fn no_source(address: &SocketAddr) -> io::Error {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    io::Error::new(io::ErrorKind::Unsupported, format!("source_addresses has none of {family}"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    /// One that no machine has (RFC 5737).
    const NOT_OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn loopback(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    async fn endpoint() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn source_of(sources: &[IpAddr], turn: usize, address: &SocketAddr) -> io::Result<IpAddr> {
        let options = ConnectOptions { sources, turn, ..ConnectOptions::default() };
        Ok(connect(address, &options, &LostSources::default()).await?.local_addr()?.ip())
    }

    #[tokio::test]
    async fn sources_take_turns() {
        let (_listener, address) = endpoint().await;
        let sources = [loopback(2), loopback(3), loopback(4)];
        for turn in [0, 1, 2, 3, usize::MAX] {
            assert_eq!(source_of(&sources, turn, &address).await.unwrap(), sources[turn % 3], "{turn}");
        }
    }

    #[tokio::test]
    async fn a_source_that_has_nothing_to_connect_from_is_left_for_the_next() {
        let (_listener, address) = endpoint().await;
        for turn in 0..4 {
            assert_eq!(source_of(&[NOT_OURS, loopback(2)], turn, &address).await.unwrap(), loopback(2));
        }
        let error = source_of(&[NOT_OURS, NOT_OURS], 1, &address).await.unwrap_err();
        assert_eq!(Errno::from_io_error(&error), Some(Errno::ADDRNOTAVAIL));
    }

    #[tokio::test]
    async fn it_is_known_which_source_is_left_for_the_next() {
        let ((_listener, address), lost) = (endpoint().await, LostSources::default());
        let options = ConnectOptions { sources: &[NOT_OURS, loopback(2)], ..ConnectOptions::default() };
        connect(&address, &options, &lost).await.unwrap();
        let now = Instant::now();
        assert_eq!(lost.note_lost(NOT_OURS, now), None, "it is said already");
        assert_eq!(lost.note_lost(loopback(2), now), Some(1));
    }

    #[tokio::test]
    async fn sources_of_the_other_family_are_skipped() {
        let (_listener, address) = endpoint().await;
        let other = "::1".parse().unwrap();
        for turn in 0..2 {
            assert_eq!(source_of(&[other, loopback(2)], turn, &address).await.unwrap(), loopback(2));
        }
        let error = source_of(&[other], 0, &address).await.unwrap_err();
        assert_eq!(error.to_string(), "source_addresses has none of IPv4");
    }

    #[tokio::test]
    async fn an_endpoint_that_refuses_is_asked_from_one_source_only() {
        let (listener, address) = endpoint().await;
        drop(listener);
        let error = source_of(&[loopback(2), loopback(3)], 0, &address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_port_is_taken_only_when_it_is_known_what_is_connected_to() {
        let socket = TcpSocket::new_v4().unwrap();
        choose_port_when_connecting(socket.as_fd()).unwrap();
        socket.bind(SocketAddr::new(loopback(2), 0)).unwrap();
        assert_eq!(socket.local_addr().unwrap().port(), 0);
    }

    #[tokio::test]
    async fn a_connection_is_set_to_what_is_asked_for() {
        let (_listener, address) = endpoint().await;
        let keepalive = TcpKeepaliveSettings { idle: Duration::from_secs(31), interval: Duration::from_secs(7) };
        let user_timeout = Some(Duration::from_millis(5250));
        for sources in [&[][..], &[loopback(2)]] {
            let options =
                ConnectOptions { sources, keepalive: Some(keepalive), user_timeout, ..ConnectOptions::default() };
            let stream = connect(&address, &options, &LostSources::default()).await.unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), keepalive.idle);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), keepalive.interval);
            assert_eq!(socket.tcp_user_timeout().unwrap(), user_timeout);
            let options = ConnectOptions { sources, keepalive: None, ..ConnectOptions::default() };
            let stream = connect(&address, &options, &LostSources::default()).await.unwrap();
            assert!(!SockRef::from(&stream).keepalive().unwrap());
            assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), None);
        }
    }
}
