//! Whatever is said to be tunnels: it is refused, or is tunnels, which can be written again and are made anew or refused one by one.
#![expect(clippy::unwrap_used, reason = "it may panic as a test may")]

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Runtime};

use super::batch::{MOST_TUNNELS, open, write};
use crate::config::parse;
use crate::drain::Stays;
use crate::handoff::seal_parcel;
use crate::net::Network;
use crate::process::{Room, Workers};
use crate::session::{Arrivals, MovingTunnel, Proxy};
use crate::snapshot::{FileContents, Snapshot};
use crate::tls::TicketKeys;

/// Takes in what `data` says to be tunnels; panics where something does not hold that must.
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzz target calls it"))]
pub fn take_in_anything(data: &[u8]) {
    let _ = Site::get().take_in(data);
}

/// A proxy that has the places of the tunnels of [`WRITTEN`].
struct Site {
    proxy: Arc<Proxy>,
    /// What tunnels get as their descriptors.
    stream: TcpStream,
    _runtime: Runtime,
}

impl Site {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let settings = parse(&config(), Path::new("test.toml")).unwrap();
        let tickets = TicketKeys::generate().unwrap();
        let snapshot = Snapshot::assemble(settings.into(), FileContents::default(), &tickets, None);
        let network = Network::of_the_system(snapshot.settings.resolver.clone());
        let room = Room { descriptors: 0, tunnels: MOST_TUNNELS, resting: 0 };
        let proxy = Proxy::new(snapshot, Workers::start(1).unwrap(), room, network);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        drop(entered);
        Self { proxy, stream, _runtime: runtime }
    }

    /// The same for all that comes, one after the other: what is not begun leaves nothing behind.
    fn get() -> MutexGuard<'static, Self> {
        static SITE: LazyLock<Mutex<Site>> = LazyLock::new(|| Mutex::new(Site::new()));
        SITE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of each tunnel that `data` says; `None` where it says none, and all of it is refused.
    fn take_in(&self, data: &[u8]) -> Option<Vec<Result<(), Stays>>> {
        // As many as there are said to be: others are refused for that alone.
        let tunnels = data.first().map_or(0, |tunnels| usize::from(*tunnels).min(MOST_TUNNELS));
        let streams = std::iter::repeat_with(|| self.stream.try_clone().unwrap().into()).take(2 * tunnels);
        let parcel = seal_parcel(data).unwrap();
        let opened = open(std::iter::once(parcel).chain(streams).collect()).ok()?;
        assert_eq!(opened.len(), tunnels);
        let (read, descriptors): (Vec<MovingTunnel>, Vec<[OwnedFd; 2]>) = opened.into_iter().unzip();
        let written = write(&read).unwrap();
        let (again, rest): (Vec<MovingTunnel>, _) = postcard::take_from_bytes(&written).unwrap();
        let is_same = rest.is_empty() && *write(&again).unwrap() == *written;
        assert!(is_same, "what was read is something else once it is written");

        let mut arrivals = Arrivals::new(Arc::clone(&self.proxy));
        let both = read.into_iter().zip(descriptors);
        let arrived: Vec<_> = both.map(|(tunnel, descriptors)| arrivals.take(tunnel, descriptors)).collect();
        assert_eq!(self.proxy.registry.len(), arrived.iter().flatten().count());
        let outcomes = arrived.into_iter().map(|arrived| arrived.map(drop)).collect();
        assert_eq!((self.proxy.registry.len(), self.proxy.permits.available_permits()), (0, MOST_TUNNELS));
        Some(outcomes)
    }
}

/// A configuration with the places of [`WRITTEN`]: its endpoints are where the system had let them be.
fn config() -> String {
    let written = String::from_utf8_lossy(WRITTEN);
    let port = |upstream: &str| {
        let (_, endpoint) = written.split_once(&format!("{upstream}\u{1}a")).unwrap();
        let (_, port) = endpoint.split_once("127.0.0.1:").unwrap();
        port.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    let (chat, twice) = (port("chat"), port("twice"));
    format!(
        r#"
[listener]
public = {{ bind = "127.0.0.1:0" }}
plain = {{ bind = "127.0.0.1:0" }}
[route]
chat = {{ upstream = "chat" }}
twice = {{ path = "/twice", upstream = "twice", max_tunnels_per_client = 9 }}
[upstream]
chat = {{ endpoints = [{{ name = "a", address = "127.0.0.1:{chat}" }}] }}
twice = {{ endpoints = [{{ name = "a", address = "127.0.0.1:{twice}" }}] }}
"#
    )
}

/// Four tunnels, as the program has written them.
const WRITTEN: &[u8] = include_bytes!("batch_of_format_1.bin");

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    #[test]
    fn what_was_written_is_taken_in_whole() {
        assert_eq!(Site::get().take_in(WRITTEN), Some(vec![Ok(()); 4]));
    }

    #[test]
    fn what_a_fuzzer_found_stays_found() {
        let mut count = 0;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/batch");
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            take_in_anything(&fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count >= 3, "{count} inputs");
    }

    proptest! {
        #[test]
        fn what_was_changed_on_its_way_is_refused_or_taken_in(
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = WRITTEN.to_vec();
            for (at, byte) in changes {
                *at.get_mut(&mut bytes) = byte;
            }
            take_in_anything(&bytes);
        }
    }
}
