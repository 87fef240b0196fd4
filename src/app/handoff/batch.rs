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
