//! systemd's notify socket, played.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram as StdUnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::within;

/// Plays systemd's notify socket.
#[derive(Debug)]
pub(crate) struct NotifySocket {
    notes: Mutex<UnboundedReceiver<Note>>,
    store: Arc<StdMutex<Store>>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

/// A datagram on the notify socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Who sent it.
    pub(crate) pid: u32,
    /// What it says.
    pub(crate) text: String,
}

/// The descriptor store, by sd_notify(3).
#[derive(Debug)]
struct Store {
    /// `FileDescriptorStoreMax=`
    most: usize,
    kept: Vec<(String, OwnedFd)>,
}

impl NotifySocket {
    /// Listens, keeps nobody waiting, and no descriptors either.
    pub(crate) fn bind() -> Self {
        Self::keeping(0)
    }

    /// The same with a descriptor store of this size.
    pub(crate) fn keeping(most: usize) -> Self {
        let store = Arc::new(StdMutex::new(Store { most, kept: Vec::new() }));
        let kept_in = Arc::clone(&store);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = StdUnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        sockopt::set_socket_passcred(&socket, true).unwrap();
        let socket = UnixDatagram::from_std(socket).unwrap();
        let (sender, notes) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (note, descriptors) = socket.async_io(Interest::READABLE, || receive(&socket)).await.unwrap();
                kept_in.lock().unwrap().hear(&note.text, descriptors);
                if sender.send(note).is_err() {
                    break;
                }
            }
        });
        Self { notes: Mutex::new(notes), store, path, _folder: folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept, by name: descriptors of their own, as each start gets them.
    pub(crate) fn kept(&self) -> Vec<(String, OwnedFd)> {
        let store = self.store.lock().unwrap();
        store.kept.iter().map(|(name, kept)| (name.clone(), kept.try_clone().unwrap())).collect()
    }

    /// Keeps this, as if a process had left it.
    pub(crate) fn keep(&self, name: &str, descriptor: OwnedFd) {
        self.store.lock().unwrap().keep(name, descriptor);
    }

    /// Keeps what has this name no longer.
    pub(crate) fn take(&self, name: &str) -> Vec<OwnedFd> {
        let taken = self.store.lock().unwrap().kept.extract_if(.., |(kept, _)| kept == name).collect::<Vec<_>>();
        taken.into_iter().map(|(_, taken)| taken).collect()
    }

    /// The next datagram.
    pub(crate) async fn note(&self) -> Note {
        let next = async { self.notes.lock().await.recv().await };
        within("a datagram on the notify socket", next).await.expect("it can be read")
    }

    /// What the next datagram says.
    pub(crate) async fn heard(&self) -> String {
        self.note().await.text
    }

    /// The datagrams up to the first that `wanted` accepts.
    pub(crate) async fn until_noted(&self, wanted: impl Fn(&Note) -> bool) -> Vec<Note> {
        let mut notes = Vec::new();
        loop {
            let note = self.note().await;
            let found = wanted(&note);
            notes.push(note);
            if found {
                return notes;
            }
        }
    }

    /// What has come and was not looked at.
    pub(crate) async fn notes_so_far(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        while let Some(note) = self.noted_within(Duration::ZERO).await {
            notes.push(note);
        }
        notes
    }

    /// Whether nothing was said for a moment.
    pub(crate) async fn is_silent_for(&self, moment: Duration) -> bool {
        self.noted_within(moment).await.is_none()
    }

    async fn noted_within(&self, moment: Duration) -> Option<Note> {
        let next = async { self.notes.lock().await.recv().await.expect("it can be read") };
        timeout(moment, next).await.ok()
    }
}

impl Store {
    /// Does what is said; whatever is not kept is closed, a barrier's pipe too.
    fn hear(&mut self, text: &str, descriptors: Vec<OwnedFd>) {
        let says = |assignment: &str| text.lines().any(|line| line == assignment);
        let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
        if says("FDSTORE=1") {
            assert!(says("FDPOLL=0"), "what hangs up would be thrown away: {text}");
            descriptors.into_iter().for_each(|descriptor| self.keep(name, descriptor));
        } else if says("FDSTOREREMOVE=1") {
            self.kept.retain(|(kept, _)| kept != name);
        } else {
            let is_barrier = says("BARRIER=1");
            assert_eq!(descriptors.len(), usize::from(is_barrier), "{text}");
            assert!(!is_barrier || text.lines().count() == 1, "a barrier goes alone: {text}");
        }
    }

    /// Duplicates, and what there is no room for, are closed.
    fn keep(&mut self, name: &str, descriptor: OwnedFd) {
        let inode = |of: &OwnedFd| rustix::fs::fstat(of.as_fd()).unwrap().st_ino;
        let is_new = self.kept.iter().all(|(_, kept)| inode(kept) != inode(&descriptor));
        if is_new && self.kept.len() < self.most {
            self.kept.push((name.to_owned(), descriptor));
        }
    }
}

/// A datagram and its sender, and the descriptors that come with it.
fn receive(socket: &UnixDatagram) -> io::Result<(Note, Vec<OwnedFd>)> {
    let mut datagram = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1), ScmRights(253))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut datagram)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let (mut pid, mut descriptors) = (None, Vec::new());
    for message in ancillary.drain() {
        match message {
            RecvAncillaryMessage::ScmCredentials(credentials) => pid = Some(credentials.pid.as_raw_nonzero().get()),
            RecvAncillaryMessage::ScmRights(some) => descriptors.extend(some),
            _ => {}
        }
    }
    let pid = pid.expect("the kernel says who sends").cast_unsigned();
    Ok((Note { pid, text: String::from_utf8(datagram[..received.bytes].to_vec()).unwrap() }, descriptors))
}
