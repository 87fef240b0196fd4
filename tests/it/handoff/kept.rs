//! A restart as systemd does it: what listens and what is open waits in its descriptor store, and nobody notices.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair,
};
use rustix::process::Signal;
use rustls::HandshakeKind;
use serde_json::Value;
use tokio::net::TcpStream;
use windlass::handoff::{Channel, HANDOFF_FD, HandoffMessage, PROTOCOL};
use windlass::process::{KEPT_STATE, KEPT_TUNNELS, MOST_KEPT};

use crate::handoff::chat::{Chat, Echo, echoes, plain_answer, until_closed};
use crate::handoff::world::{World, free_port};
use crate::rig::{Config, Endpoint, Frame, Handshake, PROGRAM, Proxy, Wire, signal, within};

const KEEP: &str = "[drain.stop]\ntunnels = \"keep\"\nspread = \"1ms\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_tunnels_go_on_after_each_of_several_restarts() {
    let (mut chat, mut pid) = Chat::started(KEEP).await;
    let mut tunnels = Vec::new();
    for _ in 0..3 {
        tunnels.push(chat.client.tunnel().await.unwrap());
    }
    for round in 0..3 {
        stop(&mut chat.world, pid).await;
        pid = chat.world.start_with_kept().await;
        for tunnel in &mut tunnels {
            assert_eq!(echoes(tunnel, &format!("after {round}")).await, Echo::Came);
        }
        assert!(chat.world.notify.kept().is_empty(), "what was taken up is kept by systemd still");
    }
    chat.world.folder.until_logged(&["\"open tunnels wait with systemd for the next start\"", "\"kept\":3"]).await;
    chat.world.folder.until_logged(&["\"took up what was kept with systemd\"", "\"tunnels\":3"]).await;
    for tunnel in &mut tunnels {
        tunnel.close(None).await.unwrap();
    }
    chat.world.folder.until_logged(&["\"tunnel ended\"", "\"moved\":3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_while_nothing_runs_waits_and_sessions_resume() {
    let (mut chat, pid) = Chat::started(KEEP).await;
    let visitor = chat.client.anew();
    assert_eq!(visitor.visit().await, Ok(HandshakeKind::Full));
    stop(&mut chat.world, pid).await;

    let waiting = tokio::spawn(async move { visitor.visit().await });
    chat.world.start_with_kept().await;

    assert_eq!(waiting.await.unwrap(), Ok(HandshakeKind::Resumed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_half_said_is_said_to_its_end() {
    let endpoint = Endpoint::listen().await;
    let mut world = World::keeping(&plain(&endpoint), MOST_KEPT);
    let pid = world.start().await;
    let wire = Wire::connect(world.folder.address("public").await).await;
    let (mut client, mut at_endpoint) = Proxy::tunnel_over(wire, &Handshake::new(), &endpoint).await;
    let long = Frame::text(&"one and the same ".repeat(1000));
    let bytes = long.by_client();
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    client.send(first).await;
    // What has come so far has gone on.
    let begun = at_endpoint.bytes(1000).await;

    stop(&mut world, pid).await;
    client.send(rest).await;
    world.start_with_kept().await;

    let mut whole = begun;
    whole.extend(at_endpoint.bytes(bytes.len() - whole.len()).await);
    let (message, length) = Frame::parse(&whole).unwrap();
    assert_eq!((message, length), (long, bytes.len()));
    at_endpoint.send(Frame::text("heard").by_endpoint()).await;
    assert_eq!(client.frame().await, Frame::text("heard"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_drains_while_the_others_are_served() {
    let (mut chat, pid) = Chat::started(KEEP).await;
    let mut kept = chat.client.tunnel().await.unwrap();
    let mut drained = chat.client.of_tls12().tunnel().await.unwrap();

    signal(pid, Signal::TERM);
    loop {
        match echoes(&mut drained, "still there").await {
            Echo::Came => {}
            other => break assert_eq!(other, Echo::Closed(1012)),
        }
    }
    // Its good-bye is not over, and the process has to wait for that.
    assert_eq!(echoes(&mut kept, "in the old process").await, Echo::Came);
    let _ = drained.close(None).await;
    assert_eq!(chat.world.exit_code(pid).await, Some(0));
    chat.world.start_with_kept().await;

    assert_eq!(echoes(&mut kept, "in the new process").await, Echo::Came);
    chat.world.folder.until_logged(&["wait with systemd", "\"kept\":1", "\"stayed\":1", "\"tls12\":1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_systemd_keeps_nothing_or_too_little_all_of_them_drain_and_the_log_says_why() {
    for most in [0, 1] {
        let endpoint = Endpoint::listen().await;
        let mut world = World::keeping(&plain(&endpoint), most);
        let pid = world.start().await;
        let wire = Wire::connect(world.folder.address("public").await).await;
        let (mut client, mut at_endpoint) = Proxy::tunnel_over(wire, &Handshake::new(), &endpoint).await;

        signal(pid, Signal::TERM);

        assert_eq!(client.frame().await.close_code(), Some(1012));
        client.send(Frame::close(1012, "").by_client()).await;
        at_endpoint.frame().await;
        at_endpoint.send(Frame::close(1012, "").by_endpoint()).await;
        assert_eq!(world.exit_code(pid).await, Some(0));
        world.folder.until_logged(&["nothing can be kept for the next start", "FileDescriptorStoreMax="]).await;
        assert!(world.notify.kept().is_empty(), "the next start has no use for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_whose_route_is_gone_are_closed_and_the_others_go_on() {
    let endpoint = Endpoint::listen().await;
    let other = |config: Config| config.with("route.other.path", "\"/other\"").with("route.other.upstream", "\"chat\"");
    let mut world = World::keeping(&other(plain(&endpoint)), MOST_KEPT);
    let pid = world.start().await;
    let address = world.folder.address("public").await;
    let connect = async |path| {
        let handshake = Handshake::new().request(&format!("GET {path} HTTP/1.1"));
        Proxy::tunnel_over(Wire::connect(address).await, &handshake, &endpoint).await
    };
    let (mut stays, mut at_endpoint) = connect("/").await;
    let (mut goes, _its_endpoint) = connect("/other").await;
    stop(&mut world, pid).await;
    world.folder.configure(&plain(&endpoint).text());

    world.start_with_kept().await;

    goes.is_gone().await;
    stays.send(Frame::text("here").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("here"));
    world.folder.until_logged(&["have no place here any more", "\"tunnels\":1", "\"gone\":1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_waits_for_the_start_after_those_that_fail() {
    let (mut chat, pid) = Chat::started(KEEP).await;
    let visitor = chat.client.anew();
    assert_eq!(visitor.visit().await, Ok(HandshakeKind::Full));
    let mut tunnel = chat.client.tunnel().await.unwrap();
    stop(&mut chat.world, pid).await;
    let config = fs::read_to_string(chat.world.folder.config()).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let another = format!("[listener.another]\nbind = \"{taken}\"\n");
    let somebody = TcpListener::bind(taken).unwrap();
    for (wrong, code) in [("nonsense = 1", 2), (&*(config.clone() + &another), 1)] {
        chat.world.folder.configure(wrong);
        let failed = chat.world.spawn(chat.world.command_with_kept());
        assert_eq!(chat.world.exit_code(failed).await, Some(code));
    }
    drop(somebody);
    let waiting = TcpStream::connect(chat.client.proxy).await.expect("somebody listens");

    chat.world.folder.configure(&config);
    chat.world.start_with_kept().await;

    assert_eq!(visitor.visit().await, Ok(HandshakeKind::Resumed));
    assert_eq!(echoes(&mut tunnel, "at last").await, Echo::Came);
    let (mut session, _) = chat.client.anew().over(waiting).await.unwrap();
    assert!(plain_answer(&mut session).await.starts_with("http/1.1 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_version_has_kept_is_told_and_closed() {
    let endpoint = Endpoint::listen().await;
    // That of the new process: where the socket that was kept is not closed, it cannot have it.
    let bind = format!("\"127.0.0.1:{}\"", free_port());
    let mut world = World::keeping(&plain(&endpoint).with("listener.public.bind", &bind), MOST_KEPT);
    let pid = world.start().await;
    let address = world.folder.address("public").await;
    let tunnel = async || Proxy::tunnel_over(Wire::connect(address).await, &Handshake::new(), &endpoint).await;
    let (mut client, _at_endpoint) = tunnel().await;
    stop(&mut world, pid).await;
    for (name, word) in [(KEPT_STATE, "protocol"), (KEPT_TUNNELS, "format")] {
        let [queue] = world.notify.take(name).try_into().unwrap();
        world.notify.keep(name, with_another(word, queue));
    }

    world.start_with_kept().await;

    client.is_gone().await;
    let (mut client, mut at_endpoint) = tunnel().await;
    client.send(Frame::text("served").by_client()).await;
    assert_eq!(at_endpoint.frame().await, Frame::text("served"));
    world.folder.until_logged(&["something that systemd has kept makes no sense", "version 1000 of the handoff"]).await;
    let another = "another version of this program has kept them";
    world.folder.until_logged(&["open tunnels that were kept cannot be read", "\"tunnels\":1", another]).await;
    world.folder.until_logged(&["have no place here any more", "\"tunnels\":1", "\"failed\":1"]).await;
    assert!(world.notify.kept().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_that_systemd_does_not_keep_in_the_end_drain() {
    let (mut chat, pid) = Chat::started(KEEP).await;
    let tunnel = chat.client.tunnel().await.unwrap();
    let drained = chat.client.of_tls12().tunnel().await.unwrap();
    signal(pid, Signal::TERM);
    chat.world.folder.until_logged(&["drain begins", "what cannot be kept"]).await;

    drop(chat.world.notify.take(KEPT_TUNNELS));

    assert_eq!(until_closed(drained).await, Echo::Closed(1012));
    assert_eq!(until_closed(tunnel).await, Echo::Closed(1012));
    assert_eq!(chat.world.exit_code(pid).await, Some(0));
    chat.world.folder.until_logged(&["no more open tunnels can be kept for the next start"]).await;
    chat.world.folder.until_logged(&["wait with systemd", "\"kept\":0", "\"stayed\":2", "\"failed\":1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_turns_away_what_comes_from_the_process_before_and_waits_for_its_last_word() {
    for tunnels in ["keep", "drain"] {
        let (mut world, before, pid) = after_one_that_moves(tunnels).await;

        signal(pid, Signal::TERM);

        // Some may come before the stop.
        let mut batch = 0;
        while taken(&before, batch).await != "busy" {
            batch += 1;
        }
        before.send(&moved(), None).await.unwrap();
        assert_eq!(world.exit_code(pid).await, Some(0), "{tunnels}");
        assert!(!world.folder.log().contains("does not say that it moves no more"), "{}", world.folder.log());
    }
}

/// A process that has taken over from one which says that its tunnels follow; that one's end, and the process.
async fn after_one_that_moves(tunnels: &str) -> (World, Channel, u32) {
    let config = plain(&Endpoint::listen().await).with("drain.stop.tunnels", &format!("{tunnels:?}"));
    let mut world = World::keeping(&config, MOST_KEPT);
    let (before, theirs) = Channel::pair().unwrap();
    let mut command = world.command("sh", &["-c", "exec 3<&0 </dev/null; exec \"$0\" \"$@\"", PROGRAM]);
    command.stdin(theirs).env(HANDOFF_FD, "3");
    let pid = world.spawn(command);
    let offer = HandoffMessage::Offer { protocol: PROTOCOL, pid: std::process::id() };
    for message in [offer, HandoffMessage::Complete, HandoffMessage::TakeOver { moves_tunnels: true }] {
        before.send(&message, None).await.unwrap();
    }
    while heard(&before).await != HandoffMessage::Serving {}
    (world, before, pid)
}

/// What the process says of a batch of tunnels that nobody can read: why it takes none of them.
async fn taken(before: &Channel, batch: u32) -> String {
    before.send(&HandoffMessage::Tunnels { batch, format: 0 }, None).await.unwrap();
    let HandoffMessage::TunnelsTaken { refused, .. } = heard(before).await else { panic!("no answer to tunnels") };
    refused.into_keys().next().unwrap()
}

async fn heard(before: &Channel) -> HandoffMessage {
    within("an answer", before.receive()).await.unwrap().expect("it is there still").0
}

fn moved() -> HandoffMessage {
    HandoffMessage::TunnelsMoved { moved: 0, stayed: BTreeMap::new(), longest_pause_us: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_in_the_store_is_told_and_thrown_away() {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let mut world = World::keeping(&plain(&Endpoint::listen().await), MOST_KEPT);
    for text in ["no message", "{\"kind\":\"tunnels\",\"batch\":1,\"format\":1}", "{\"kind\":\"of a later version\"}"] {
        send(&ours, text.as_bytes(), SendFlags::empty()).unwrap();
    }
    drop(ours);
    world.notify.keep(KEPT_TUNNELS, theirs);
    world.notify.keep(KEPT_STATE, OwnedFd::from(fs::File::open("/dev/null").unwrap()));

    world.start_with_kept().await;

    world.folder.until_logged(&["something that systemd has kept makes no sense", "windlass-kept"]).await;
    world.folder.until_logged(&["something that systemd has kept makes no sense", "expected"]).await;
    world.folder.until_logged(&["open tunnels that were kept cannot be read"]).await;
    assert!(world.notify.kept().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once_here_too() {
    let (mut chat, pid) = Chat::started(KEEP).await;
    let mut drained = chat.client.of_tls12().tunnel().await.unwrap();
    signal(pid, Signal::TERM);
    chat.world.folder.until_logged(&["drain begins", "what cannot be kept"]).await;

    signal(pid, Signal::TERM);

    assert_eq!(chat.world.exit_code(pid).await, Some(0));
    let _ = drained.close(None).await;
}

fn plain(endpoint: &Endpoint) -> Config {
    Config::chat([endpoint.address()]).with("drain.stop.tunnels", "\"keep\"").with("drain.stop.spread", "\"1ms\"")
}

/// A queue in which all is said that is said in this one, but by a program that writes another number there.
fn with_another(word: &str, queue: OwnedFd) -> OwnedFd {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    loop {
        let mut bytes = [0; 16 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let said =
            recvmsg(&queue, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC).unwrap();
        let Some(message) = bytes.get(..said.bytes).filter(|message| !message.is_empty()) else { return theirs };
        let mut message: Value = serde_json::from_slice(message).unwrap();
        if let Some(number) = message.get_mut(word) {
            *number = 1000.into();
        }
        let rights = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors: Vec<OwnedFd> = rights.flatten().collect();
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(descriptors.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let message = message.to_string();
        sendmsg(&ours, &[IoSlice::new(message.as_bytes())], &mut ancillary, SendFlags::empty()).unwrap();
    }
}

/// A stop, as systemd causes it.
async fn stop(world: &mut World, pid: u32) {
    signal(pid, Signal::TERM);
    assert_eq!(world.exit_code(pid).await, Some(0));
}
