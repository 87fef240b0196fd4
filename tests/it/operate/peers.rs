//! Endpoints behind a windlass process and clients in front of it.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};
use tungstenite::Message;

use crate::rig::within;

/// An endpoint that says its name and then echoes.
pub(crate) async fn endpoint(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = accept_async(stream).await?;
                socket.send(Message::text(name)).await?;
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() {
                        socket.send(message).await?;
                    }
                }
                Ok::<_, tungstenite::Error>(())
            });
        }
    });
    address
}

/// A client with an open tunnel.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    /// The name of its endpoint.
    pub(crate) endpoint: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> Result<Self, tungstenite::Error> {
        Self::open(address, &format!("/?k={key}")).await
    }

    pub(crate) async fn open(address: SocketAddr, target: &str) -> Result<Self, tungstenite::Error> {
        let stream = TcpStream::connect(address).await?;
        let (socket, _) = client_async(format!("ws://{address}{target}"), stream).await?;
        let mut client = Self { socket, endpoint: String::new() };
        client.endpoint = client.read().await;
        Ok(client)
    }

    async fn read(&mut self) -> String {
        let message = within("a message", self.socket.next()).await.unwrap().unwrap();
        message.into_text().unwrap().to_string()
    }

    /// Whether the tunnel carries a message there and back.
    pub(crate) async fn assert_open(&mut self) {
        assert_eq!(self.echo("still there?").await, "still there?");
    }

    pub(crate) async fn echo(&mut self, text: &str) -> String {
        self.say(text).await;
        self.read().await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The code and the reason of the Close that comes.
    pub(crate) async fn closed(mut self) -> (u16, String) {
        let closed = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                    Some(Ok(_)) => {}
                    other => panic!("no Close, but {other:?}"),
                }
            }
        };
        let close = within("a Close", closed).await;
        // Answers the Close.
        while let Some(Ok(_)) = self.socket.next().await {}
        close
    }
}
