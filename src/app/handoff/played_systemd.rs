//! A systemd that keeps descriptors, for tests.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::thread::{JoinHandle, spawn};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

use crate::process::{Activated, Notifier};

/// A systemd that keeps descriptors.
pub(super) struct PlayedSystemd {
    path: PathBuf,
    keeping: JoinHandle<Vec<Activated>>,
    _folder: TempDir,
}

impl PlayedSystemd {
    /// One that keeps so many.
    pub(super) fn keeping(most: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { path, keeping: spawn(move || kept(&socket, most)), _folder: folder }
    }

    /// Who speaks to it.
    pub(super) fn notifier(&self) -> Notifier {
        Notifier::from_socket(Some(self.path.clone().into_os_string()))
    }

    /// What it has kept, once it has heard all that was said before.
    pub(super) fn end(self) -> Vec<Activated> {
        UnixDatagram::unbound().unwrap().send_to(END.as_bytes(), &self.path).unwrap();
        self.keeping.join().unwrap()
    }
}

fn kept(socket: &UnixDatagram, most: usize) -> Vec<Activated> {
    let mut kept = Vec::new();
    loop {
        let (text, descriptors) = heard(socket);
        if text == END {
            return kept;
        }
        let Some(name) = text.strip_prefix("FDSTORE=1\nFDNAME=").and_then(|rest| rest.split('\n').next()) else {
            continue;
        };
        kept.extend(descriptors.into_iter().map(|socket| Activated { name: name.to_owned(), socket }));
        kept.truncate(most);
    }
}

fn heard(socket: &UnixDatagram) -> (String, Vec<OwnedFd>) {
    let mut text = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let said = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut ancillary, RecvFlags::CMSG_CLOEXEC).unwrap();
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    (String::from_utf8(text[..said.bytes].to_vec()).unwrap(), descriptors)
}

/// What ends it.
const END: &str = "X_END=1";
