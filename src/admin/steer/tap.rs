//! What passes through a tunnel, told to an operator as it passes: the body of an answer, a line of JSON each.
//!
//! Invariants: over a unix socket alone, and no more than `admin.tap` allows; it ends in time, after so many bytes, and with its tunnel;
//! who reads slowly misses lines, and is told.

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, timeout_at};

use crate::admin::answer::{AdminAnswer, Leaving, typed};
use crate::admin::command::CommandError;
use crate::admin::context::Context;
use crate::admin::wire::{SeenLine, TapBounds, TapLine, TapRequest};
use crate::config::TapLevel;
use crate::drain::{TapRefused, TunnelId};
use crate::tap::{Content, Detail, Seen, TapEvent, TapFeed, TapReader};

/// One who looks at a tunnel.
struct Onlooker {
    feed: TapFeed,
    reader: TapReader,
    leaving: Leaving,
    bounds: TapBounds,
    began: Instant,
    until: Instant,
    /// How many bytes of messages may still be shown.
    left: u64,
    lines: VecDeque<TapLine>,
    is_over: bool,
}

/// Begins a tap, unless it may not be.
///
/// # Errors
/// It makes no sense, the configuration does not allow it, there is no such tunnel, or there are too many taps.
pub(super) fn tapped(context: &Context, request: &TapRequest, leaving: Leaving) -> Result<AdminAnswer, CommandError> {
    let bounds = request.understood().map_err(CommandError::Nonsense)?;
    let (detail, level) = match context.proxy.snapshot().settings.admin.tap {
        TapLevel::Off => {
            return Err(CommandError::Refused("admin.tap is \"off\": nobody looks into tunnels here".into()));
        }
        TapLevel::Headers => (Detail::Headers, "headers"),
        TapLevel::Messages => (Detail::Messages { most: bounds.cut }, "messages"),
    };
    let (_, feed) = context.proxy.registry.tap(TunnelId(request.tunnel)).map_err(|refused| match refused {
        TapRefused::Unknown(_) => CommandError::Unknown(refused.to_string()),
        TapRefused::TooMany => CommandError::Refused(refused.to_string()),
    })?;
    let began = Instant::now();
    let first =
        TapLine::Began { tunnel: request.tunnel, level: level.to_owned(), for_seconds: bounds.time.as_secs_f64() };
    let onlooker = Onlooker {
        feed,
        reader: TapReader::new(detail),
        leaving,
        bounds,
        began,
        until: began + bounds.time,
        left: bounds.max_bytes,
        lines: VecDeque::from([first]),
        is_over: false,
    };
    let lines = stream::unfold(onlooker, |mut onlooker| async move {
        let line = onlooker.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(written(&line))), onlooker))
    });
    Ok(typed(Response::new(StreamBody::new(lines).boxed_unsync()), "application/x-ndjson"))
}

fn written(line: &TapLine) -> Bytes {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text.into()
}

impl Onlooker {
    async fn next(&mut self) -> Option<TapLine> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            let piece = tokio::select! {
                biased;
                () = self.leaving.is_told() => Err("needed"),
                piece = timeout_at(self.until, self.feed.next()) => match piece {
                    Err(_) => Err("time"),
                    Ok(None) => Err("ended"),
                    Ok(Some(piece)) => Ok(piece),
                },
            };
            match piece {
                Ok(piece) => self.reader.read(&piece).into_iter().for_each(|event| self.tell(event)),
                Err(why) => self.end(why),
            }
        }
    }

    fn tell(&mut self, event: TapEvent) {
        if self.is_over {
            return;
        }
        match event {
            TapEvent::Missing => self.lines.push_back(TapLine::Missing),
            TapEvent::Seen(seen) if self.bounds.direction.is_some_and(|only| only != seen.direction) => {}
            TapEvent::Seen(seen) => {
                let shown = shown(&seen);
                let at = seen.at.saturating_duration_since(self.began);
                self.lines.push_back(TapLine::Seen(SeenLine::of(&seen, at)));
                self.left = self.left.saturating_sub(shown);
                if self.left == 0 {
                    self.end("bytes");
                }
            }
        }
    }

    fn end(&mut self, why: &str) {
        self.is_over = true;
        self.lines.push_back(TapLine::End { why: why.to_owned() });
    }
}

/// How much of a message is shown; a line about nothing but its size counts for what it takes.
fn shown(seen: &Seen) -> u64 {
    const LINE: u64 = 64;
    LINE + match &seen.content {
        Content::Text { text, .. } => text.len() as u64,
        Content::Bytes { bytes, .. } => bytes.len() as u64,
        Content::None | Content::Close { .. } | Content::Hidden(_) => 0,
    }
}
