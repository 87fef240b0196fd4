//! Asks the process: what it says of itself, and the tunnels that fit the screen.
//!
//! What there is to see comes by the feed of the dashboard and not by `/status`: it is put together once for all who look, it says what
//! ended and why, and it says whether one may steer. Tunnels are not in it: of those a page is asked for, which the process sorts.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::hearing::{Hearing, Told};
use super::news::{News, Wanted};
use crate::admin::{AskError, Client, ParsedAnswer, REPLY_WITHIN};

/// After how long it is tried again where nobody tells.
const AGAIN: Duration = Duration::from_secs(1);
/// The same where somebody else answers now.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Looks that come a little early count.
const ABOUT: Duration = Duration::from_millis(300);

/// Asks until nobody wants to hear any more.
pub(super) async fn ask(client: Client, every: Duration, wanted: watch::Receiver<Wanted>, news: mpsc::Sender<News>) {
    tokio::join!(hear(&client, every, &news), list(&client, every, wanted, &news));
}

async fn hear(client: &Client, every: Duration, news: &mpsc::Sender<News>) {
    loop {
        let (why, after) = hear_once(client, every, news).await;
        if news.send(News::Lost(why)).await.is_err() {
            return;
        }
        sleep(after).await;
    }
}

/// Hears the feed to its end; returns why it ended, and after how long it is worth asking again.
async fn hear_once(client: &Client, every: Duration, news: &mpsc::Sender<News>) -> (String, Duration) {
    let mut lines = match client.watch("/events").await {
        Ok(lines) => lines,
        Err(error) => return (said(&error), AGAIN),
    };
    let (mut hearing, mut shown) = (Hearing::default(), None::<Instant>);
    loop {
        let line = match timeout(REPLY_WITHIN, lines.next()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return ("the process has ended the connection".into(), AT_ONCE),
            Ok(Err(broken)) => return (format!("the connection broke: {broken}"), AT_ONCE),
            Err(_) => return (format!("it has said nothing for {} s", REPLY_WITHIN.as_secs()), AGAIN),
        };
        let told = match hearing.handle_line(&line) {
            Ok(None) => continue,
            Ok(Some(told)) => told,
            Err(error) => return (format!("what it says makes no sense, is it another version? {error}"), AGAIN),
        };
        let sent = match told {
            Told::Hello { may_steer } => news.send(News::Hello { may_steer }).await,
            Told::Look(seen) => {
                let now = Instant::now();
                if shown.is_some_and(|before| now.duration_since(before) + ABOUT < every) {
                    continue;
                }
                shown = Some(now);
                news.send(News::Seen(seen)).await
            }
            Told::End(why) if why == "handed over" => return ("it has handed over".into(), AT_ONCE),
            Told::End(why) => return (why, AT_ONCE),
        };
        if sent.is_err() {
            return (String::new(), AGAIN);
        }
    }
}

/// Asks for tunnels, again as soon as others are wanted.
async fn list(client: &Client, every: Duration, mut wanted: watch::Receiver<Wanted>, news: &mpsc::Sender<News>) {
    loop {
        let next = Instant::now() + every;
        let want = wanted.borrow_and_update().clone();
        if !want.is_paused {
            tokio::select! {
                () = list_once(client, want, news) => {}
                changed = wanted.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            }
        }
        tokio::select! {
            () = sleep_until(next) => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

async fn list_once(client: &Client, want: Wanted, news: &mpsc::Sender<News>) {
    let Wanted { process, path, detail, .. } = want;
    let answer = client.get(&path).await.map(|ParsedAnswer { value, .. }| value).map_err(|error| said(&error));
    if news.send(News::Tunnels { process, path, answer }).await.is_err() {
        return;
    }
    if let Some(id) = detail {
        let answer = client.get(&format!("/tunnels/{id}")).await;
        let answer = answer.map(|ParsedAnswer { value, .. }| Box::new(value)).map_err(|error| said(&error));
        // Whoever does not want to know it is gone.
        let _ = news.send(News::Detail { id, answer }).await;
    }
}

fn said(error: &AskError) -> String {
    error.to_string()
}
