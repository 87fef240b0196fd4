//! systemd's notify socket, played.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram as StdUnixDatagram;
use std::path::{Path, PathBuf};
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

impl NotifySocket {
    /// Listens, and keeps nobody waiting.
    pub(crate) fn bind() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = StdUnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        sockopt::set_socket_passcred(&socket, true).unwrap();
        let socket = UnixDatagram::from_std(socket).unwrap();
        let (sender, notes) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                let note = socket.async_io(Interest::READABLE, || receive(&socket)).await.unwrap();
                if sender.send(note).is_err() {
                    break;
                }
            }
        });
        Self { notes: Mutex::new(notes), path, _folder: folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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

/// A datagram and its sender.
fn receive(socket: &UnixDatagram) -> io::Result<Note> {
    let mut datagram = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut datagram)], &mut ancillary, RecvFlags::empty())?;
    let pid = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid.as_raw_nonzero().get()),
        _ => None,
    });
    let pid = pid.expect("the kernel says who sends").cast_unsigned();
    Ok(Note { pid, text: String::from_utf8(datagram[..received.bytes].to_vec()).unwrap() })
}
