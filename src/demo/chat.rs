//! One tab's conversation over its WebSocket, from the hello to the Close.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::room::{Event, Presence};

/// Bytes of one text at the most; above that the tab reads a Close 1009.
pub(super) const MAX_TEXT: usize = 4 * 1024;
/// Bytes of one message that are read at all. Above [`MAX_TEXT`], so that the usual offender is read to its end: a
/// socket closed with unread input is reset, and the Close in flight is lost.
const MAX_READ: usize = 64 * 1024;
/// How long a tab may take none of what it is told, and how long it may take to answer a Close.
const PATIENCE: Duration = Duration::from_secs(10);

/// Talks with the tab called `name` until either has enough.
pub(super) async fn converse<S>(stream: S, mut presence: Presence, name: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_READ))
        .max_frame_size(Some(MAX_READ));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    // How it ended is the proxy's to log: it sees the same frames.
    let _ = talk(&mut socket, &mut presence, name).await;
    drop(presence);
    let _ = timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await;
}

async fn talk<S>(socket: &mut WebSocketStream<S>, presence: &mut Presence, name: &str) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = Event::Hello { endpoint: presence.endpoint(), name };
    tell(socket, Message::Text(hello.to_text())).await?;
    presence.roster.mark_changed();
    loop {
        let news = tokio::select! {
            received = socket.next() => match received.transpose()? {
                Some(Message::Text(text)) => match spoken(&text) {
                    Ok(text) => {
                        presence.say(&Event::Message { from: name, endpoint: presence.endpoint(), text: &text });
                        continue;
                    }
                    Err(close) => return tell(socket, Message::Close(Some(close))).await,
                },
                Some(Message::Binary(_)) => {
                    let close = CloseFrame { code: CloseCode::Unsupported, reason: "the chat is text only".into() };
                    return tell(socket, Message::Close(Some(close))).await;
                }
                Some(Message::Close(_)) | None => return Ok(()),
                Some(_) => continue,
            },
            heard = presence.events.recv() => match heard {
                Ok(text) => text,
                Err(RecvError::Lagged(count)) => Event::Missed { count }.to_text(),
                Err(RecvError::Closed) => return Ok(()),
            },
            Ok(()) = presence.roster.changed() => {
                Event::Roster { endpoints: &presence.roster.borrow_and_update() }.to_text()
            }
        };
        tell(socket, Message::Text(news)).await?;
    }
}

/// The text of a tab's message: `{"text": …}`, or whatever it is when it is not that.
fn spoken(message: &Utf8Bytes) -> Result<String, CloseFrame> {
    #[derive(Deserialize)]
    struct Spoken {
        text: String,
    }
    let text = serde_json::from_str(message).map_or_else(|_| message.to_string(), |Spoken { text }| text);
    if text.len() <= MAX_TEXT {
        Ok(text)
    } else {
        Err(CloseFrame { code: CloseCode::Size, reason: "a text may have 4 KiB".into() })
    }
}

async fn tell<S>(socket: &mut WebSocketStream<S>, message: Message) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout(PATIENCE, socket.send(message)).await {
        Ok(sent) => sent,
        Err(_) => Err(Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::demo::room::ChatRoom;

    async fn tab(room: &ChatRoom, endpoint: &'static str) -> (WebSocketStream<DuplexStream>, JoinHandle<()>) {
        // Smaller than a few events, so that a tab that does not read is felt at once.
        let (ours, theirs) = tokio::io::duplex(128);
        let presence = room.enter(endpoint);
        let task = tokio::spawn(async move { converse(theirs, presence, "otter").await });
        (WebSocketStream::from_raw_socket(ours, Role::Client, None).await, task)
    }

    async fn next_of(socket: &mut WebSocketStream<DuplexStream>, kind: &str) -> serde_json::Value {
        loop {
            let message = socket.next().await.expect("the chat goes on").expect("a frame");
            let event: serde_json::Value = serde_json::from_str(message.to_text().unwrap()).expect("JSON");
            if event["type"] == kind {
                return event;
            }
        }
    }

    async fn close_of(socket: &mut WebSocketStream<DuplexStream>) -> CloseFrame {
        loop {
            if let Message::Close(frame) = socket.next().await.expect("a Close").expect("a frame") {
                return frame.expect("a code");
            }
        }
    }

    #[tokio::test]
    async fn says_hello_and_then_who_is_where() {
        let room = ChatRoom::new(["amber", "jade"]);
        let (mut socket, _task) = tab(&room, "jade").await;
        let hello = next_of(&mut socket, "hello").await;
        assert_eq!((&hello["endpoint"], &hello["name"]), (&"jade".into(), &"otter".into()));
        assert_eq!(next_of(&mut socket, "roster").await["endpoints"][1]["tabs"], 1);
    }

    #[tokio::test]
    async fn text_that_is_not_json_is_the_text_itself() {
        let room = ChatRoom::new(["jade"]);
        let (mut socket, _task) = tab(&room, "jade").await;
        socket.send(Message::text("42")).await.unwrap();
        assert_eq!(next_of(&mut socket, "message").await["text"], "42");
    }

    #[tokio::test]
    async fn a_text_of_exactly_the_limit_passes_and_one_byte_more_reads_1009() {
        let room = ChatRoom::new(["jade"]);
        let (mut socket, task) = tab(&room, "jade").await;
        next_of(&mut socket, "roster").await;
        let (mut tx, mut rx) = socket.split();
        let sender = tokio::spawn(async move {
            tx.send(Message::text("a".repeat(MAX_TEXT))).await.unwrap();
            tx.send(Message::text("b".repeat(MAX_TEXT + 1))).await.unwrap();
        });
        let first = rx.next().await.unwrap().unwrap();
        assert!(first.len() > MAX_TEXT, "{first:?}");
        let close = rx.next().await.unwrap().unwrap();
        assert!(matches!(&close, Message::Close(Some(frame)) if frame.code == CloseCode::Size), "{close:?}");
        sender.await.unwrap();
        assert!(rx.next().await.is_none());
        task.await.unwrap();
    }

    #[tokio::test]
    async fn binary_reads_1003() {
        let room = ChatRoom::new(["jade"]);
        let (mut socket, _task) = tab(&room, "jade").await;
        socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        assert_eq!(close_of(&mut socket).await.code, CloseCode::Unsupported);
    }

    #[tokio::test]
    async fn a_slow_tab_is_told_how_much_it_missed() {
        let room = ChatRoom::new(["jade"]);
        let (mut socket, _task) = tab(&room, "jade").await;
        next_of(&mut socket, "roster").await;
        // Nothing is polled in between: the tab's task cannot keep up.
        for number in 0..100 {
            room.say(&Event::Message { from: "hare", endpoint: "jade", text: &number.to_string() });
        }
        assert_eq!(next_of(&mut socket, "missed").await["count"], 36);
        assert_eq!(next_of(&mut socket, "message").await["text"], "36");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tab_that_never_reads_loses_its_seat() {
        let room = ChatRoom::new(["jade"]);
        let (_unread, task) = tab(&room, "jade").await;
        for _ in 0..10 {
            room.say(&Event::Message { from: "hare", endpoint: "jade", text: "do you read me?" });
        }
        task.await.unwrap();
        assert_eq!(room.enter("jade").roster.borrow()[0].tabs, 1, "only the one that has just entered");
    }

    #[tokio::test]
    async fn a_close_is_answered_with_its_code() {
        let room = ChatRoom::new(["jade"]);
        let (mut socket, task) = tab(&room, "jade").await;
        socket.close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() })).await.unwrap();
        assert_eq!(close_of(&mut socket).await.code, CloseCode::Away);
        assert!(socket.next().await.is_none());
        task.await.unwrap();
    }
}
