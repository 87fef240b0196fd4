//! Another implementation at both ends: everything that it can say arrives as it was said.

use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{Config, Proxy, within};

type Socket = WebSocketStream<TcpStream>;

#[tokio::test]
async fn whatever_it_says_arrives_both_ways() {
    let (proxy, mut client, mut server) = joined().await;
    let long: Vec<u8> = (0..16 << 20).map(|number: u32| number.to_le_bytes()[0]).collect();
    let said = [
        Message::text("grüß dich"),
        Message::text(""),
        Message::binary(long),
        Message::Ping(Bytes::from_static(b"there?")),
        Message::Pong(Bytes::from_static(b"unasked")),
    ];
    for message in said {
        carried(&mut client, &mut server, &message).await;
        carried(&mut server, &mut client, &message).await;
    }
    drop((client, server));
    proxy.is_empty().await;
}

#[tokio::test]
async fn a_close_keeps_its_code_and_reason_from_either_side() {
    for closes in [Closes::Client, Closes::Server] {
        let (proxy, client, server) = joined().await;
        let (mut one, mut other) = match closes {
            Closes::Client => (client, server),
            Closes::Server => (server, client),
        };
        let close = Message::Close(Some(CloseFrame { code: 4321.into(), reason: "enough".into() }));

        one.send(close.clone()).await.unwrap();

        assert_eq!(next(&mut other).await, Some(close.clone()));
        // Both ends are read on, as RFC 6455 §7.1.1 asks, until there is no more.
        let (answer, end) = tokio::join!(next(&mut one), next(&mut other));
        assert_eq!((answer, end), (Some(close), None));
        assert_eq!(next(&mut one).await, None);
        drop((one, other));
        proxy.is_empty().await;
    }
}

#[derive(Clone, Copy)]
enum Closes {
    Client,
    Server,
}

async fn joined() -> (Proxy, Socket, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::serving(&Config::chat([listener.local_addr().unwrap()]));
    let config = Some(WebSocketConfig::default().max_frame_size(None).max_message_size(None));
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept_async_with_config(stream, config).await.unwrap()
    };
    let client = async {
        let stream = TcpStream::connect(proxy.address("public")).await.unwrap();
        client_async_with_config("ws://chat.test/chat", stream, config).await.unwrap().0
    };
    let (client, server) = within("the handshake", async { tokio::join!(client, server) }).await;
    (proxy, client, server)
}

/// Sends while the other end reads: a long message fits in no buffer.
async fn carried(from: &mut Socket, to: &mut Socket, message: &Message) {
    let (sent, read) = tokio::join!(from.send(message.clone()), next(to));
    sent.unwrap();
    assert!(read.as_ref() == Some(message), "{} bytes", message.len());
    if message.is_ping() {
        // The answer is the library's own; it goes out with what is said next.
        to.flush().await.unwrap();
        assert_eq!(next(from).await, Some(Message::Pong(message.clone().into_data())));
    }
}

async fn next(socket: &mut Socket) -> Option<Message> {
    within("a message", socket.next()).await.map(Result::unwrap)
}
