//! The socket between a process and its successor: one message a datagram, some with a descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recvmsg, sendmsg, shutdown, socketpair,
    sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use zeroize::Zeroizing;

use super::message::HandoffMessage;
use crate::process::{look_from_the_beginning, watch_both};

/// What the other end has said.
#[derive(Debug)]
pub struct Received {
    /// It.
    pub message: HandoffMessage,
    /// Its descriptors, in their order.
    pub descriptors: Vec<OwnedFd>,
    /// There was no room for some of them: `RLIMIT_NOFILE` is too low for what both processes have.
    pub is_short: bool,
}

/// One end of the conversation.
#[derive(Debug)]
pub struct Channel {
    socket: AsyncFd<OwnedFd>,
}

impl Channel {
    /// Our end, and the one for the new process.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self { socket: watch_both(ours)? }, theirs))
    }

    /// The end that `socket` is; fails where it is no such socket.
    pub fn adopt(socket: OwnedFd) -> io::Result<Self> {
        let is_one = sockopt::socket_domain(&socket)? == AddressFamily::UNIX
            && sockopt::socket_type(&socket)? == SocketType::SEQPACKET;
        if !is_one {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no handoff socket"));
        }
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self { socket: watch_both(socket)? })
    }

    /// Says something, with a descriptor where the message has one.
    pub async fn send(&self, message: &HandoffMessage, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.send_with(message, descriptor.as_slice()).await
    }

    /// Says something, with at most [`MOST_DESCRIPTORS`].
    pub async fn send_with(&self, message: &HandoffMessage, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        // Keys go through here. As large as it gets: one that grew would leave a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
        serde_json::to_writer(&mut *bytes, message)?;
        self.socket.async_io(Interest::WRITABLE, |socket| send_now(socket, &bytes, descriptors)).await
    }

    /// Nothing is said any more, at either end.
    pub fn shut_down(&self) {
        // Where the other end is gone there is nothing to do.
        let _ = shutdown(self.socket.get_ref(), Shutdown::Both);
    }

    /// Asks the other end.
    ///
    /// # Errors
    /// It is gone, or the question is longer than [`LONGEST_PART`].
    pub async fn ask(&self, number: u64, text: &str) -> io::Result<()> {
        if text.len() > LONGEST_PART {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the question is too long"));
        }
        self.send(&HandoffMessage::Question { number, text: text.to_owned() }, None).await
    }

    /// Answers a question of the other end, in as many messages as that takes.
    pub async fn answer(&self, number: u64, text: &str) -> io::Result<()> {
        let mut left = text;
        loop {
            let (part, rest) = left.split_at(left.floor_char_boundary(LONGEST_PART));
            let is_last = rest.is_empty();
            self.send(&HandoffMessage::Answer { number, part: part.to_owned(), is_last }, None).await?;
            if is_last {
                return Ok(());
            }
            left = rest;
        }
    }

    /// What is said next, and its descriptor; `None` when the other end is gone.
    pub async fn receive(&self) -> io::Result<Option<(HandoffMessage, Option<OwnedFd>)>> {
        let received = self.receive_with().await?;
        Ok(received.map(|Received { message, descriptors, .. }| (message, descriptors.into_iter().next())))
    }

    /// What is said next, and all of its descriptors; `None` when the other end is gone.
    ///
    /// # Errors
    /// It is nothing that is said here.
    pub async fn receive_with(&self) -> io::Result<Option<Received>> {
        self.next_with(RecvFlags::empty()).await
    }

    /// Has [`look_with`](Self::look_with) begin with what would be received next.
    ///
    /// # Errors
    /// The system cannot do that.
    pub fn look_from_the_beginning(&self) -> io::Result<()> {
        look_from_the_beginning(self.as_fd())
    }

    /// What is said behind that which was looked at last, with descriptors of its own. It is not received: it waits on, also for others that
    /// have the same end.
    ///
    /// # Errors
    /// It is nothing that is said here.
    pub async fn look_with(&self) -> io::Result<Option<Received>> {
        self.next_with(RecvFlags::PEEK).await
    }

    async fn next_with(&self, flags: RecvFlags) -> io::Result<Option<Received>> {
        let mut bytes = Zeroizing::new(vec![0; LONGEST]);
        let (length, descriptors, is_short) =
            self.socket.async_io(Interest::READABLE, |socket| receive_now(socket, &mut bytes, flags)).await?;
        match bytes.get(..length) {
            None | Some([]) => Ok(None),
            Some(message) => Ok(Some(Received { message: serde_json::from_slice(message)?, descriptors, is_short })),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.get_ref().as_fd()
    }
}

fn send_now(socket: &OwnedFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no message takes so many descriptors"));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_now(socket: &OwnedFd, bytes: &mut [u8], flags: RecvFlags) -> io::Result<(usize, Vec<OwnedFd>, bool)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags | RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    Ok((received.bytes, descriptors, received.flags.contains(ReturnFlags::CTRUNC)))
}

/// How many descriptors a message can have: as many as the kernel takes (unix(7), `SCM_MAX_FD`).
pub const MOST_DESCRIPTORS: usize = 253;

/// Names and keys are short; what may be long is said in parts.
const LONGEST: usize = 16 * 1024;

/// JSON in JSON takes up to twice its length.
const LONGEST_PART: usize = 7 * 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::message::{PROTOCOL, SocketRole};
    use super::super::parcel::{open, seal};
    use super::*;

    #[tokio::test]
    async fn messages_keep_their_order_and_their_descriptors() {
        let (old, theirs) = Channel::pair().unwrap();
        let new = Channel::adopt(theirs).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket =
            HandoffMessage::Socket { role: SocketRole::Listener, name: "public".into(), bind: "0.0.0.0:443".into() };

        old.send(&HandoffMessage::Offer { protocol: PROTOCOL, pid: 7 }, None).await.unwrap();
        old.send(&socket, Some(listener.as_fd())).await.unwrap();
        drop(old);

        let (first, none) = new.receive().await.unwrap().unwrap();
        assert!(first == HandoffMessage::Offer { protocol: PROTOCOL, pid: 7 } && none.is_none());
        let (second, descriptor) = new.receive().await.unwrap().unwrap();
        assert!(second == socket);
        let received = TcpListener::from(descriptor.unwrap());
        assert_eq!(received.local_addr().unwrap(), listener.local_addr().unwrap());
        assert!(new.receive().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn as_many_descriptors_go_with_a_message_as_the_kernel_takes() {
        let (old, theirs) = Channel::pair().unwrap();
        let new = Channel::adopt(theirs).unwrap();
        let parcels: Vec<_> = (0..=MOST_DESCRIPTORS).map(|number| seal(&number.to_be_bytes()).unwrap()).collect();
        let parcels: Vec<_> = parcels.iter().map(AsFd::as_fd).collect();
        assert!(old.send_with(&HandoffMessage::Complete, &parcels).await.is_err());
        old.send_with(&HandoffMessage::Complete, &parcels[1..]).await.unwrap();

        let received = new.receive_with().await.unwrap().unwrap();
        assert!(!received.is_short);
        let received: Vec<_> =
            received.descriptors.into_iter().map(|parcel| open(parcel, 8).unwrap().to_vec()).collect();
        assert_eq!(received, (1..=MOST_DESCRIPTORS).map(|number| number.to_be_bytes().to_vec()).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_a_later_version_says_is_passed_over() {
        let (old, theirs) = Channel::pair().unwrap();
        let new = Channel::adopt(theirs).unwrap();
        for text in [r#"{"kind":"open_tunnel","state":{"a":1}}"#, r#"{"kind":"complete","more":true}"#] {
            send_now(old.socket.get_ref(), text.as_bytes(), &[]).unwrap();
        }

        assert_eq!(new.receive().await.unwrap().unwrap().0, HandoffMessage::Unknown);
        assert_eq!(new.receive().await.unwrap().unwrap().0, HandoffMessage::Complete);
    }

    #[tokio::test]
    async fn an_answer_arrives_whole_however_long_it_is() {
        for length in [0, 1, LONGEST_PART - 1, LONGEST_PART, LONGEST_PART + 1, 5 * LONGEST_PART] {
            let (old, theirs) = Channel::pair().unwrap();
            let new = Channel::adopt(theirs).unwrap();
            // Quotes take twice their length, and a cut may not fall into a letter.
            let said: String = "\"ä".chars().cycle().take(length).collect();
            let (sent, heard) = tokio::join!(old.answer(7, &said), async {
                let mut heard = String::new();
                loop {
                    let Some((HandoffMessage::Answer { number: 7, part, is_last }, None)) =
                        new.receive().await.unwrap()
                    else {
                        panic!("no answer")
                    };
                    heard += &part;
                    if is_last {
                        return heard;
                    }
                }
            });
            sent.unwrap();
            assert!(heard == said, "{length}");
        }
    }

    #[tokio::test]
    async fn a_question_that_fits_into_no_message_is_not_sent() {
        let (new, _theirs) = Channel::pair().unwrap();
        assert!(new.ask(7, &"\"".repeat(LONGEST_PART)).await.is_ok());
        assert!(new.ask(8, &"a".repeat(LONGEST_PART + 1)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_looked_at_waits_on_with_its_descriptors() {
        let (old, theirs) = Channel::pair().unwrap();
        let new = Channel::adopt(theirs).unwrap();
        for number in 0..3u8 {
            let parcel = seal(&[number]).unwrap();
            let message = HandoffMessage::Counted { generation: number.into(), tunnel: 7 };
            old.send_with(&message, &[parcel.as_fd()]).await.unwrap();
        }
        drop(old);
        let all: Vec<_> = (0..3u8).map(|number| (number.into(), vec![number])).collect();

        for _ in 0..2 {
            new.look_from_the_beginning().unwrap();
            assert_eq!(numbers(async || new.look_with().await).await, all);
        }
        assert_eq!(numbers(async || new.receive_with().await).await, all);
    }

    /// The generation of each message, and what is in its parcel.
    async fn numbers(next: impl AsyncFn() -> io::Result<Option<Received>>) -> Vec<(u64, Vec<u8>)> {
        let mut numbers = Vec::new();
        while let Some(said) = next().await.unwrap() {
            let [parcel] = said.descriptors.try_into().unwrap();
            let HandoffMessage::Counted { generation, .. } = said.message else { panic!("something else") };
            numbers.push((generation, open(parcel, 8).unwrap().to_vec()));
        }
        numbers
    }

    #[tokio::test]
    async fn nonsense_is_an_error() {
        let (old, theirs) = Channel::pair().unwrap();
        let new = Channel::adopt(theirs).unwrap();
        send_now(old.socket.get_ref(), b"\xff", &[]).unwrap();

        assert!(new.receive().await.is_err());
    }

    #[tokio::test]
    async fn other_sockets_are_not_adopted() {
        let stream = std::os::unix::net::UnixStream::pair().unwrap().0;
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();

        assert!(Channel::adopt(stream.into()).is_err());
        assert!(Channel::adopt(tcp.into()).is_err());
    }
}
