//! Connecting to an endpoint that has a name: to whichever of its addresses answers.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::connect::{ConnectOptions, connect};
use super::dial_error::DialError;
use super::network::SystemNetwork;
use super::race::{Race, race};

/// Connects to a host, by its name and port, before `deadline`.
///
/// # Errors
/// Why there is no connection; what is said of it names each address.
pub(super) async fn dial_name(
    system: &SystemNetwork,
    (host, port): (&str, u16),
    options: &ConnectOptions<'_>,
    deadline: Instant,
) -> Result<TcpStream, DialError> {
    let addresses = match timeout_at(deadline, system.resolver.addresses(host, options.servers)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => {
            // Of no kind that says something of the endpoint: nobody was asked whether it is there.
            return Err(DialError::Failed(io::Error::other(format!("{host}: {error}"))));
        }
        Err(_) => return Err(DialError::NoneAnswered(format!("{host} is still being looked up"))),
    };
    let mut addresses: Vec<_> = addresses.iter().map(|address| SocketAddr::new(*address, port)).collect();
    system.failing.put_last(&mut addresses, Instant::now());
    let connect = |address| async move { connect(&address, options, &system.lost_sources).await };
    let race = race(&addresses, deadline, connect).await;
    note(system, &addresses, &race);
    match race.won {
        Some((_, stream)) => Ok(stream),
        None => Err(fault(race)),
    }
}

/// Who has failed goes last for a while, and who had not answered when somebody did that was asked later.
fn note(system: &SystemNetwork, addresses: &[SocketAddr], race: &Race<TcpStream>) {
    if let [_] = addresses {
        return;
    }
    let now = Instant::now();
    let winner = race.won.as_ref().map(|(winner, _)| *winner);
    let place = |address: SocketAddr| addresses.iter().position(|it| *it == address);
    let slow = race.unanswered.iter().filter(|slow| winner.is_none_or(|winner| place(**slow) < place(winner)));
    let failed = race.failed.iter().filter(|(_, error)| !is_ours(error)).map(|(address, _)| address);
    failed.chain(slow).for_each(|address| system.failing.note_failed(*address, now));
    if let Some(winner) = winner {
        system.failing.note_reached(winner);
    }
}

fn fault(race: Race<TcpStream>) -> DialError {
    let Race { mut failed, unanswered, not_tried, .. } = race;
    if let Some(ours) = failed.iter().position(|(_, error)| is_ours(error)) {
        return failed.swap_remove(ours).1.into();
    }
    let silent = unanswered.iter().map(|address| format!("{address}: no answer"));
    let mut each: Vec<_> = failed.iter().map(|(address, error)| format!("{address}: {error}")).chain(silent).collect();
    if not_tried > 0 {
        each.push(format!("{not_tried} more were not tried"));
    }
    let each = each.join("; ");
    if !unanswered.is_empty() {
        return DialError::NoneAnswered(each);
    }
    let mut kinds = failed.iter().map(|(_, error)| error.kind());
    let first = kinds.next().unwrap_or(ErrorKind::Other);
    let kind = if kinds.all(|kind| kind == first) { first } else { ErrorKind::Other };
    DialError::Failed(io::Error::new(kind, each))
}

/// Whether it is this machine that lacks something.
fn is_ours(error: &io::Error) -> bool {
    let Some(number) = error.raw_os_error() else { return false };
    !matches!(DialError::from(io::Error::from_raw_os_error(number)), DialError::Failed(_))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::network::test_network;

    const LONG: Duration = Duration::from_secs(20);

    /// Somebody who listens, at a port that is free at the other addresses too.
    async fn listen(at: [u8; 4]) -> (TcpListener, u16) {
        let listener = TcpListener::bind(SocketAddr::from((at, 0))).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// A port at an address where packets are swallowed: the queue of who listens there is full.
    fn hole(at: [u8; 4], port: u16) -> Vec<Socket> {
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let address = SocketAddr::from((at, port)).into();
        full.bind(&address).unwrap();
        full.listen(0).unwrap();
        let mut sockets = vec![full];
        for _ in 0..4 {
            let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            waiting.set_nonblocking(true).unwrap();
            let _ = waiting.connect(&address);
            sockets.push(waiting);
        }
        sockets
    }

    fn system(folder: &Path, hosts: &str) -> SystemNetwork {
        std::fs::write(folder.join("hosts"), hosts).unwrap();
        test_network(folder)
    }

    async fn dialled(system: &SystemNetwork, port: u16, within: Duration) -> Result<SocketAddr, DialError> {
        let deadline = Instant::now() + within;
        let stream = dial_name(system, ("app.test", port), &ConnectOptions::default(), deadline).await?;
        Ok(stream.peer_addr().unwrap())
    }

    #[tokio::test]
    async fn a_hole_among_the_addresses_of_a_name_costs_a_moment_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let system = system(folder.path(), "127.0.0.2 app.test\n127.0.0.3 app.test\n");
        let (_listener, port) = listen([127, 0, 0, 3]).await;
        let _hole = hole([127, 0, 0, 2], port);
        let begun = Instant::now();
        assert_eq!(dialled(&system, port, LONG).await.unwrap(), SocketAddr::from(([127, 0, 0, 3], port)));
        let first = begun.elapsed();
        assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&first), "{first:?}");
        let begun = Instant::now();
        for _ in 0..20 {
            dialled(&system, port, LONG).await.unwrap();
        }
        assert!(begun.elapsed() < 10 * Duration::from_millis(250), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn what_is_said_in_the_end_names_each_address_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let system = system(folder.path(), "127.0.0.2 app.test\n127.0.0.3 app.test\n");
        let (listener, port) = listen([127, 0, 0, 2]).await;
        drop(listener);
        let error = dialled(&system, port, LONG).await.unwrap_err();
        let DialError::Failed(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        for address in ["127.0.0.2", "127.0.0.3"] {
            assert!(error.to_string().contains(&format!("{address}:{port}: Connection refused")), "{error}");
        }
        let _hole = hole([127, 0, 0, 2], port);
        let error = dialled(&system, port, Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(error, DialError::NoneAnswered(_)), "{error:?}");
        assert!(error.to_string().contains(&format!("127.0.0.2:{port}: no answer")), "{error}");
    }

    #[tokio::test]
    async fn a_name_that_is_unknown_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let error = dialled(&system(folder.path(), ""), 80, LONG).await.unwrap_err();
        assert!(matches!(error, DialError::Failed(_)), "{error:?}");
        assert!(error.to_string().starts_with("app.test: no DNS server is known"), "{error}");
    }

    #[test]
    fn a_shortage_of_ours_is_told_for_what_it_is() {
        let address = SocketAddr::from(([10, 0, 0, 1], 80));
        let shortage = io::Error::from_raw_os_error(libc::EMFILE);
        let failed = vec![(address, ErrorKind::ConnectionRefused.into()), (address, shortage)];
        let race = Race { won: None, failed, unanswered: vec![address], not_tried: 0 };
        assert!(matches!(fault(race), DialError::Exhausted(_)));
    }
}
