//! Bytes that are passed on as a descriptor: as many as there are, and nobody can change them on their way.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use zeroize::Zeroizing;

/// What nobody can do to a parcel any more.
const SEALS: SealFlags = SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// Puts `bytes` into memory that has no name, and seals it (memfd_create(2)). It is freed with its last descriptor.
///
/// # Errors
/// The system has no memory, or no descriptor, left for it.
pub fn seal(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("windlass", flags)?);
    file.write_all(bytes)?;
    fcntl_add_seals(file.as_fd(), SEALS)?;
    Ok(file.into())
}

/// What is in a parcel of at most `most` bytes.
///
/// # Errors
/// It is none that was [sealed](seal), or is larger.
pub fn open(parcel: OwnedFd, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let is_sealed = fcntl_get_seals(&parcel).is_ok_and(|seals| seals.contains(SEALS));
    if !is_sealed {
        return Err(wrong("it is no sealed parcel"));
    }
    let file = File::from(parcel);
    let length = usize::try_from(file.metadata()?.len()).ok().filter(|length| *length <= most);
    let mut bytes = Zeroizing::new(vec![0; length.ok_or_else(|| wrong("the parcel is too large"))?]);
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_what_is_read() {
        for bytes in [&b""[..], b"keys", &[7; 300_000]] {
            assert_eq!(**open(seal(bytes).unwrap(), 300_000).unwrap(), *bytes);
        }
    }

    #[test]
    fn nobody_can_change_what_was_sealed() {
        let mut file = File::from(seal(b"keys").unwrap());
        assert_eq!(file.write(b"x").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(file.set_len(2).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn what_is_larger_or_was_not_sealed_is_refused() {
        assert!(open(seal(b"keys").unwrap(), 3).is_err());
        let mut unsealed = File::from(memfd_create("windlass", MemfdFlags::CLOEXEC).unwrap());
        unsealed.write_all(b"keys").unwrap();
        assert!(open(unsealed.into(), 100).is_err());
        assert!(open(tempfile::tempfile().unwrap().into(), 100).is_err());
    }
}
