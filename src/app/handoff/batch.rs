//! Some open tunnels, written into one parcel, and their descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use postcard::experimental::serialized_size;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::handoff::{MOST_DESCRIPTORS, open_parcel, seal_parcel};
use crate::session::{Departing, MovingTunnel};

/// How many tunnels go with a message at the most: each has two descriptors, and one is the parcel.
pub(super) const MOST_TUNNELS: usize = (MOST_DESCRIPTORS - 1) / 2;

/// How large a parcel may be, in bytes: what so many tunnels hold back at the very most.
const MOST_BYTES: usize = MOST_TUNNELS * 2 * 1024 * 1024;

/// Some tunnels, ready to be sent.
pub(super) struct Batch<'t> {
    parcel: OwnedFd,
    tunnels: &'t [Departing],
}

impl<'t> Batch<'t> {
    /// Writes `tunnels`.
    ///
    /// # Errors
    /// The system has no memory, or no descriptor, left for it.
    pub(super) fn seal(tunnels: &'t [Departing]) -> io::Result<Self> {
        let written: Vec<&MovingTunnel> = tunnels.iter().map(|departing| &departing.tunnel).collect();
        Ok(Self { parcel: seal_parcel(&write(&written)?)?, tunnels })
    }

    /// The descriptors that go with it.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let of_tunnels = self.tunnels.iter().flat_map(|departing| departing.descriptors.iter().map(AsFd::as_fd));
        std::iter::once(self.parcel.as_fd()).chain(of_tunnels).collect()
    }
}

/// What `value` is in bytes; keys may be in it.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(value: &impl Serialize) -> io::Result<Zeroizing<Vec<u8>>> {
    // As large as it gets: one that grew would leave a copy behind.
    let length = serialized_size(value).map_err(io::Error::other)?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    postcard::to_slice(value, &mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The tunnels that were sent, each with its two descriptors.
///
/// # Errors
/// It is no such batch: all of it is refused.
pub(super) fn open(descriptors: Vec<OwnedFd>) -> io::Result<Vec<(MovingTunnel, [OwnedFd; 2])>> {
    let wrong = |why: &'static str| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut descriptors = descriptors.into_iter();
    let parcel = descriptors.next().ok_or_else(|| wrong("there is no parcel"))?;
    let bytes = open_parcel(parcel, MOST_BYTES)?;
    let (tunnels, rest): (Vec<MovingTunnel>, _) = postcard::take_from_bytes(&bytes).map_err(io::Error::other)?;
    let is_whole = rest.is_empty() && descriptors.len() == 2 * tunnels.len();
    if !is_whole {
        return Err(wrong("tunnels and descriptors do not fit each other"));
    }
    let mut pair = || Some([descriptors.next()?, descriptors.next()?]);
    tunnels
        .into_iter()
        .map(|tunnel| Some((tunnel, pair()?)))
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("descriptors are missing"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::session::FORMAT;

    /// Four tunnels, as the program of [`FORMAT`] 1 has written them. The test `handoff::moved::sample` of the whole program writes it anew.
    const WRITTEN: &[u8] = include_bytes!("batch_of_format_1.bin");
    const TUNNELS: usize = 4;

    /// What comes with `bytes` and so many descriptors.
    fn received(bytes: &[u8], descriptors: usize) -> io::Result<Vec<(MovingTunnel, [OwnedFd; 2])>> {
        let some = TcpListener::bind("127.0.0.1:0").unwrap();
        let some = std::iter::repeat_with(|| some.try_clone().unwrap().into()).take(descriptors);
        open(std::iter::once(seal_parcel(bytes).unwrap()).chain(some).collect())
    }

    #[test]
    fn what_is_written_of_a_tunnel_changes_with_its_format_alone() {
        assert_eq!(FORMAT, 1, "the sample is to be written anew, and named after the format");
        let tunnels = received(WRITTEN, 2 * TUNNELS).expect("what is written has changed: FORMAT is to be raised");
        let tunnels: Vec<_> = tunnels.into_iter().map(|(tunnel, _)| tunnel).collect();
        assert_eq!(tunnels.len(), TUNNELS);
        assert!(**write(&tunnels).unwrap() == *WRITTEN, "what is written has changed: FORMAT is to be raised");
    }

    #[test]
    fn descriptors_that_do_not_fit_the_tunnels_are_refused() {
        for descriptors in [0, 1, 2 * TUNNELS - 1, 2 * TUNNELS + 1, 2 * TUNNELS + 2] {
            assert!(received(WRITTEN, descriptors).is_err(), "{descriptors}");
        }
        assert!(open(Vec::new()).is_err());
    }

    #[test]
    fn whatever_is_cut_or_goes_on_is_refused_whole() {
        for length in 0..WRITTEN.len() {
            assert!(received(&WRITTEN[..length], 2 * TUNNELS).is_err(), "{length} bytes of {}", WRITTEN.len());
        }
        assert!(received(&[WRITTEN, &[0]].concat(), 2 * TUNNELS).is_err());
    }

    proptest! {
        #[test]
        fn what_was_changed_on_its_way_is_refused_or_read_as_so_many_tunnels(
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = WRITTEN.to_vec();
            for (at, byte) in changes {
                *at.get_mut(&mut bytes) = byte;
            }
            if let Ok(tunnels) = received(&bytes, 2 * TUNNELS) {
                prop_assert_eq!(tunnels.len(), TUNNELS);
                // What was read can be written: it goes on to the next process.
                let tunnels: Vec<_> = tunnels.into_iter().map(|(tunnel, _)| tunnel).collect();
                prop_assert!(write(&tunnels).is_ok());
            }
        }
    }
}
